//! The handshake of TLS on a connected socket, before the deadline of an alarm.
//!
//! Which certificate and which rules hold is decided by the caller, who sees the ClientHello first.

use super::stream::{Incoming, Outgoing, Stream};
use super::{Kind, Link};
use evener_runtime::alarm::Wake;
use evener_runtime::{Alarm, Socket};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::{Accepted, AcceptedAlert, Acceptor, ClientHello};
use rustls::{ClientConfig, ClientConnection, Connection, ProtocolVersion, ServerConfig};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::{fmt, io};

/// Why a handshake did not end well.
#[derive(Debug)]
pub enum HandshakeFault {
    /// The deadline passed first, or whoever gave the alarm wanted the connection closed.
    TimedOut,
    /// The peer closed or reset the connection.
    Closed(io::Error),
    /// Nobody here answers for the name that the client asked for.
    UnknownName,
    /// The caller has no room for it.
    Busy,
    /// What the peer sent is not TLS, or not TLS that both sides can agree on; the peer was told by an alert.
    Tls(rustls::Error),
}

impl fmt::Display for HandshakeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("it took too long"),
            Self::Closed(cause) => write!(f, "the connection ended ({cause})"),
            Self::UnknownName => f.write_str("nobody has the name"),
            Self::Busy => f.write_str("too many are under way"),
            Self::Tls(cause) => write!(f, "{cause}"),
        }
    }
}

impl std::error::Error for HandshakeFault {}

/// Why a caller does not want a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody answers for the name: the client is told so with the alert `unrecognized_name`.
    UnknownName,
    /// There is no room: the connection is closed without a word, which costs least.
    Busy,
}

/// What a handshake has brought about.
#[derive(Debug, Clone, Default)]
pub struct Shaken {
    /// The protocol that was agreed on (ALPN), such as `h2`.
    pub alpn: Option<Vec<u8>>,
    /// The version: `TLSv1.2` or `TLSv1.3`.
    pub version: Option<&'static str>,
    /// The peer's own certificate, which was verified.
    pub certificate: Option<CertificateDer<'static>>,
}

/// Makes a link of a connection that a client has opened. `choose` is asked once, with the ClientHello, and may turn the
/// client away. `first` is what was read of the connection already.
pub async fn accept<T>(
    socket: Socket,
    first: &[u8],
    alarm: &Alarm,
    choose: impl FnOnce(&ClientHello<'_>) -> Result<(Arc<ServerConfig>, T), Refusal>,
) -> Result<(Link, Shaken, T), HandshakeFault> {
    if first.is_empty() {
        let readable = |cx: &mut Context<'_>| socket.poll_readable(cx).map_err(HandshakeFault::Closed);
        before_deadline(alarm, readable).await?;
    }
    // A handshake takes some KiB, which one that says nothing shall not cost.
    Box::pin(accept_now(socket, first, alarm, choose)).await
}

async fn accept_now<T>(
    socket: Socket,
    first: &[u8],
    alarm: &Alarm,
    choose: impl FnOnce(&ClientHello<'_>) -> Result<(Arc<ServerConfig>, T), Refusal>,
) -> Result<(Link, Shaken, T), HandshakeFault> {
    let accepted = before_deadline(alarm, hello(&socket, first)).await?;
    let (config, chosen) = match choose(&accepted.client_hello()) {
        Ok(chosen) => chosen,
        Err(Refusal::UnknownName) => {
            socket.write_now(&UNRECOGNIZED_NAME);
            return Err(HandshakeFault::UnknownName);
        }
        Err(Refusal::Busy) => return Err(HandshakeFault::Busy),
    };
    let connection = match accepted.into_connection(config) {
        Ok(connection) => Connection::Server(connection),
        Err((fault, alert)) => return Err(refuse(&socket, fault, alert)),
    };
    let (link, shaken) = finish(socket, connection, alarm).await?;
    Ok((link, shaken, chosen))
}

/// Makes a link of a connection to a server.
pub async fn connect(
    socket: Socket,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    alarm: &Alarm,
) -> Result<(Link, Shaken), HandshakeFault> {
    let connection = ClientConnection::new(config, name).map_err(HandshakeFault::Tls)?;
    finish(socket, Connection::Client(connection), alarm).await
}

/// A fatal alert `unrecognized_name` (RFC 6066 §3) in a record of TLS 1.2, as every version sends it before keys exist.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

async fn before_deadline<T>(
    alarm: &Alarm,
    mut step: impl FnMut(&mut Context<'_>) -> Poll<Result<T, HandshakeFault>>,
) -> Result<T, HandshakeFault> {
    poll_fn(|cx| match step(cx) {
        Poll::Ready(done) => Poll::Ready(done),
        Poll::Pending => match alarm.poll(cx) {
            Poll::Ready(Wake::Deadline | Wake::Shed) => Poll::Ready(Err(HandshakeFault::TimedOut)),
            Poll::Pending => Poll::Pending,
        },
    })
    .await
}

/// Reads the ClientHello. It may come in many pieces; rustls bounds it to 64 KiB.
fn hello<'a>(
    socket: &'a Socket,
    first: &'a [u8],
) -> impl FnMut(&mut Context<'_>) -> Poll<Result<Accepted, HandshakeFault>> + 'a {
    let mut acceptor = Acceptor::default();
    let mut first = first;
    move |cx| {
        loop {
            let read = if first.is_empty() {
                acceptor.read_tls(&mut Incoming(|buffer: &mut [u8]| socket.poll_read(cx, buffer)))
            } else {
                acceptor.read_tls(&mut first)
            };
            match read {
                Ok(0) => return Poll::Ready(Err(HandshakeFault::Closed(io::ErrorKind::UnexpectedEof.into()))),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(HandshakeFault::Closed(error))),
            }
            match acceptor.accept() {
                Ok(Some(accepted)) => return Poll::Ready(Ok(accepted)),
                Ok(None) => {}
                Err((fault, alert)) => return Poll::Ready(Err(refuse(socket, fault, alert))),
            }
        }
    }
}

fn refuse(socket: &Socket, fault: rustls::Error, mut alert: AcceptedAlert) -> HandshakeFault {
    let mut record = Vec::new();
    if alert.write(&mut record).is_ok() {
        socket.write_now(&record);
    }
    HandshakeFault::Tls(fault)
}

async fn finish(socket: Socket, mut connection: Connection, alarm: &Alarm) -> Result<(Link, Shaken), HandshakeFault> {
    before_deadline(alarm, |cx| shake(cx, &socket, &mut connection)).await?;
    let shaken = Shaken {
        alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
        version: connection.protocol_version().map(|version| match version {
            ProtocolVersion::TLSv1_3 => "TLSv1.3",
            _ => "TLSv1.2",
        }),
        certificate: connection.peer_certificates().and_then(|chain| chain.first()).map(|own| own.clone().into_owned()),
    };
    Ok((Link { kind: Kind::Tls(Box::new(Stream::new(socket, connection))) }, shaken))
}

fn shake(cx: &mut Context<'_>, socket: &Socket, connection: &mut Connection) -> Poll<Result<(), HandshakeFault>> {
    loop {
        while connection.wants_write() {
            match connection.write_tls(&mut Outgoing { socket, cx }) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(HandshakeFault::Closed(error))),
            }
        }
        if !connection.is_handshaking() {
            return Poll::Ready(Ok(()));
        }
        ready!(step(cx, socket, connection))?;
    }
}

fn step(cx: &mut Context<'_>, socket: &Socket, connection: &mut Connection) -> Poll<Result<(), HandshakeFault>> {
    match connection.read_tls(&mut Incoming(|buffer: &mut [u8]| socket.poll_read(cx, buffer))) {
        Ok(0) => return Poll::Ready(Err(HandshakeFault::Closed(io::ErrorKind::UnexpectedEof.into()))),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
        Err(error) => return Poll::Ready(Err(HandshakeFault::Closed(error))),
    }
    Poll::Ready(connection.process_new_packets().map(|_| ()).map_err(|fault| {
        // The alert that tells the peer why; the connection closes whether it arrives or not.
        let mut cx = Context::from_waker(Waker::noop());
        while connection.wants_write() && connection.write_tls(&mut Outgoing { socket, cx: &mut cx }).is_ok() {}
        HandshakeFault::Tls(fault)
    }))
}
