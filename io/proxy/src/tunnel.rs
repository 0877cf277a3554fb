//! Two connections that have left HTTP: bytes go both ways, an end on one side is passed on to the other, and silence
//! ends the tunnel after a while. What the bytes mean is not looked at.

use crate::state::Client;
use evener_runtime::{Buffer, Millis};
use evener_wire::Wire;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Bytes that a tunnel has moved.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moved {
    pub(crate) from_client: u64,
    pub(crate) from_server: u64,
}

/// One direction.
#[derive(Debug)]
struct Flow<'a> {
    from: &'a Wire,
    to: &'a Wire,
    buffer: &'a mut Buffer,
    moved: u64,
    state: FlowState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FlowState {
    Open,
    /// The source has ended; what it sent is still on its way.
    Ending,
    Ended,
}

/// Moves bytes until both sides have ended, one has broken, or nothing moved for `idle_timeout`. What the buffers hold
/// goes first.
pub(crate) async fn run(
    client: &Client,
    server: &Wire,
    from_client: &mut Buffer,
    from_server: &mut Buffer,
    idle_timeout: Duration,
) -> Moved {
    for buffer in [&mut *from_client, &mut *from_server] {
        if buffer.capacity() == 0 {
            *buffer = client.worker.buffers.take_small();
        }
    }
    let mut up = Flow { from: &client.wire, to: server, buffer: from_client, moved: 0, state: FlowState::Open };
    let mut down = Flow { from: server, to: &client.wire, buffer: from_server, moved: 0, state: FlowState::Open };
    let mut last_moved = Millis::now();
    let mut total = 0;
    client.alarm.set(last_moved.after(idle_timeout));
    poll_fn(|cx| {
        // Both are polled each time, so that each has its waker in place.
        let is_up_broken = matches!(up.poll(cx), Poll::Ready(Err(_)));
        let is_down_broken = matches!(down.poll(cx), Poll::Ready(Err(_)));
        let has_ended = up.state == FlowState::Ended && down.state == FlowState::Ended;
        if is_up_broken || is_down_broken {
            // A reset on one side is one on the other: an orderly end would make cut bytes look whole.
            client.wire.reset_on_close();
            server.reset_on_close();
            return Poll::Ready(());
        }
        if has_ended {
            return Poll::Ready(());
        }
        let now = Millis::now();
        if up.moved + down.moved != total {
            total = up.moved + down.moved;
            last_moved = now;
        }
        while client.alarm.poll(cx).is_ready() {
            let end = last_moved.after(idle_timeout);
            if now >= end {
                return Poll::Ready(());
            }
            client.alarm.set(end);
        }
        Poll::Pending
    })
    .await;
    client.worker.counters.bytes_in.add(up.moved);
    client.worker.counters.bytes_out.add(down.moved);
    Moved { from_client: up.moved, from_server: down.moved }
}

impl Flow<'_> {
    /// Moves what can be moved; ready when the flow has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while !self.buffer.is_empty() {
                let count = ready!(self.to.poll_write(cx, self.buffer.filled()))?;
                self.buffer.consume(count);
                self.moved += count as u64;
            }
            match self.state {
                FlowState::Open => {}
                FlowState::Ending => {
                    self.to.shutdown_write();
                    self.state = FlowState::Ended;
                    return Poll::Ready(Ok(()));
                }
                FlowState::Ended => return Poll::Ready(Ok(())),
            }
            match ready!(self.from.poll_read(cx, self.buffer.space()))? {
                0 => self.state = FlowState::Ending,
                count => self.buffer.filled_up(count),
            }
        }
    }
}
