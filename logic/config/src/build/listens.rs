//! What all that share an address must agree on: TLS or none, HTTP/2 without TLS, the PROXY protocol. Which hosts they
//! answer for is compared in `hosts`.

use crate::diagnostic::Report;
use crate::draft::{At, Draft, DraftSite, DraftTcp};
use crate::source::Span;
use evener_plan::{AcceptProxy, AdminListen, Listen};

/// Reports addresses that cannot be shared as they are.
pub(super) fn check(draft: &Draft, report: &mut Report) {
    let sites = draft.sites.iter().flat_map(of_site);
    let claims: Vec<Claim<'_>> = sites.chain(draft.tcp.iter().flat_map(of_service)).collect();
    for (number, claim) in claims.iter().enumerate() {
        let earlier = || claims[..number].iter().filter(|earlier| earlier.listen.value == claim.listen.value);
        let Some(first) = earlier().next() else { continue };
        if !check_use(first, claim, report) || !check_proxy(first, claim, report) {
            continue;
        }
        if let Some(first) = earlier().find(|earlier| matches!(earlier.service, Service::Plain(_))) {
            check_http2(first, claim, report);
        }
    }
    check_datagrams(draft, report);
    check_admin(draft.admin.as_ref(), &claims, report);
}

/// One address of a site or service.
struct Claim<'d> {
    listen: &'d At<Listen>,
    service: Service<'d>,
    accept_proxy: &'d At<Option<AcceptProxy>>,
}

/// What is done at an address.
#[derive(Clone, Copy)]
enum Service<'d> {
    /// HTTP without TLS; whether HTTP/2 is spoken.
    Plain(&'d At<bool>),
    /// HTTP over TLS, which the key at this place asks for.
    Tls(Span),
    /// Requests without TLS are redirected to the addresses with it.
    Redirect,
    Tcp,
}

fn of_site(site: &DraftSite) -> impl Iterator<Item = Claim<'_>> {
    let service = site.tls.as_ref().map_or(Service::Plain(&site.http2), |tls| Service::Tls(tls.key));
    let accept_proxy = &site.accept_proxy;
    let own = site.listens.own.iter().map(move |listen| Claim { listen, service, accept_proxy });
    let redirecting = site.listens.redirecting.iter();
    own.chain(redirecting.map(move |listen| Claim { listen, service: Service::Redirect, accept_proxy }))
}

fn of_service(service: &DraftTcp) -> impl Iterator<Item = Claim<'_>> {
    let accept_proxy = &service.accept_proxy;
    service.listen.iter().map(move |listen| Claim { listen, service: Service::Tcp, accept_proxy })
}

/// Whether what two do at an address goes together.
fn check_use(first: &Claim<'_>, second: &Claim<'_>, report: &mut Report) -> bool {
    let (listen, span) = (second.listen.value, second.listen.span);
    match (first.service, second.service) {
        (Service::Plain(_) | Service::Redirect, Service::Plain(_) | Service::Redirect)
        | (Service::Tls(_), Service::Tls(_))
        | (Service::Tcp, Service::Tcp) => return true,
        (Service::Tcp, other) | (other, Service::Tcp) => {
            let help = match other {
                Service::Redirect => "give the service another address, or write redirect_from = [] in the site",
                Service::Plain(_) | Service::Tls(_) | Service::Tcp => "give one of them another address in `listen`",
            };
            report
                .error("same-listen", span, format!("a [[site]] and a [[tcp]] cannot share \"{listen}\""))
                .label(first.listen.span, "the other one is here")
                .help(help);
        }
        (Service::Tls(key), _) | (_, Service::Tls(key)) => {
            let (is_first_plain, place) = (!matches!(first.service, Service::Tls(_)), first.listen.span);
            let what = match (first.service, second.service) {
                (Service::Redirect, _) | (_, Service::Redirect) => "redirects are without TLS, but a site has it",
                _ => "one site has TLS, another has none",
            };
            let finding = report.error("mixed-tls", span, format!("{what} on \"{listen}\""));
            finding.label(place, if is_first_plain { "the first one, without TLS" } else { "the first one, with TLS" });
            if key != place && key != span {
                finding.label(key, "TLS is asked for here");
            }
            finding.help("give both `tls` or none, or listen on different addresses");
        }
    }
    false
}

fn check_proxy(first: &Claim<'_>, second: &Claim<'_>, report: &mut Report) -> bool {
    let is_same = first.accept_proxy.value == second.accept_proxy.value;
    if !is_same {
        let message = format!("all that listen on \"{}\" must have the same `proxy_protocol`", second.listen.value);
        report
            .error("mixed-proxy-protocol", second.accept_proxy.span, message)
            .label(first.accept_proxy.span, "the first one is another")
            .help("write the same in both, or listen on different addresses");
    }
    is_same
}

fn check_http2(first: &Claim<'_>, second: &Claim<'_>, report: &mut Report) {
    let (Service::Plain(one), Service::Plain(other)) = (first.service, second.service) else { return };
    if one.value != other.value {
        let message = format!("all that listen on \"{}\" without TLS must have the same `http2`", second.listen.value);
        report
            .error("mixed-http2", other.span, message)
            .label(one.span, "the first one is another")
            .help("write the same in both, or listen on different addresses");
    }
}

/// Sessions over UDP have nothing by which two services could be told apart.
fn check_datagrams(draft: &Draft, report: &mut Report) {
    let mut seen: Vec<&At<Listen>> = Vec::new();
    for listen in draft.udp.iter().flat_map(|service| &service.listen) {
        match seen.iter().find(|earlier| earlier.value == listen.value) {
            Some(first) => {
                report
                    .error("same-listen", listen.span, format!("two [[udp]] listen on \"{}\"", listen.value))
                    .label(first.span, "the first one is here")
                    .help("make them one service with more servers, or listen on different addresses");
            }
            None => seen.push(listen),
        }
    }
}

/// The system would refuse the second one, or give it what is meant for the first.
fn check_admin(admin: Option<&At<AdminListen>>, claims: &[Claim<'_>], report: &mut Report) {
    let Some(At { value: AdminListen::Tcp(address), span }) = admin else { return };
    let takes = |listen: Listen| match listen {
        Listen::Any(port) => port == address.port(),
        Listen::At(other) => {
            let is_wide = other.ip().is_unspecified() && (other.is_ipv6() || address.is_ipv4());
            other.port() == address.port() && (other.ip() == address.ip() || is_wide)
        }
    };
    if let Some(claim) = claims.iter().find(|claim| takes(claim.listen.value)) {
        let message = format!("`admin` cannot share its port with \"{}\"", claim.listen.value);
        report
            .error("same-listen", *span, message)
            .label(claim.listen.span, "this is listened on here")
            .help("give `admin` another port");
    }
}
