//! Host names: which ones a site answers for, and which one a server sees.

use super::{Fault, quote};
use evener_plan::{HostMode, HostPattern};
use std::net::{IpAddr, Ipv6Addr};

/// `example.com`, `*.example.com`, an address; without a port.
pub(crate) fn host_pattern(text: &str) -> Result<HostPattern, Fault> {
    if text == "*" {
        return Err(fault("`*` is no host name").help("leave `hosts` out to answer for any host"));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let host = rest.split(['/', ':']).next().unwrap_or("");
        return Err(fault(format!("a host is written without {}", quote(scheme))).help(format!("write \"{host}\"")));
    }
    if let Some(name) = text.strip_prefix("*.") {
        let name = host_name(name).map_err(|fault| shifted(fault, 2))?;
        if name.parse::<IpAddr>().is_ok() || name.starts_with('[') {
            return Err(fault("an address has no names below it"));
        }
        return Ok(HostPattern::Wildcard(name));
    }
    host_name(text).map(HostPattern::Exact)
}

/// `client`, `upstream`, or a host with or without a port.
pub(crate) fn host_mode(text: &str) -> Result<HostMode, Fault> {
    match text {
        "client" => Ok(HostMode::Client),
        "upstream" => Ok(HostMode::Upstream),
        _ => host_field(text).map(HostMode::Fixed),
    }
}

/// What a server sees as `Host`: a host with or without a port.
pub(crate) fn host_field(text: &str) -> Result<String, Fault> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    if let Some(port) = port.filter(|port| super::address::port_number(port).is_none()) {
        return Err(super::address::bad_port(port).part(host.len() + 1..text.len()));
    }
    if host.contains('*') {
        return Err(fault("the host that a server sees is one name, not a pattern"));
    }
    let host = host_name(host)?;
    Ok(port.map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}

/// The name that the certificate of a server must have: a name, or an address without brackets.
pub(crate) fn server_name(text: &str) -> Result<String, Fault> {
    if text.contains('*') {
        return Err(fault("the name of a server is one name, not a pattern"));
    }
    let is_address = text.trim_matches(['[', ']']).parse::<Ipv6Addr>().is_ok();
    if let Some(colon) = text.find(':').filter(|_| !is_address) {
        return Err(fault(format!("{} has a port", quote(text)))
            .part(colon..text.len())
            .help("write the name alone; the port belongs to the server"));
    }
    let host = host_name(text)?;
    Ok(host.trim_matches(['[', ']']).to_owned())
}

/// A host name or an address in the form in which requests are compared with it: lower case, no dot at the end, IPv6
/// in brackets and in its shortest form.
fn host_name(text: &str) -> Result<String, Fault> {
    let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<Ipv6Addr>() {
        return Ok(format!("[{address}]"));
    }
    if text.is_empty() {
        return Err(fault("a host name cannot be empty"));
    }
    let bracket = text.find(']').unwrap_or(0);
    if let Some(colon) = text[bracket..].find(':').map(|found| bracket + found) {
        let help = match text.get(..colon) {
            Some("") | None => String::from("write a name such as \"example.com\"; the port belongs to `listen`"),
            Some(name) => format!("write \"{name}\"; the port belongs to `listen`"),
        };
        return Err(fault(format!("{} has a port", quote(text))).part(colon..text.len()).help(help));
    }
    if text.contains('*') {
        return Err(fault(format!("a star stands alone and at the left, not as in {}", quote(text)))
            .help("for example: \"*.example.com\", every name below example.com"));
    }
    if !text.is_ascii() {
        return Err(fault(format!("{} has letters that no Host field has", quote(text)))
            .help("write the form that begins with xn--"));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    for label in name.split('.') {
        let fits = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !fits || label.is_empty() || label.len() > 63 || name.len() > 253 {
            return Err(fault(format!("{} is not a host name", quote(text)))
                .help("a host name has letters, digits and hyphens between its dots, such as \"example.com\""));
        }
    }
    Ok(name.to_ascii_lowercase())
}

fn fault(message: impl Into<String>) -> Fault {
    Fault::new("bad-host", message)
}

fn shifted(mut fault: Fault, by: usize) -> Fault {
    fault.part = fault.part.map(|part| part.start + by..part.end + by);
    fault
}
