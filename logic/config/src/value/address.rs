//! Where a site listens. Names are not taken: which address is meant must not depend on a name server.

use super::{Fault, quote};
use evener_plan::Listen;
use std::net::{IpAddr, SocketAddr};

/// `:8080` or `127.0.0.1:8080`.
pub(crate) fn listen(text: &str) -> Result<Listen, Fault> {
    if let Some(port) = text.strip_prefix(':') {
        return match port_number(port) {
            Some(0) => Err(port_zero()),
            Some(port) => Ok(Listen::Any(port)),
            None => Err(bad_port(port).part(1..text.len())),
        };
    }
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() == 0 => Err(port_zero()),
        Ok(address) => Ok(Listen::At(address)),
        Err(_) => Err(fault(text)),
    }
}

/// A port written as digits only.
pub(super) fn port_number(text: &str) -> Option<u16> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) { None } else { text.parse().ok() }
}

pub(super) fn bad_port(port: &str) -> Fault {
    let fault = Fault::new("bad-port", format!("{} is not a port", quote(port)));
    match port.strip_prefix('$') {
        Some(name) => fault.help(format!("a variable is written ${{{name}}}")),
        None => fault.help("a port is a number from 1 to 65535"),
    }
}

pub(super) fn port_zero() -> Fault {
    Fault::new("bad-port", "port 0 is no place that a client could find").help("a port is a number from 1 to 65535")
}

fn fault(text: &str) -> Fault {
    let fault = Fault::new("bad-listen", format!("{} is not an address to listen on", quote(text)));
    if port_number(text).is_some() {
        return fault.help(format!("write \":{text}\""));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return fault.help(format!("add a port: \"{}\"", SocketAddr::new(address, 8080)));
    }
    if text.starts_with("unix:") {
        return fault.help("a site listens on TCP, such as \":8080\"");
    }
    match text.rsplit_once(':') {
        Some(("*", port)) if port_number(port).is_some() => {
            fault.help(format!("write \":{port}\" for every interface"))
        }
        Some(("localhost", port)) if port_number(port).is_some() => fault.help(format!("write \"127.0.0.1:{port}\"")),
        Some((host, port)) if host.parse::<IpAddr>().is_ok() => {
            bad_port(port).part(text.len() - port.len()..text.len())
        }
        _ => fault.help("write \":8080\" for every interface, or an address and a port such as \"127.0.0.1:8080\""),
    }
}
