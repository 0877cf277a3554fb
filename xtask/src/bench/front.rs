//! How clients speak to a proxy in a scenario.
//!
//! It decides which config the proxy gets, which servers stand behind it and how it is checked. It
//! knows nothing of load; that is in `load/`.

/// What a proxy speaks towards its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// HTTP/1.1 in the clear.
    Http1,
    /// HTTP/1.1 and HTTP/2 under TLS 1.3, by ALPN.
    Https,
    /// Any bytes.
    Tcp,
}
