//! Addresses: where evener listens, where servers are, which peers are trusted, which hosts a site has.
//! Parsing of text happens in `evener-config`, not here.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A TCP address on which a site listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listen {
    /// `:8080`: every interface, IPv6 and IPv4 (IPv4 alone where the machine has no IPv6).
    Any(u16),
    /// `127.0.0.1:8080` or `[::1]:8080`: one address.
    At(SocketAddr),
}

impl Listen {
    /// The port.
    pub fn port(&self) -> u16 {
        match self {
            Self::Any(port) => *port,
            Self::At(address) => address.port(),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any(port) => write!(f, ":{port}"),
            Self::At(address) => write!(f, "{address}"),
        }
    }
}

/// Where a server takes connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ServerAddress {
    /// TCP. More than one address when a name has an IPv4 and an IPv6 form: they are the same server and are tried in
    /// this order. Never empty.
    Tcp(Vec<SocketAddr>),
    /// A unix socket by its path.
    Unix(String),
}

/// A block of addresses such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    /// The first address of the block; its bits past `prefix` are zero.
    pub network: IpAddr,
    /// Length of the common prefix: at most 32 for IPv4 and 128 for IPv6.
    pub prefix: u8,
}

impl Cidr {
    /// Whether `address` lies in the block. An IPv4 address that arrives mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                network.to_bits() == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                network.to_bits() == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// Which host names a site answers for. Text is lower case, without port and without a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// `example.com`.
    Exact(String),
    /// `*.example.com`, kept as `example.com`: any name with one or more labels before it.
    Wildcard(String),
}
