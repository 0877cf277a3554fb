//! The route of a request, by its canonical host and its path as it stands.

use crate::exchange::fault::{ClientFault, Fault};
use crate::exchange::trip::Trip;
use crate::state::{Client, Session, Snapshot};
use evener_http::{RequestHead, canonical_host, obliging_path};
use evener_plan::Listen;
use evener_route::{Headers, Match, Miss, RequestView, Router};

/// The header fields of a request, as the router asks for them.
struct Fields<'a> {
    message: &'a [u8],
    head: &'a RequestHead,
}

impl Headers for Fields<'_> {
    fn has(&self, name: &str, value: &str) -> bool {
        self.head.fields.iter().any(|field| {
            field.name.of(self.message).eq_ignore_ascii_case(name.as_bytes())
                && field.value.of(self.message) == value.as_bytes()
        })
    }
}

/// Finds the route. A path that some servers read as one for another route has none (K14).
pub(crate) fn route(
    listen: Listen,
    session: &mut Session,
    snapshot: &Snapshot,
    trip: &mut Trip,
) -> Result<Match, Fault> {
    let Session { inbound, parser, host, out, .. } = session;
    let (message, head) = (inbound.filled(), parser.head());
    host.clear();
    canonical_host(head.authority.of(message), host);
    // Without a router the listener has left the config, and this connection is one that it still had.
    let Some(router) = snapshot.router(listen) else { return Err(ClientFault::NoSite.into()) };
    let found = look_up(router, message, head, host, path_of(message, head));
    trip.site = match found {
        Ok(Match { site, .. }) | Err(Miss::NoRoute(site) | Miss::NoMethod(site)) => Some(site),
        Err(Miss::NoSite) => None,
    };
    let has_choice = trip.site.is_some_and(|site| snapshot.plan().sites[site].routes.len() > 1);
    if has_choice
        && obliging_path(path_of(message, head), out)
        && look_up(router, message, head, host, out).ok() != found.ok()
    {
        return Err(ClientFault::AmbiguousPath.into());
    }
    found.map_err(|miss| match miss {
        Miss::NoSite => ClientFault::NoSite.into(),
        Miss::NoRoute(_) => ClientFault::NoRoute.into(),
        Miss::NoMethod(_) => ClientFault::MethodNotAllowed.into(),
    })
}

/// The answer for an authority that looks whether a host is ours (RFC 8555 §8.3): only for the very host and token that it
/// was told; all else takes its route (K24).
pub(crate) fn challenge_answer(session: &mut Session, snapshot: &Snapshot) -> Option<String> {
    let Session { inbound, parser, host, .. } = session;
    let (message, head) = (inbound.filled(), parser.head());
    let token = head.path.of(message).strip_prefix(b"/.well-known/acme-challenge/")?;
    host.clear();
    canonical_host(head.authority.of(message), host);
    snapshot.challenges().http_answer(std::str::from_utf8(host).ok()?, std::str::from_utf8(token).ok()?)
}

/// Whether the host may be asked for on this connection: it must have the same rules for clients as the name that the
/// connection was made for, or a certificate that one site asks for could be got around at another (K16).
pub(crate) fn check_policy(client: &Client, session: &Session, snapshot: &Snapshot) -> Result<(), Fault> {
    let Some(secured) = &client.secured else { return Ok(()) };
    let frontend = snapshot.frontends().get(client.listen);
    let host = std::str::from_utf8(&session.host).unwrap_or_default();
    match frontend.and_then(|frontend| frontend.policy_of(host)) {
        Some(policy) if policy == secured.policy => Ok(()),
        Some(_) | None => Err(ClientFault::Misdirected.into()),
    }
}

/// Appends the methods that would do, for a 405.
pub(crate) fn allowed_methods(listen: Listen, session: &Session, snapshot: &Snapshot, out: &mut Vec<u8>) {
    let Some(router) = snapshot.router(listen) else { return };
    let (message, head) = (session.inbound.filled(), session.parser.head());
    let headers = Fields { message, head };
    let method = head.method_text.of(message);
    let view = RequestView { host: &session.host, path: path_of(message, head), method, headers: &headers };
    router.allowed_methods(&view, out);
}

fn look_up(router: &Router, message: &[u8], head: &RequestHead, host: &[u8], path: &[u8]) -> Result<Match, Miss> {
    let headers = Fields { message, head };
    router.route(&RequestView { host, path, method: head.method_text.of(message), headers: &headers })
}

/// The path; that of `http://host` without any is `/`.
pub(crate) fn path_of<'m>(message: &'m [u8], head: &RequestHead) -> &'m [u8] {
    if head.path.is_empty() { b"/" } else { head.path.of(message) }
}

#[cfg(test)]
mod tests;
