//! Where a server is. Names are taken as they are; resolving them is the work of `build`.

use super::address::{bad_port, port_number, port_zero};
use super::{Fault, quote};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Where a server is, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Address(SocketAddr),
    Name { host: String, port: u16 },
    Unix(String),
}

/// Bytes of a unix socket's path that every system admits, without the zero at its end.
pub(super) const UNIX_PATH_BYTES_MAX: usize = 107;

/// `10.0.0.1:8080`, `[::1]:8080`, `app.local:8080` or `unix:/run/app.sock`.
pub(crate) fn endpoint(text: &str) -> Result<Endpoint, Fault> {
    if let Some(path) = text.strip_prefix("unix:") {
        return unix(path);
    }
    if text.contains("://") {
        return Err(url(text));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return if address.port() == 0 { Err(port_zero()) } else { Ok(Endpoint::Address(address)) };
    }
    if let Ok(address) = text.trim_matches(['[', ']']).parse::<Ipv6Addr>() {
        return Err(without_port(text, &format!("[{address}]")));
    }
    let Some((host, port)) = text.rsplit_once(':') else { return Err(without_port(text, text)) };
    if host.is_empty() {
        return Err(Fault::new("bad-server", format!("{} names no host", quote(text)))
            .help(format!("write \"127.0.0.1{text}\"")));
    }
    if let Some(slash) = port.find('/') {
        return Err(Fault::new("bad-server", "a server has no path")
            .part(host.len() + 1 + slash..text.len())
            .help("write host and port only; strip_prefix changes the path of a request"));
    }
    match port_number(port) {
        Some(0) => Err(port_zero()),
        Some(port) => name(host, port),
        None => Err(bad_port(port).part(host.len() + 1..text.len())),
    }
}

fn unix(path: &str) -> Result<Endpoint, Fault> {
    let fault = |message: &str| Err(Fault::new("bad-server", message).help("for example: \"unix:/run/app.sock\""));
    match path {
        "" => fault("the path of the unix socket is empty"),
        _ if path.contains('\0') => fault("the path of a unix socket cannot hold a zero byte"),
        _ if path.len() > UNIX_PATH_BYTES_MAX => fault("the path of a unix socket is at most 107 bytes long"),
        _ => Ok(Endpoint::Unix(path.to_owned())),
    }
}

fn name(host: &str, port: u16) -> Result<Endpoint, Fault> {
    let is_name = host.len() <= 253
        && host.trim_end_matches('.').split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        });
    // 10.0.0.256 or 127.1 would otherwise be looked up as a name, or read as a number by a resolver.
    let is_number = host
        .rsplit('.')
        .find(|label| !label.is_empty())
        .is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_name || is_number {
        let what = if is_number { "not an address" } else { "not a host name" };
        return Err(Fault::new("bad-server", format!("{} is {what}", quote(host)))
            .part(0..host.len())
            .help("write \"10.0.0.1:8080\", \"[::1]:8080\", \"app.local:8080\" or \"unix:/run/app.sock\""));
    }
    Ok(Endpoint::Name { host: host.to_ascii_lowercase(), port })
}

fn without_port(text: &str, host: &str) -> Fault {
    let fault = Fault::new("bad-server", format!("the server {} has no port", quote(text)));
    if host.starts_with('/') {
        return fault.help(format!("a unix socket is written \"unix:{host}\""));
    }
    if port_number(host).is_some() {
        return fault.help(format!("write \"127.0.0.1:{host}\""));
    }
    fault.help(format!("add it: \"{host}:80\""))
}

fn url(text: &str) -> Fault {
    let fault = Fault::new("bad-server", format!("{} is a URL, a server is an address", quote(text)));
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let host = rest.split('/').next().unwrap_or("");
    match scheme {
        "http" if host.parse::<IpAddr>().is_err() && host.contains(':') => fault.help(format!("write \"{host}\"")),
        "http" => fault.help(format!("write \"{host}:80\"")),
        "https" => {
            let port = if host.contains(':') { "" } else { ":443" };
            fault.help(format!("write \"{host}{port}\" in an [upstream.NAME] with tls = true"))
        }
        _ => fault.help("write host and port, such as \"10.0.0.1:8080\""),
    }
}
