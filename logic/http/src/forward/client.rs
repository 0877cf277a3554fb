//! The client's address behind trusted proxies (K06).
//! Only X-Forwarded-For counts: a proxy that sets one of several fields would leave the others to the client.

use crate::field::{Field, FieldKind};
use crate::grammar::trim;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

/// The right-most hop that is not trusted.
///
/// Starting from `peer` and walking X-Forwarded-For from its right end over all its lines, each hop is believed only
/// when the one that reported it is trusted. A hop that is not an address ends the walk at the one that reported it;
/// when all are trusted the left-most is the client. IPv4 in IPv6 is given as IPv4.
pub fn client_address(message: &[u8], fields: &[Field], peer: IpAddr, is_trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut address = peer.to_canonical();
    let lines = fields.iter().rev().filter(|field| field.kind == FieldKind::XForwardedFor);
    for hop in lines.flat_map(|field| field.value.of(message).rsplit(|byte| *byte == b',')) {
        if !is_trusted(address) {
            return address;
        }
        match read_hop(trim(hop)) {
            Some(hop) => address = hop.to_canonical(),
            None => return address,
        }
    }
    address
}

/// An address, in brackets or with a port or both as some proxies write them.
fn read_hop(hop: &[u8]) -> Option<IpAddr> {
    if hop.len() > HOP_BYTES_MAX {
        return None;
    }
    let text = str::from_utf8(hop).ok()?;
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let v4 = || text.parse::<Ipv4Addr>().ok().map(IpAddr::V4);
    let v6 = || text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let v4_port = || text.parse::<SocketAddrV4>().ok().map(|address| IpAddr::V4(*address.ip()));
    let v6_port = || text.parse::<SocketAddrV6>().ok().map(|address| IpAddr::V6(*address.ip()));
    v4().or_else(v6).or_else(bracketed).or_else(v4_port).or_else(v6_port)
}

/// The longest IPv6 text with brackets and port is 53 bytes.
const HOP_BYTES_MAX: usize = 64;
