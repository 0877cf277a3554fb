//! Looking at the first bytes of a connection without taking them, until they tell what it is.

use super::wait::{Exit, InDrain, for_word};
use crate::state::{Ends, EntranceFault, Entrant};
use evener_plan::AcceptProxy;
use evener_preamble::hello::{HelloProgress, HelloReader};
use evener_preamble::proxy;
use evener_runtime::{Alarm, Millis, Socket};
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

/// What a PROXY header has told.
#[derive(Debug)]
pub(crate) struct ProxyTold {
    pub(crate) ends: Ends,
    /// Or the sender speaks for itself, as with a check of its own.
    pub(crate) is_client_told: bool,
}

/// Reads the PROXY header that must come first, and takes the client's address from it.
pub(crate) async fn proxy_header(
    entrant: &mut Entrant,
    socket: &Socket,
    accept: &AcceptProxy,
    until: Millis,
) -> Result<ProxyTold, Exit> {
    let is_trusted = accept.from.is_empty() || accept.from.iter().any(|block| block.contains(entrant.peer));
    if !is_trusted {
        return Err(EntranceFault::UntrustedPeer.into());
    }
    for_word(entrant, socket, until, InDrain::Leaves).await?;
    let mut bytes = vec![0; proxy::HEADER_BYTES_MAX];
    let mut known = 0;
    loop {
        known = more(&entrant.alarm, socket, &mut bytes, known).await?;
        match proxy::parse(&bytes[..known]).map_err(EntranceFault::Preamble)? {
            proxy::Progress::NeedMore => {}
            proxy::Progress::Complete { length, header } => {
                take(&entrant.alarm, socket, &mut bytes[..length]).await?;
                if let Some(source) = header.source {
                    entrant.peer = source.ip().to_canonical();
                }
                // A connection of the sender's own has the addresses that it has.
                let source = header.source.unwrap_or(entrant.address);
                let destination = header.destination.or_else(|| socket.local_address());
                let is_client_told = header.source.is_some();
                return Ok(ProxyTold { ends: Ends { source: Some(source), destination }, is_client_told });
            }
        }
    }
}

/// What a connection begins with.
#[derive(Debug)]
pub(crate) enum Named {
    /// A ClientHello, with the name that it asks for.
    Tls(Option<String>),
    NotTls,
}

/// Looks for the name in a ClientHello.
pub(crate) async fn server_name(entrant: &Entrant, socket: &Socket, until: Millis) -> Result<Named, Exit> {
    for_word(entrant, socket, until, InDrain::Leaves).await?;
    let mut reader = HelloReader::new();
    let mut bytes = vec![0; HELLO_BYTES_FIRST];
    let mut known = 0;
    loop {
        known = more(&entrant.alarm, socket, &mut bytes, known).await?;
        match reader.read(&bytes[..known]).map_err(EntranceFault::Preamble)? {
            HelloProgress::NeedMore if known == bytes.len() => {
                bytes.resize((bytes.len() * 4).min(evener_preamble::hello::BYTES_MAX + 1), 0);
            }
            HelloProgress::NeedMore => {}
            HelloProgress::NotTls => return Ok(Named::NotTls),
            HelloProgress::Complete(hello) => return Ok(Named::Tls(hello.server_name)),
        }
    }
}

/// Most ClientHellos fit.
const HELLO_BYTES_FIRST: usize = 4096;

/// What a client of HTTP/2 says first (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether the connection begins with the preface of HTTP/2.
pub(crate) async fn is_http2(entrant: &Entrant, socket: &Socket, until: Millis) -> Result<bool, Exit> {
    for_word(entrant, socket, until, InDrain::Leaves).await?;
    let mut bytes = [0; PREFACE.len()];
    let mut known = 0;
    loop {
        known = more(&entrant.alarm, socket, &mut bytes, known).await?;
        if !PREFACE.starts_with(&bytes[..known]) {
            return Ok(false);
        }
        if known == PREFACE.len() {
            return Ok(true);
        }
    }
}

/// Waits until there are more bytes than are known; returns how many.
async fn more(alarm: &Alarm, socket: &Socket, bytes: &mut [u8], known: usize) -> Result<usize, EntranceFault> {
    let count = before_deadline(alarm, |cx| socket.poll_peek(cx, bytes, known)).await?;
    if count == 0 { Err(EntranceFault::Closed) } else { Ok(count) }
}

/// Takes bytes that are known to be there.
async fn take(alarm: &Alarm, socket: &Socket, bytes: &mut [u8]) -> Result<(), EntranceFault> {
    let mut taken = 0;
    while taken < bytes.len() {
        match before_deadline(alarm, |cx| socket.poll_read(cx, &mut bytes[taken..])).await? {
            0 => return Err(EntranceFault::Closed),
            count => taken += count,
        }
    }
    Ok(())
}

async fn before_deadline(
    alarm: &Alarm,
    mut step: impl FnMut(&mut Context<'_>) -> Poll<io::Result<usize>>,
) -> Result<usize, EntranceFault> {
    poll_fn(|cx| match step(cx) {
        Poll::Ready(done) => Poll::Ready(done.map_err(|_| EntranceFault::Closed)),
        // For want of room the time may be over sooner.
        Poll::Pending => alarm.poll(cx).map(|_| Err(EntranceFault::Late)),
    })
    .await
}
