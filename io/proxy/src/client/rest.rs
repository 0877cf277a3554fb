//! Waiting for the first byte of a request. A connection that rests can be closed at any moment without anybody's loss.

use crate::state::Client;
use evener_runtime::Millis;
use evener_runtime::alarm::Wake;
use std::task::{Context, Poll};
use std::time::Duration;

/// How a rest ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rested {
    Readable,
    /// Nothing came in time.
    Late,
    /// The worker drains, or needs the descriptor.
    Unwanted,
}

/// One rest.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    is_armed: bool,
}

impl Rest {
    /// Ready when a byte, an end or an error has come (reading tells them apart), or after `timeout`.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, client: &Client, timeout: Duration) -> Poll<Rested> {
        let rested = self.poll_once(cx, client, timeout);
        if rested.is_ready() && self.is_armed {
            client.alarm.work();
        }
        rested
    }

    fn poll_once(&mut self, cx: &mut Context<'_>, client: &Client, timeout: Duration) -> Poll<Rested> {
        if client.wire.poll_readable(cx).is_ready() {
            return Poll::Ready(Rested::Readable);
        }
        // A request may be here of which the event loop has yet to tell, as on a connection accepted last: it will.
        if client.worker.is_draining() && client.wire.is_quiet() {
            return Poll::Ready(Rested::Unwanted);
        }
        if !self.is_armed {
            let now = Millis::now();
            client.alarm.set(now.after(timeout));
            client.alarm.rest(now);
            self.is_armed = true;
        }
        client.alarm.poll(cx).map(|wake| match wake {
            Wake::Deadline => Rested::Late,
            Wake::Shed => Rested::Unwanted,
        })
    }
}
