//! Where evener lets itself be looked at: an address that only this machine can reach. Names are not taken.

use super::address::{bad_port, port_number, port_zero};
use super::server::UNIX_PATH_BYTES_MAX;
use super::{Fault, closest, quote};
use evener_plan::AdminListen;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The port that the documents name.
const PORT: u16 = 9911;

/// `127.0.0.1:9911`, `[::1]:9911`, `unix:/run/evener/admin.sock`, or `off`, which is `None`.
pub(crate) fn admin(text: &str) -> Result<Option<AdminListen>, Fault> {
    if text == "off" {
        return Ok(None);
    }
    if let Some(path) = text.strip_prefix("unix:") {
        return unix(path).map(Some);
    }
    match text.parse::<SocketAddr>() {
        Ok(address) if !address.ip().to_canonical().is_loopback() => Err(reachable(text, address)),
        Ok(address) if address.port() == 0 => Err(port_zero()),
        Ok(address) => Ok(Some(AdminListen::Tcp(address))),
        Err(_) => Err(fault(text)),
    }
}

fn unix(path: &str) -> Result<AdminListen, Fault> {
    let fault =
        |message: &str| Err(Fault::new("bad-admin", message).help("for example: \"unix:/run/evener/admin.sock\""));
    match path {
        "" => fault("the path of the unix socket is empty"),
        _ if path.ends_with('/') => fault("this is the path of a folder, not of a unix socket"),
        _ if path.contains('\0') => fault("the path of a unix socket cannot hold a zero byte"),
        _ if path.len() > UNIX_PATH_BYTES_MAX => fault("the path of a unix socket is at most 107 bytes long"),
        _ => Ok(AdminListen::Unix(path.to_owned())),
    }
}

/// Whoever can read what evener tells of itself learns names and numbers that are not for everybody.
fn reachable(text: &str, address: SocketAddr) -> Fault {
    let host = text.len() - text.rsplit(':').next().map_or(0, |port| port.len() + 1);
    let local = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), if address.port() == 0 { PORT } else { address.port() });
    Fault::new("bad-admin", "other machines can reach this address, `admin` is for this machine only")
        .part(0..host)
        .help(format!("write \"{local}\" or \"unix:/run/evener/admin.sock\""))
}

fn fault(text: &str) -> Fault {
    let fault = Fault::new("bad-admin", format!("{} is no place for `admin`", quote(text)));
    let local = |port: &str| format!("write \"127.0.0.1:{port}\"");
    if let Some(port) = port_number(text.strip_prefix(':').unwrap_or(text)).filter(|port| *port > 0) {
        return fault.help(local(&port.to_string()));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        let address = if address.is_loopback() { address } else { Ipv4Addr::LOCALHOST.into() };
        return fault.help(format!("write \"{}\"", SocketAddr::new(address, PORT)));
    }
    if text.starts_with('/') {
        return fault.help(format!("a unix socket is written \"unix:{}\"", text.escape_default()));
    }
    if closest(text, ["off"]).is_some() {
        return fault.help("did you mean \"off\"?");
    }
    match text.rsplit_once(':') {
        Some(("localhost" | "*", port)) if port_number(port).is_some() => fault.help(local(port)),
        Some((host, port)) if host.parse::<IpAddr>().is_ok() => {
            bad_port(port).part(text.len() - port.len()..text.len())
        }
        _ => fault.help(format!("write \"127.0.0.1:{PORT}\", \"unix:/run/evener/admin.sock\" or \"off\"")),
    }
}
