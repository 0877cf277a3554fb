//! Two connections joined: bytes go both ways, an end on one side is passed on to the other, and silence ends the tunnel
//! after a while. What the bytes mean is not looked at.
//!
//! LIFECYCLE: both directions open -> one ended, the other goes on -> both ended; or one of the connections breaks, or
//! nothing moves for too long, or the worker is told to stop.

mod flow;

use crate::state::Client;
use evener_observe::WorkerCounters;
use evener_runtime::{Buffer, Millis};
use evener_wire::Wire;
use flow::{Flow, Side};
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes that a tunnel has moved, and how it ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moved {
    pub(crate) from_client: u64,
    pub(crate) from_server: u64,
    pub(crate) end: End,
}

/// How a tunnel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Both sides have ended, and what they sent has arrived as far as somebody took it.
    Whole,
    /// Nothing moved for too long; `is_cut` if something was still on its way.
    Idle { is_cut: bool },
    /// The worker was told to stop.
    Stopped { is_cut: bool },
    /// The client's connection broke.
    ClientBroke,
    /// The server's connection broke.
    ServerBroke,
}

/// Moves bytes until both sides have ended, one has broken, or nothing moved for `idle_timeout`. What the buffers hold
/// goes first. After anything but a whole end closing is a reset where bytes were cut.
pub(crate) async fn run(
    client: &Client,
    server: &Wire,
    from_client: &mut Buffer,
    from_server: &mut Buffer,
    idle_timeout: Duration,
) -> Moved {
    let mut joined = Joined {
        up: Flow::new(&client.worker, &client.wire, server, from_client),
        down: Flow::new(&client.worker, server, &client.wire, from_server),
        counted: (0, 0),
    };
    let mut last_moved = Millis::now();
    client.alarm.set(last_moved.after(idle_timeout));
    let end = poll_fn(|cx| {
        let end = joined.poll(cx);
        if joined.count(&client.worker.counters) {
            last_moved = Millis::now();
        }
        if end.is_ready() {
            return end;
        }
        while client.alarm.poll(cx).is_ready() {
            let due = last_moved.after(idle_timeout);
            if Millis::now() >= due {
                return Poll::Ready(End::Idle { is_cut: joined.is_loaded() });
            }
            client.alarm.set(due);
        }
        if client.worker.is_stopping() {
            return Poll::Ready(End::Stopped { is_cut: joined.is_loaded() });
        }
        Poll::Pending
    })
    .await;
    let (up, down) = (joined.up.finish(), joined.down.finish());
    match end {
        End::Whole if up.is_unheard => linger(client).await,
        End::Whole | End::Idle { is_cut: false } | End::Stopped { is_cut: false } => {}
        // An orderly end would make cut bytes look whole.
        End::Idle { is_cut: true } | End::Stopped { is_cut: true } | End::ClientBroke | End::ServerBroke => {
            client.wire.reset_on_close();
            server.reset_on_close();
        }
    }
    Moved { from_client: up.moved, from_server: down.moved, end }
}

/// Both directions.
struct Joined<'a> {
    up: Flow<'a>,
    down: Flow<'a>,
    /// Bytes that are counted, each way.
    counted: (u64, u64),
}

impl Joined<'_> {
    /// Whether something is on its way.
    fn is_loaded(&self) -> bool {
        self.up.is_loaded() || self.down.is_loaded()
    }

    /// Moves what can be moved. Both are polled each time, so that each has its waker in place.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let up = self.up.poll(cx);
        let down = self.down.poll(cx);
        // The client is looked at first: a server that is told of its leaving may break in turn.
        let broken = match (up, down) {
            (Poll::Ready(Err(Side::From)), _) | (_, Poll::Ready(Err(Side::To))) => Some(End::ClientBroke),
            (Poll::Ready(Err(Side::To)), _) | (_, Poll::Ready(Err(Side::From))) => Some(End::ServerBroke),
            _ => None,
        };
        match broken {
            Some(broken) => Poll::Ready(broken),
            None if self.up.is_over() && self.down.is_over() => {
                // Neither takes anything, and neither has said that this was all.
                let is_whole = self.up.has_ended() || self.down.has_ended();
                Poll::Ready(if is_whole { End::Whole } else { End::ServerBroke })
            }
            None => self.poll_sources(cx),
        }
    }

    /// Watches the sources from which nobody reads, because they have ended or because what they sent waits.
    fn poll_sources(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if (self.up.is_over() || self.up.is_loaded())
            && let Poll::Ready(kind) = self.up.poll_broken(cx)
            // What was sent in good order, with an end, is not taken back by a later reset.
            && (self.up.is_over() || kind != io::ErrorKind::BrokenPipe)
        {
            return Poll::Ready(End::ClientBroke);
        }
        // What a server sent before it broke is for the client all the same.
        if self.down.has_ended() && self.down.poll_broken(cx).is_ready() {
            self.up.give_up();
            return Poll::Ready(End::Whole);
        }
        Poll::Pending
    }

    /// Counts what has moved since the last time; whether anything has.
    fn count(&mut self, counters: &WorkerCounters) -> bool {
        let (up, down) = (self.up.moved - self.counted.0, self.down.moved - self.counted.1);
        if up + down == 0 {
            return false;
        }
        counters.bytes_in.add(up);
        counters.bytes_out.add(down);
        self.counted = (self.up.moved, self.down.moved);
        true
    }
}

/// How long a client may go on to send what nobody takes, once it has been told of the end, and how much. Closing at once
/// would make the kernel answer with a reset, which can destroy what the client has not read yet.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Reads and drops what the client sends, until it ends or a bound is reached.
async fn linger(client: &Client) {
    let mut buffer = client.worker.buffers.take_small();
    client.alarm.set(Millis::now().after(LINGER));
    let mut dropped = 0;
    while dropped < LINGER_BYTES_MAX {
        let read = poll_fn(|cx| match client.wire.poll_read(cx, buffer.space()) {
            Poll::Ready(Ok(count)) => Poll::Ready(count),
            Poll::Ready(Err(_)) => Poll::Ready(0),
            Poll::Pending if client.worker.is_draining() => Poll::Ready(0),
            Poll::Pending => client.alarm.poll(cx).map(|_| 0),
        });
        match read.await {
            0 => break,
            count => dropped += count,
        }
    }
    client.worker.buffers.give_back(buffer);
}
