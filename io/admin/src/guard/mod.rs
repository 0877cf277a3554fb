//! Who may ask. Over a port of this machine a browser may ask as well, and what it shows may come from anywhere: a page can
//! have its own name resolve to 127.0.0.1. So the `Host` must be of this machine, and an `Origin` must be this very server.
//!
//! It does not know users; a unix socket has the rights of its file.

use crate::connection::Door;
use hyper::Uri;
use hyper::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::http::uri::Authority;
use std::net::{IpAddr, Ipv6Addr};

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No `Host`, or more than one, or none that could be one; or a target that names another.
    BadHost,
    /// A `Host` that is not of this machine.
    ForeignHost,
    /// A page from elsewhere asks.
    ForeignOrigin,
}

/// Whether the request comes from who may ask.
pub(crate) fn check(door: Door, target: &Uri, fields: &HeaderMap) -> Result<(), Refusal> {
    // A target with a host of its own would take the place of `Host`, RFC 9112 §3.2.2; only proxies are asked so.
    if target.authority().is_some() {
        return Err(Refusal::BadHost);
    }
    let mut hosts = fields.get_all(HOST).iter();
    let (Some(Ok(host)), None) = (hosts.next().map(HeaderValue::to_str), hosts.next()) else {
        return Err(Refusal::BadHost);
    };
    if door == Door::Tcp {
        let authority: Authority = host.parse().map_err(|_| Refusal::BadHost)?;
        if host.contains('@') {
            return Err(Refusal::BadHost);
        }
        if !is_loopback(authority.host()) {
            return Err(Refusal::ForeignHost);
        }
    }
    let is_own = |origin: &HeaderValue| origin.to_str().is_ok_and(|origin| is_of(origin, host));
    if fields.get_all(ORIGIN).iter().all(is_own) { Ok(()) } else { Err(Refusal::ForeignOrigin) }
}

fn is_loopback(host: &str) -> bool {
    let address = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().map(IpAddr::V6).ok(),
        None => host.parse::<IpAddr>().ok(),
    };
    address.map_or_else(|| host.eq_ignore_ascii_case("localhost"), |address| address.to_canonical().is_loopback())
}

/// Whether a page of this origin came from this host, with its port.
fn is_of(origin: &str, host: &str) -> bool {
    let bare = ["http://", "https://"].into_iter().find_map(|scheme| origin.strip_prefix(scheme));
    bare.is_some_and(|bare| bare.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests;
