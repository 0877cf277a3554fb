//! Closing a connection on which the client may still be sending (RFC 9112 §9.6): end our side, read on for a while and
//! throw away what comes. Closing at once would make the kernel answer those bytes with a reset, and the reset can
//! destroy the answer before the client has read it.

use crate::state::{Client, Session};
use evener_runtime::Millis;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

/// How long the client may go on in all. As in nginx; long enough for a slow uplink to notice the answer.
const TOTAL: Duration = Duration::from_secs(30);
/// How long it may pause.
const PAUSE: Duration = Duration::from_secs(5);
/// How long it is left alone when others need its place; the answer is with it by then, unless the line is very bad.
const UNDISTURBED: Duration = Duration::from_secs(1);
/// How much is thrown away at most; a client that ignores the answer for longer is cut.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Ends our side, then reads and drops until the client ends its own, or a bound is reached.
pub(crate) async fn linger(client: &Client, session: &mut Session) {
    client.wire.shutdown_write();
    if session.is_half_closed {
        return;
    }
    session.inbound.clear();
    if session.inbound.capacity() == 0 {
        session.inbound = client.worker.buffers.take_small();
    }
    let begun = Millis::now();
    let end = begun.after(TOTAL);
    client.alarm.rest(begun.after(UNDISTURBED));
    let mut dropped = 0_u64;
    while dropped < BYTES_MAX {
        client.alarm.set(end.min(Millis::now().after(PAUSE)));
        let read = poll_fn(|cx| match client.wire.poll_read(cx, session.inbound.space()) {
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(None),
            Poll::Ready(Ok(count)) => Poll::Ready(Some(count)),
            Poll::Pending if client.worker.is_draining() => Poll::Ready(None),
            Poll::Pending => client.alarm.poll(cx).map(|_| None),
        });
        match read.await {
            Some(count) => dropped += count as u64,
            None => return,
        }
    }
}
