//! Headers for servers that ask who the client is. They carry the two addresses and no fields.

use super::canonical;
use super::v2::{LOCAL, PROXY, SIGNATURE};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Appends a header of version 1. Without both addresses, as for a probe or a Unix socket, it says `UNKNOWN`.
pub fn write_v1(source: Option<SocketAddr>, destination: Option<SocketAddr>, out: &mut Vec<u8>) {
    let addresses = match Pair::of(source, destination) {
        None => String::from("UNKNOWN"),
        Some(Pair::V4(source, destination)) => format!("TCP4 {source} {destination}"),
        Some(Pair::V6(source, destination)) => format!("TCP6 {source} {destination}"),
    };
    let ports =
        source.zip(destination).map(|(source, destination)| format!(" {} {}", source.port(), destination.port()));
    for part in ["PROXY ", &addresses, ports.as_deref().unwrap_or_default(), "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Appends a header of version 2. Without both addresses, as for a probe or a Unix socket, it says `LOCAL`.
pub fn write_v2(source: Option<SocketAddr>, destination: Option<SocketAddr>, out: &mut Vec<u8>) {
    out.extend_from_slice(SIGNATURE);
    match Pair::of(source, destination) {
        None => out.extend_from_slice(&[LOCAL, 0x00, 0, 0]),
        Some(Pair::V4(source, destination)) => {
            out.extend_from_slice(&[PROXY, 0x11, 0, 12]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
        }
        Some(Pair::V6(source, destination)) => {
            out.extend_from_slice(&[PROXY, 0x21, 0, 36]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
        }
    }
    if let Some((source, destination)) = source.zip(destination) {
        out.extend_from_slice(&source.port().to_be_bytes());
        out.extend_from_slice(&destination.port().to_be_bytes());
    }
}

/// Two addresses of one family: a header has no room for two families.
enum Pair {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

impl Pair {
    /// IPv4 where both are of it, also as a socket for both families shows it; else each as one of IPv6.
    fn of(source: Option<SocketAddr>, destination: Option<SocketAddr>) -> Option<Self> {
        let (source, destination) = source.zip(destination)?;
        Some(match (canonical(source).ip(), canonical(destination).ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Self::V4(source, destination),
            (source, destination) => Self::V6(as_v6(source), as_v6(destination)),
        })
    }
}

fn as_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}
