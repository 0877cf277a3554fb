//! Where evener lets itself be looked at. Serving it is the work of `evener-admin`.

use std::fmt;
use std::net::SocketAddr;

/// Where the admin listener takes connections: only from this machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AdminListen {
    /// TCP; the address is a loopback one and the port is not 0.
    Tcp(SocketAddr),
    /// A unix socket by its path.
    Unix(String),
}

impl fmt::Display for AdminListen {
    /// As the config writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}
