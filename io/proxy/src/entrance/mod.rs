//! What a connection goes through before its first request: the PROXY header that a trusted peer sends first, the handshake
//! of TLS, and the choice between HTTP/1, HTTP/2 and a service of layer 4.
//!
//! Where none of these is asked for, connections do not pass here. LIFECYCLE: everything here ends by one deadline, that
//! of the handshake; then the connection belongs to whoever serves it. Who is silent meanwhile ends sooner for want of
//! room, and when the worker drains (`wait`).

mod peek;
mod wait;

use crate::client::{Serve, Unplaced, streams};
use crate::exchange::count_failure;
use crate::layer4;
use crate::state::{Door, Ends, EntranceFault, Entrant, Secured, Snapshot, Worker};
use evener_runtime::{Millis, Socket};
use evener_tls::{Chosen, ClientCertificate, HandshakeFault, Link, Owner, Purpose, Refusal, Shaken, accept};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use wait::{Exit, InDrain, Silence, for_word};

/// How long a connection that has come through while the worker drains may take for its first request.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Takes a connection to where it is served, or closes it. The door is that of the snapshot.
pub(crate) async fn enter(mut entrant: Entrant, snapshot: Rc<Snapshot>, socket: Socket, door: Rc<Door>) {
    let worker = Rc::clone(&entrant.worker);
    let passed = worker.unless_stopped(pin!(pass(&mut entrant, socket, &door, &snapshot))).await;
    // From here on it makes room only when it rests.
    entrant.alarm.work();
    match passed.unwrap_or(Err(Exit::Unwanted)) {
        Ok(Entered::Served) | Err(Exit::Unwanted) => {}
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
        Err(Exit::Fault(fault)) => {
            count_failure(&worker.counters, fault.reason());
            let (peer, listen) = (entrant.peer, entrant.listen);
            worker.diagnostics.error(fault.reason(), format_args!("client {peer} on {listen} {fault}"));
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

/// Everything up to the first request, if that is to be waited for here.
async fn pass(entrant: &mut Entrant, socket: Socket, door: &Door, snapshot: &Snapshot) -> Result<Entered, Exit> {
    let limits = &snapshot.plan().limits;
    let until = Millis::now().after(limits.handshake_timeout);
    let entered = turn_to(entrant, socket, door, snapshot, until).await?;
    let is_draining = entrant.worker.is_draining();
    let (link, patience) = match &entered {
        Entered::Http1(link, _) | Entered::Http2(link, _) if is_draining => (link, LAST_WORD),
        // Its buffers are larger than one that says nothing shall cost.
        Entered::Http2(link, Some(_)) => (link, limits.head_timeout),
        Entered::Http1(..) | Entered::Http2(..) | Entered::Tcp(..) | Entered::Served => return Ok(entered),
    };
    let in_drain = if is_draining { InDrain::Stays } else { InDrain::Leaves };
    let Err(silence) = for_word(entrant, link, Millis::now().after(patience), in_drain).await else {
        return Ok(entered);
    };
    link.part();
    // In a drain it is closed as any connection is that asks for nothing.
    Err(if is_draining { Exit::Unwanted } else { silence.into() })
}

/// What the connection is for, by its listener and by what it says.
async fn turn_to(
    entrant: &mut Entrant,
    socket: Socket,
    door: &Door,
    snapshot: &Snapshot,
    until: Millis,
) -> Result<Entered, Exit> {
    let ends = match &door.accept_proxy {
        Some(accept) => {
            let told = peek::proxy_header(entrant, &socket, accept, until).await?;
            if told.is_client_told && !is_counted(entrant, &socket, door, snapshot) {
                return Ok(Entered::Served);
            }
            told.ends
        }
        None => Ends { source: Some(entrant.address), destination: socket.local_address() },
    };
    if door.is_tcp {
        return pass_tcp(entrant, socket, door, snapshot, ends, until).await;
    }
    if door.is_tls {
        let (link, shaken, chosen) = shake(entrant, socket, snapshot, until).await?;
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
    if door.is_http2 && peek::is_http2(entrant, &socket, until).await? {
        return Ok(Entered::Http2(Link::plain(socket), None));
    }
    Ok(Entered::Http1(Link::plain(socket), None))
}

/// Counts a connection for the address that a PROXY header has told; one too many is turned away.
fn is_counted(entrant: &mut Entrant, socket: &Socket, door: &Door, snapshot: &Snapshot) -> bool {
    match snapshot.count_for(entrant.peer) {
        Ok(counted) => {
            entrant.counts_as(counted);
            true
        }
        Err(why) => {
            let (worker, peer, listen) = (&*entrant.worker, entrant.peer, entrant.listen);
            Unplaced { worker, peer, listen, door: Some(door) }.refuse(socket, why);
            false
        }
    }
}

/// A service of layer 4: the only one of the listener, or the one whose name the ClientHello has.
async fn pass_tcp(
    entrant: &Entrant,
    socket: Socket,
    door: &Door,
    snapshot: &Snapshot,
    ends: Ends,
    until: Millis,
) -> Result<Entered, Exit> {
    let Some(frontend) = snapshot.frontends().get(entrant.listen) else {
        return match door.nameless {
            Some(service) => Ok(Entered::Tcp(Link::plain(socket), service, ends)),
            None => Err(EntranceFault::UnknownName.into()),
        };
    };
    let owner = match peek::server_name(entrant, &socket, until).await? {
        peek::Named::Tls(name) => frontend.owner(name.as_deref()),
        peek::Named::NotTls => Some(Owner::Tcp(door.nameless.ok_or(EntranceFault::NoTls)?)),
    };
    let Some(Owner::Tcp(service)) = owner else { return Err(EntranceFault::UnknownName.into()) };
    if snapshot.plan().tcp[service].tls.is_none() {
        return Ok(Entered::Tcp(Link::plain(socket), service, ends));
    }
    let (link, _, chosen) = shake(entrant, socket, snapshot, until).await?;
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
    until: Millis,
) -> Result<(Link, Shaken, Chosen), Exit> {
    let counters = &entrant.worker.counters;
    match for_word(entrant, &socket, until, InDrain::Leaves).await {
        Ok(()) => {}
        Err(Silence::Late) => {
            counters.handshakes_failed.increment();
            return Err(EntranceFault::Handshake(HandshakeFault::TimedOut).into());
        }
        Err(Silence::Unwanted) => return Err(Exit::Unwanted),
    }
    let frontend = snapshot.frontends().get(entrant.listen).ok_or(EntranceFault::UnknownName)?;
    let mut awaited = None;
    let shaken = accept(socket, &[], &entrant.alarm, |hello| {
        let chosen = frontend.choose(hello.server_name(), hello.alpn().into_iter().flatten());
        let mut chosen = chosen.ok_or(Refusal::UnknownName)?;
        awaited = chosen.awaited.take();
        let handshake = Handshake::begin(&entrant.worker, snapshot).ok_or(Refusal::Busy)?;
        Ok((std::sync::Arc::clone(&chosen.config), (chosen, handshake)))
    });
    match shaken.await {
        Ok((link, shaken, (chosen, _handshake))) => {
            counters.handshakes_done.increment();
            Ok((link, shaken, chosen))
        }
        Err(fault) => {
            counters.handshakes_failed.increment();
            Err(Exit::Fault(match (fault, awaited) {
                (HandshakeFault::Tls(_), Some(host)) => EntranceFault::Awaited(host),
                (fault, _) => EntranceFault::Handshake(fault),
            }))
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
