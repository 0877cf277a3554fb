//! Two connections joined: bytes go both ways, an end on one side is passed on to the other, and silence ends the tunnel
//! after a while. What the bytes mean is not looked at.
//!
//! LIFECYCLE: both directions open -> one ended, the other goes on -> both ended; or one of the connections breaks, or
//! nothing moves for too long.

mod flow;

use crate::state::Client;
use evener_runtime::{Buffer, Millis};
use evener_wire::Wire;
use flow::{Flow, Side};
use std::future::poll_fn;
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
    };
    let mut last_moved = Millis::now();
    let mut total = 0;
    client.alarm.set(last_moved.after(idle_timeout));
    let end = poll_fn(|cx| {
        if let Poll::Ready(end) = joined.poll(cx) {
            return Poll::Ready(end);
        }
        let moved = joined.up.moved + joined.down.moved;
        if moved != total {
            total = moved;
            last_moved = Millis::now();
        }
        while client.alarm.poll(cx).is_ready() {
            let due = last_moved.after(idle_timeout);
            if Millis::now() >= due {
                return Poll::Ready(End::Idle { is_cut: joined.up.is_loaded() || joined.down.is_loaded() });
            }
            client.alarm.set(due);
        }
        Poll::Pending
    })
    .await;
    let (up, down) = (joined.up.finish(), joined.down.finish());
    match end {
        End::Whole if up.is_unheard => linger(client).await,
        End::Whole | End::Idle { is_cut: false } => {}
        // An orderly end would make cut bytes look whole.
        End::Idle { is_cut: true } | End::ClientBroke | End::ServerBroke => {
            client.wire.reset_on_close();
            server.reset_on_close();
        }
    }
    client.worker.counters.bytes_in.add(up.moved);
    client.worker.counters.bytes_out.add(down.moved);
    Moved { from_client: up.moved, from_server: down.moved, end }
}

/// Both directions.
struct Joined<'a> {
    up: Flow<'a>,
    down: Flow<'a>,
}

impl Joined<'_> {
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
            None => Poll::Pending,
        }
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
    while dropped < LINGER_BYTES_MAX && !client.worker.is_draining() {
        let read = poll_fn(|cx| match client.wire.poll_read(cx, buffer.space()) {
            Poll::Ready(Ok(count)) => Poll::Ready(count),
            Poll::Ready(Err(_)) => Poll::Ready(0),
            Poll::Pending => client.alarm.poll(cx).map(|_| 0),
        });
        match read.await {
            0 => break,
            count => dropped += count,
        }
    }
    client.worker.buffers.give_back(buffer);
}
