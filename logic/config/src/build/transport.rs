//! Services of layer 4: their upstreams looked up, and what those have for HTTP only refused.

use super::pool::{Pools, socket};
use super::tls;
use crate::diagnostic::Report;
use crate::draft::{At, Choice, DraftTcp, DraftUdp};
use crate::source::Span;
use evener_plan::{ProxyVersion, TcpService, UdpService, UpstreamId};

pub(super) fn tcp(draft: DraftTcp, pools: &mut Pools<'_>, report: &mut Report) -> TcpService {
    TcpService {
        tls: draft.tls.as_ref().map(|tls| tls::build(tls, &draft.hosts, report)),
        upstream: upstream(draft.to.as_ref(), Layer::Tcp, pools, report),
        listen: draft.listen.into_iter().map(|at| at.value).collect(),
        hosts: draft.hosts.into_iter().map(|at| at.value).collect(),
        idle_timeout: draft.idle_timeout,
        send_proxy: draft.send_proxy,
        accept_proxy: draft.accept_proxy.value,
    }
}

pub(super) fn udp(draft: DraftUdp, pools: &mut Pools<'_>, report: &mut Report) -> UdpService {
    UdpService {
        upstream: upstream(draft.to.as_ref(), Layer::Udp, pools, report),
        listen: draft.listen.into_iter().map(|at| at.value).collect(),
        idle_timeout: draft.idle_timeout,
        sessions_max: draft.sessions_max,
    }
}

/// Reports services that do not agree on the header with which checks of their servers begin.
pub(super) fn check_sends(services: &[DraftTcp], pools: &Pools<'_>, report: &mut Report) {
    // What was misspelt may have been a `send`.
    if ["unknown-word", "unknown-key", "wrong-type"].iter().any(|code| report.has(code)) {
        return;
    }
    let mut seen: Vec<(&At<String>, Option<ProxyVersion>)> = Vec::new();
    for service in services {
        let Some(At { value: Choice::ToName(name), .. }) = &service.to else { continue };
        if !pools.traits(&name.value).is_some_and(|traits| traits.is_checked) {
            continue;
        }
        match seen.iter().find(|(earlier, _)| earlier.value == name.value) {
            None => seen.push((name, service.send_proxy)),
            Some((_, send)) if *send == service.send_proxy => {}
            Some((first, _)) => {
                let message = format!("services of `{}`, which has `health`, must send it the same header", name.value);
                report
                    .error("mixed-proxy-protocol", name.span, message)
                    .label(first.span, "the first one has another `proxy_protocol.send`")
                    .help("checks begin as connections of clients do: write the same `send`, or use two upstreams");
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Layer {
    Tcp,
    Udp,
}

/// What is missing or could not be made was reported; its number stands for nothing, since there will be no plan.
fn upstream(to: Option<&At<Choice>>, layer: Layer, pools: &mut Pools<'_>, report: &mut Report) -> UpstreamId {
    let id = match to.map(|at| &at.value) {
        Some(Choice::ToName(name)) => {
            check(name, layer, pools, report);
            pools.named(name, report)
        }
        Some(Choice::ToServers(servers)) => {
            if let Some(server) = servers.value.iter().find_map(socket).filter(|_| layer == Layer::Udp) {
                refuse_socket(server, None, report);
            }
            pools.in_place(&servers.value, report)
        }
        // Neither can be written for a service.
        Some(Choice::Redirect { .. } | Choice::Respond(_)) | None => None,
    };
    id.unwrap_or(UpstreamId(0))
}

fn check(name: &At<String>, layer: Layer, pools: &Pools<'_>, report: &mut Report) {
    let Some(traits) = pools.traits(&name.value) else { return };
    let service = match layer {
        Layer::Tcp => "[[tcp]]",
        Layer::Udp => "[[udp]]",
    };
    for key in traits.http_only {
        report
            .error(
                "http-only",
                name.span,
                format!("`{}` of `{}` is for HTTP, a {service} is not", key.value, name.value),
            )
            .label(key.span, "it is written here")
            .help("leave it out, or put the servers in another upstream as well");
    }
    if layer == Layer::Tcp {
        return;
    }
    if let Some(key) = traits.tls_key {
        report
            .error("tls-over-udp", name.span, format!("`{}` has TLS, which datagrams do not", name.value))
            .label(key, "it is written here")
            .help("leave it out, or put the servers in another upstream as well");
    }
    if let Some(server) = traits.socket {
        refuse_socket(name.span, Some(server), report);
    }
}

fn refuse_socket(place: Span, server: Option<Span>, report: &mut Report) {
    let finding = report.error("socket-over-udp", place, "datagrams do not go to unix sockets");
    if let Some(server) = server {
        finding.label(server, "this server is a unix socket");
    }
    finding.help("write the server's address, such as \"127.0.0.1:53\"");
}
