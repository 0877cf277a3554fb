//! The request's head as the server gets it.

use super::Way;
use crate::exchange::fault::{ClientFault, Fault};
use crate::exchange::trip::is_trusted;
use crate::state::Session;
use evener_http::{ForwardRequest, write_request_head};
use evener_plan::HostMode;
use evener_route::strip_prefix;
use std::borrow::Cow;

impl Way<'_> {
    /// Writes the head for a server into `session.out`.
    pub(super) fn write_head(self, session: &mut Session, server: usize) -> Result<(), Fault> {
        let Self { client, snapshot, found, upstream } = self;
        let Session { inbound, parser, out, .. } = session;
        let (message, head) = (inbound.filled(), parser.head());
        let route = snapshot.route(found);
        let target = head.target.of(message);
        let target = match &route.strip_prefix {
            Some(prefix) => strip_prefix(target, prefix).map_err(|_| Fault::Client(ClientFault::PathClimbs))?,
            None => Cow::Borrowed(target),
        };
        let client_host = head.authority.of(message);
        let host = match &route.host {
            HostMode::Client => client_host,
            HostMode::Upstream => snapshot.upstream(upstream).servers[server].host().as_bytes(),
            HostMode::Fixed(text) => text.as_bytes(),
        };
        let mut address = [0; ADDRESS_BYTES_MAX];
        let forward = ForwardRequest {
            target: &target,
            host,
            client_ip: address_text(client.peer, &mut address),
            client_host,
            scheme: client.scheme().as_bytes(),
            certificate: client.secured.as_ref().map_or(&[], |secured| &secured.certificate),
            trusts_peer: is_trusted(&snapshot.plan().sites[found.site], client.peer),
            set_headers: snapshot.set_headers(found),
            expects_continue: head.expects_continue,
        };
        out.clear();
        write_request_head(message, head, &forward, out);
        Ok(())
    }
}

/// The longest text of an address: an IPv6 address in full.
const ADDRESS_BYTES_MAX: usize = 46;

/// An address as text. IPv4, the usual case, is written by hand to spare each request the general formatter.
fn address_text(address: std::net::IpAddr, buffer: &mut [u8; ADDRESS_BYTES_MAX]) -> &[u8] {
    use std::io::Write as _;
    let mut rest = &mut buffer[..];
    let written = match address {
        std::net::IpAddr::V4(address) => address.octets().iter().enumerate().try_for_each(|(index, octet)| {
            let mut number = itoa::Buffer::new();
            if index > 0 {
                rest.write_all(b".")?;
            }
            rest.write_all(number.format(*octet).as_bytes())
        }),
        std::net::IpAddr::V6(address) => write!(rest, "{address}"),
    };
    written.expect("every address fits");
    let left = rest.len();
    &buffer[..ADDRESS_BYTES_MAX - left]
}
