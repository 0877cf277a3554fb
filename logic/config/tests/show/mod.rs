//! A plan as short text that stays the same when its types gain fields with defaults.

mod transport;

use evener_plan::{AccessFormat, Acme, Action, HostMode, HostPattern, Limits, PathMatch, Plan, Route, ServerAddress};
use evener_plan::{Protocol, Site, TemplatePart, TextPart, Upstream};
use std::fmt::{Display, Write};

pub(crate) fn plan(plan: &Plan) -> String {
    let mut out = String::new();
    let workers = plan.workers.map_or_else(|| String::from("auto"), |workers| workers.to_string());
    writeln!(out, "workers {workers}, grace {:?}", plan.shutdown_grace).unwrap();
    if let Some(admin) = &plan.admin {
        writeln!(out, "admin {admin}").unwrap();
    }
    writeln!(out, "log {:?} {}", plan.log.access, format(&plan.log.format)).unwrap();
    if plan.limits != Limits::default() {
        writeln!(out, "{:?}", plan.limits).unwrap();
    }
    if plan.state_dir != "/var/lib/evener" {
        writeln!(out, "state {}", plan.state_dir).unwrap();
    }
    if plan.acme != Acme::default() {
        writeln!(out, "{:?}", plan.acme).unwrap();
    }
    for site in &plan.sites {
        self::site(&mut out, site, plan);
    }
    transport::services(&mut out, plan);
    for upstream in &plan.upstreams {
        self::upstream(&mut out, upstream);
    }
    out
}

fn site(out: &mut String, site: &Site, plan: &Plan) {
    write!(out, "site listen [{}] hosts [{}]", join(&site.listen), join(hosts(&site.hosts))).unwrap();
    if let Some(tls) = &site.tls {
        transport::tls(out, tls);
    }
    // What holds unless it is written.
    if site.http2 != site.tls.is_some() {
        write!(out, " http2 {}", site.http2).unwrap();
    }
    transport::accept_proxy(out, site.accept_proxy.as_ref());
    if !site.trusted_proxies.is_empty() {
        let blocks = site.trusted_proxies.iter().map(|block| format!("{}/{}", block.network, block.prefix));
        write!(out, " trusted [{}]", join(blocks)).unwrap();
    }
    out.push('\n');
    for route in &site.routes {
        self::route(out, route, plan);
    }
}

fn hosts(patterns: &[HostPattern]) -> impl Iterator<Item = String> {
    patterns.iter().map(|host| match host {
        HostPattern::Exact(name) => name.clone(),
        HostPattern::Wildcard(name) => format!("*.{name}"),
    })
}

fn route(out: &mut String, route: &Route, plan: &Plan) {
    let path = match &route.path {
        PathMatch::Exact(path) => format!("= {path}"),
        PathMatch::Prefix(path) => path.clone(),
        PathMatch::Regex(path) => format!("~ {path}"),
    };
    write!(out, "  {path}").unwrap();
    if !route.methods.is_empty() {
        write!(out, " methods [{}]", join(&route.methods)).unwrap();
    }
    for header in &route.headers {
        write!(out, " if {}={:?}", header.name, header.value).unwrap();
    }
    match &route.action {
        Action::Proxy(id) => write!(out, " -> {}", plan.upstreams[id.0].name).unwrap(),
        Action::Redirect { status, location } => {
            let location: String = location.iter().map(text_part).collect();
            write!(out, " -> redirect {status} {location}").unwrap();
        }
        Action::Respond(respond) => {
            write!(out, " -> respond {} {:?} {}", respond.status, respond.body, respond.content_type).unwrap();
        }
    }
    if let Some(strip) = &route.strip_prefix {
        write!(out, " strip {strip}").unwrap();
    }
    if let Some(timeout) = route.timeout {
        write!(out, " timeout {timeout:?}").unwrap();
    }
    for header in &route.set_headers {
        write!(out, " set {}={:?}", header.name, header.value).unwrap();
    }
    match &route.host {
        HostMode::Client => {}
        HostMode::Upstream => out.push_str(" host upstream"),
        HostMode::Fixed(host) => write!(out, " host {host:?}").unwrap(),
    }
    out.push('\n');
}

fn upstream(out: &mut String, upstream: &Upstream) {
    let Upstream { name, balance, connect_timeout, response_timeout, idle_timeout, .. } = upstream;
    let times = format!("connect {connect_timeout:?} response {response_timeout:?} idle {idle_timeout:?}");
    writeln!(out, "upstream {name} {balance:?} {times}").unwrap();
    for server in &upstream.servers {
        let address = match &server.address {
            ServerAddress::Tcp(addresses) => join(addresses),
            ServerAddress::Unix(path) => format!("unix {path}"),
        };
        write!(out, "  {} at {address} weight {}", server.label, server.weight).unwrap();
        if server.tier > 0 {
            write!(out, " tier {}", server.tier).unwrap();
        }
        out.push('\n');
    }
    care(out, upstream);
}

/// What differs from what holds for servers in place.
fn care(out: &mut String, upstream: &Upstream) {
    let plan = evener_config::load_text("", "[[site]]\nto = \"127.0.0.1:1\"\n", &evener_config::NoWorld).plan.unwrap();
    let usual = &plan.upstreams[0];
    let mut line = |differs: bool, text: String| {
        if differs {
            writeln!(out, "  {text}").unwrap();
        }
    };
    line(upstream.protocol != Protocol::Http1, format!("{:?}", upstream.protocol));
    line(upstream.tls != usual.tls, format!("{:?}", upstream.tls));
    line(upstream.health != usual.health, format!("{:?}", upstream.health));
    line(upstream.sticky != usual.sticky, format!("{:?}", upstream.sticky));
    line(upstream.slow_start != usual.slow_start, format!("slow start {:?}", upstream.slow_start));
    line(upstream.max_requests != usual.max_requests, format!("max requests {:?}", upstream.max_requests));
    line(upstream.queue != usual.queue, format!("{:?}", upstream.queue));
    line(upstream.retry != usual.retry, format!("{:?}", upstream.retry));
    line(upstream.hedge != usual.hedge, format!("{:?}", upstream.hedge));
}

fn format(format: &AccessFormat) -> String {
    let AccessFormat::Template(parts) = format else { return format!("{format:?}") };
    let part = |part: &TemplatePart| match part {
        TemplatePart::Text(text) => format!("{text:?}"),
        TemplatePart::Field(name) => format!("{{{name}}}"),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(" ")
}

fn text_part(part: &TextPart) -> String {
    match part {
        TextPart::Text(text) => text.clone(),
        TextPart::Host => String::from("<host>"),
        TextPart::HostName => String::from("<hostname>"),
        TextPart::Path => String::from("<path>"),
        TextPart::Query => String::from("<query>"),
        TextPart::Uri => String::from("<uri>"),
    }
}

fn join(items: impl IntoIterator<Item = impl Display>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
