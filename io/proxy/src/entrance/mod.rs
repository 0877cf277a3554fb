//! What a connection goes through before its first request: the PROXY header that a trusted peer sends first, the handshake
//! of TLS, and the choice between HTTP/1, HTTP/2 and a service of layer 4.
//!
//! Where none of these is asked for, connections do not pass here. LIFECYCLE: everything here ends by one deadline, that
//! of the handshake; then the connection belongs to whoever serves it.

mod peek;

use crate::client::{Serve, streams};
use crate::exchange::count_failure;
use crate::layer4;
use crate::state::{Door, Ends, EntranceFault, Entrant, Secured, Snapshot, Worker};
use evener_runtime::{Millis, Socket};
use evener_tls::{Chosen, ClientCertificate, Link, Owner, Purpose, Refusal, Shaken, accept};
use std::rc::Rc;

/// Takes a connection to where it is served, or closes it. The door is that of the snapshot.
pub(crate) async fn enter(mut entrant: Entrant, snapshot: Rc<Snapshot>, socket: Socket, door: Rc<Door>) {
    entrant.alarm.set(Millis::now().after(snapshot.plan().limits.handshake_timeout));
    match pass(&mut entrant, socket, &door, &snapshot).await {
        Ok(Entered::Served) => {}
        Ok(Entered::Http1(link, secured)) => {
            // A task of its own: this one is larger than a resting connection need be.
            tokio::task::spawn_local(Serve::new(entrant.into_client(link.into(), secured)));
        }
        Ok(Entered::Http2(link, secured)) => {
            tokio::task::spawn_local(streams::serve(entrant, link, secured));
        }
        Ok(Entered::Tcp(link, service, from)) => {
            tokio::task::spawn_local(layer4::tcp::serve(entrant, snapshot, link, service, from));
        }
        Err(fault) => {
            count_failure(&entrant.worker.counters, fault.reason());
            let (peer, listen) = (entrant.peer, entrant.listen);
            entrant.worker.diagnostics.error(fault.reason(), format_args!("client {peer} on {listen} {fault}"));
        }
    }
}

/// What a connection has turned out to be.
enum Entered {
    Http1(Link, Option<Rc<Secured>>),
    Http2(Link, Option<Rc<Secured>>),
    /// For a service of layer 4, by its index; with the addresses of a PROXY header, if there was one.
    Tcp(Link, usize, Ends),
    /// There is nothing more to do.
    Served,
}

async fn pass(
    entrant: &mut Entrant,
    socket: Socket,
    door: &Door,
    snapshot: &Snapshot,
) -> Result<Entered, EntranceFault> {
    let ends = match &door.accept_proxy {
        Some(accept) => peek::proxy_header(entrant, &socket, accept).await?,
        None => Ends { source: Some(entrant.address), destination: socket.local_address() },
    };
    if door.is_tcp {
        return pass_tcp(entrant, socket, door, snapshot, ends).await;
    }
    if door.is_tls {
        let (link, shaken, chosen) = shake(entrant, socket, snapshot).await?;
        return Ok(match chosen.purpose {
            Purpose::Challenge => Entered::Served,
            Purpose::Serve { policy, .. } => {
                let shown = shaken.certificate.as_deref().and_then(ClientCertificate::from_der);
                let certificate = shown.map(ClientCertificate::into_fields).unwrap_or_default();
                let secured = Some(Rc::new(Secured { policy, certificate }));
                match shaken.alpn.as_deref() {
                    Some(b"h2") => Entered::Http2(link, secured),
                    _ => Entered::Http1(link, secured),
                }
            }
        });
    }
    if door.is_http2 && peek::is_http2(entrant, &socket).await? {
        return Ok(Entered::Http2(Link::plain(socket), None));
    }
    Ok(Entered::Http1(Link::plain(socket), None))
}

/// A service of layer 4: the only one of the listener, or the one whose name the ClientHello has.
async fn pass_tcp(
    entrant: &Entrant,
    socket: Socket,
    door: &Door,
    snapshot: &Snapshot,
    ends: Ends,
) -> Result<Entered, EntranceFault> {
    let Some(frontend) = snapshot.frontends().get(entrant.listen) else {
        return match door.nameless {
            Some(service) => Ok(Entered::Tcp(Link::plain(socket), service, ends)),
            None => Err(EntranceFault::UnknownName),
        };
    };
    let owner = match peek::server_name(entrant, &socket).await? {
        peek::Named::Tls(name) => frontend.owner(name.as_deref()),
        peek::Named::NotTls => door.nameless.map(Owner::Tcp),
    };
    let Some(Owner::Tcp(service)) = owner else { return Err(EntranceFault::UnknownName) };
    if snapshot.plan().tcp[service].tls.is_none() {
        return Ok(Entered::Tcp(Link::plain(socket), service, ends));
    }
    let (link, _, chosen) = shake(entrant, socket, snapshot).await?;
    Ok(match chosen.purpose {
        Purpose::Serve { owner: Owner::Tcp(service), .. } => Entered::Tcp(link, service, ends),
        Purpose::Serve { .. } | Purpose::Challenge => Entered::Served,
    })
}

/// The handshake, if the worker has room for one more. Who has not yet said what he wants takes no room: silent
/// connections are bounded like any others, and must not keep those out that speak.
async fn shake(
    entrant: &Entrant,
    socket: Socket,
    snapshot: &Snapshot,
) -> Result<(Link, Shaken, Chosen), EntranceFault> {
    let frontend = snapshot.frontends().get(entrant.listen).ok_or(EntranceFault::UnknownName)?;
    let shaken = accept(socket, &[], &entrant.alarm, |hello| {
        let chosen = frontend.choose(hello.server_name(), hello.alpn().into_iter().flatten());
        let chosen = chosen.ok_or(Refusal::UnknownName)?;
        let handshake = Handshake::begin(&entrant.worker, snapshot).ok_or(Refusal::Busy)?;
        Ok((std::sync::Arc::clone(&chosen.config), (chosen, handshake)))
    });
    let counters = &entrant.worker.counters;
    match shaken.await {
        Ok((link, shaken, (chosen, _handshake))) => {
            counters.handshakes_done.increment();
            Ok((link, shaken, chosen))
        }
        Err(fault) => {
            counters.handshakes_failed.increment();
            Err(EntranceFault::Handshake(fault))
        }
    }
}

/// A handshake under way, in the count of the worker.
struct Handshake<'w>(&'w Worker);

impl<'w> Handshake<'w> {
    fn begin(worker: &'w Worker, snapshot: &Snapshot) -> Option<Self> {
        let count = worker.handshakes.get();
        (count < snapshot.plan().limits.handshakes_max).then(|| {
            worker.handshakes.set(count + 1);
            Self(worker)
        })
    }
}

impl Drop for Handshake<'_> {
    fn drop(&mut self) {
        self.0.handshakes.set(self.0.handshakes.get() - 1);
    }
}
