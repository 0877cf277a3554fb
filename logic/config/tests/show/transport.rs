//! TLS and layer 4 of a plan as short text.

use super::{hosts, join};
use evener_plan::{AcceptProxy, Certificates, Plan, ServerTls, TlsVersion};
use std::fmt::Write;

pub(super) fn tls(out: &mut String, tls: &ServerTls) {
    match &tls.certificates {
        Certificates::Auto => out.push_str(" tls auto"),
        Certificates::Internal => out.push_str(" tls internal"),
        Certificates::Files(files) => {
            let files = files.iter().map(|files| format!("{} with {}", files.certificate, files.key));
            write!(out, " tls [{}]", join(files)).unwrap();
        }
    }
    if tls.version_min != TlsVersion::V12 {
        write!(out, " from {}", tls.version_min).unwrap();
    }
    if let Some(auth) = &tls.client_auth {
        let how = if auth.is_required { "required" } else { "optional" };
        write!(out, " clients {how} of {} but [{}]", auth.ca, join(&auth.crls)).unwrap();
    }
}

pub(super) fn accept_proxy(out: &mut String, accept: Option<&AcceptProxy>) {
    if let Some(accept) = accept {
        let blocks = accept.from.iter().map(|block| format!("{}/{}", block.network, block.prefix));
        write!(out, " proxy from [{}]", join(blocks)).unwrap();
    }
}

pub(super) fn services(out: &mut String, plan: &Plan) {
    for service in &plan.tcp {
        write!(out, "tcp listen [{}] hosts [{}]", join(&service.listen), join(hosts(&service.hosts))).unwrap();
        if let Some(server) = &service.tls {
            tls(out, server);
        }
        accept_proxy(out, service.accept_proxy.as_ref());
        if let Some(version) = service.send_proxy {
            write!(out, " send {version:?}").unwrap();
        }
        writeln!(out, " idle {:?} -> {}", service.idle_timeout, plan.upstreams[service.upstream.0].name).unwrap();
    }
    for service in &plan.udp {
        let (listen, name) = (join(&service.listen), &plan.upstreams[service.upstream.0].name);
        writeln!(
            out,
            "udp listen [{listen}] idle {:?} sessions {} -> {name}",
            service.idle_timeout, service.sessions_max
        )
        .unwrap();
    }
}
