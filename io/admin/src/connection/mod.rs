//! One connection: hyper reads and writes, and a watch beside it ends what takes too long.
//!
//! A head must come within [`HEAD`] of its first byte, the first one of the connection's beginning. After a request the
//! connection may live for [`IDLE`]: within that time the answer must be taken and the next request must begin.

use crate::answer::answer;
use crate::server::{LINGER, Views};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, http};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io::{IoSlice, Result};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What a connection came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// A port of this machine: browsers reach it, too.
    Tcp,
    /// A unix socket.
    Unix,
}

/// Serves a connection to its end, which comes soon after `closing` turns true.
pub(crate) async fn serve<S>(stream: S, door: Door, views: Views, mut closing: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let pulse = Pulse::new();
    let io = TokioIo::new(Watched { stream, pulse: pulse.clone() });
    let (own, is_closing) = (pulse.clone(), closing.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        own.answered();
        let mut response = answer(&request, door, &views);
        if *is_closing.borrow() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        std::future::ready(Ok::<http::Response<_>, Infallible>(response))
    });
    let mut builder = http1::Builder::new();
    builder.half_close(true).header_read_timeout(None).max_headers(FIELDS_MAX).max_buf_size(HEAD_BYTES_MAX);
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut is_told = false;
    loop {
        // All arms are cancel safe: the connection goes on with the next round.
        tokio::select! {
            _ended = connection.as_mut() => return,
            () = sleep_until(pulse.deadline()) => if pulse.is_over(Instant::now()) {
                return;
            },
            _ = closing.wait_for(|is_closing| *is_closing), if !is_told => {
                is_told = true;
                // One that was accepted but has not asked yet is answered first.
                if !pulse.hasten() {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// What a connection does, and until when it may.
#[derive(Clone)]
struct Pulse(Arc<Mutex<Beat>>);

struct Beat {
    phase: Phase,
    deadline: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// There was no request yet.
    New,
    /// A head is on its way.
    Head,
    /// The last request was answered; the answer may still be on its way.
    Answered,
}

impl Pulse {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Beat { phase: Phase::New, deadline: Instant::now() + HEAD })))
    }

    /// Bytes have come.
    fn received(&self) {
        let mut beat = self.beat();
        if beat.phase == Phase::Answered {
            *beat = Beat { phase: Phase::Head, deadline: Instant::now() + HEAD };
        }
    }

    fn answered(&self) {
        *self.beat() = Beat { phase: Phase::Answered, deadline: Instant::now() + IDLE };
    }

    /// The end is near. Whether it waits for its first request.
    fn hasten(&self) -> bool {
        let mut beat = self.beat();
        beat.deadline = beat.deadline.min(Instant::now() + LINGER);
        beat.phase == Phase::New
    }

    fn deadline(&self) -> Instant {
        self.beat().deadline
    }

    fn is_over(&self, now: Instant) -> bool {
        self.deadline() <= now
    }

    fn beat(&self) -> MutexGuard<'_, Beat> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that tells when bytes come.
struct Watched<S> {
    stream: S,
    pulse: Pulse,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.pulse.received();
        }
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Until when a head must be whole.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection rests, and how long an answer may take.
const IDLE: Duration = Duration::from_secs(75);
/// Fields of a head; browsers send about twenty.
const FIELDS_MAX: usize = 64;
/// The longest head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests;
