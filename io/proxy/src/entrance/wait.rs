//! Waiting for what a connection says first. As long as it has said nothing it can be closed without anybody's loss: it makes
//! room for others, the one that has been silent for longest first, and it goes when the worker drains. One that has begun
//! may finish in its time.
//!
//! What the bytes mean is not looked at here.

use crate::state::{EntranceFault, Entrant};
use evener_runtime::alarm::Wake;
use evener_runtime::{Millis, Socket};
use evener_tls::Link;
use std::future::poll_fn;
use std::task::{Context, Poll};

/// Why a connection goes no further.
#[derive(Debug)]
pub(super) enum Exit {
    /// It or who stands between did something wrong.
    Fault(EntranceFault),
    /// It did nothing wrong: it is in the way of others, or of the worker's end, and is owed nothing.
    Unwanted,
}

impl From<EntranceFault> for Exit {
    fn from(fault: EntranceFault) -> Self {
        Self::Fault(fault)
    }
}

/// How a silence ended without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    Late,
    Unwanted,
}

impl From<Silence> for Exit {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Late => Self::Fault(EntranceFault::Late),
            Silence::Unwanted => Self::Unwanted,
        }
    }
}

/// What a silent connection does once the worker drains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InDrain {
    Leaves,
    /// It has come through while the worker drained: its first request is waited for, and is its last.
    Stays,
}

/// A connection that may say something.
pub(super) trait Speaker {
    /// Ready once something was said, or the connection has ended.
    fn poll_word(&self, cx: &mut Context<'_>) -> Poll<()>;

    /// Whether nothing was said, as far as the kernel knows.
    fn is_quiet(&self) -> bool;
}

impl Speaker for Socket {
    fn poll_word(&self, cx: &mut Context<'_>) -> Poll<()> {
        // The event loop still tells of bytes that were read since: a PROXY header, which another one may have sent.
        self.poll_peek(cx, &mut [0], 0).map(drop)
    }

    fn is_quiet(&self) -> bool {
        Self::is_quiet(self)
    }
}

impl Speaker for Link {
    fn poll_word(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_news(cx)
    }

    fn is_quiet(&self) -> bool {
        Self::is_quiet(self)
    }
}

/// Waits until something is said.
pub(super) async fn for_word(
    entrant: &Entrant,
    speaker: &impl Speaker,
    until: Millis,
    in_drain: InDrain,
) -> Result<(), Silence> {
    entrant.is_silent(until);
    let leaves = in_drain == InDrain::Leaves;
    let heard = poll_fn(|cx| {
        if speaker.poll_word(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        // Bytes may be here of which the event loop has yet to tell, as on a connection accepted last: it will.
        if leaves && entrant.worker.is_draining() && speaker.is_quiet() {
            return Poll::Ready(Err(Silence::Unwanted));
        }
        entrant.alarm.poll(cx).map(|wake| match wake {
            Wake::Deadline => Err(Silence::Late),
            Wake::Shed => Err(Silence::Unwanted),
        })
    });
    heard.await?;
    entrant.has_begun(until);
    Ok(())
}
