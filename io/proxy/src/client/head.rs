//! Reading one request head, in time and within its bounds.

use crate::exchange::{ClientFault, Fault};
use crate::state::{Client, Session};
use evener_http::{HeadLimits, Progress};
use evener_runtime::Millis;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Instant;

/// How reading a head ended.
pub(crate) enum HeadRead {
    Complete,
    /// Nothing has come.
    Idle,
    /// The connection ended without owing anybody an answer.
    Closed,
    Fault(Fault),
}

enum Read {
    Bytes(usize),
    Ended,
    Nothing,
    Late,
}

/// Reads until the head in `session.inbound` is complete.
pub(crate) async fn read(client: &Client, session: &mut Session) -> HeadRead {
    let snapshot = client.worker.snapshot();
    let limits = &snapshot.plan().limits;
    let bounds = HeadLimits { bytes_max: limits.head_bytes_max, fields_max: limits.fields_max };
    session.parser.reset();
    session.started = None;
    // Armed with the first byte that does not complete the head; most heads come whole and never need it.
    let mut deadline = None;
    loop {
        if !session.inbound.is_empty() {
            session.started.get_or_insert_with(Instant::now);
            match session.parser.parse(session.inbound.filled(), &bounds) {
                Ok(Progress::Complete) => return HeadRead::Complete,
                Ok(Progress::NeedMore) => {}
                Err(fault) => return HeadRead::Fault(Fault::Request(fault)),
            }
            if deadline.is_none() {
                let at = Millis::now().after(limits.head_timeout);
                client.alarm.set(at);
                deadline = Some(at);
            }
        }
        if session.is_half_closed {
            return HeadRead::Closed;
        }
        make_room(session, bounds.bytes_max);
        match read_some(client, session).await {
            Read::Bytes(count) => {
                client.worker.counters.bytes_in.add(count as u64);
                session.inbound.filled_up(count);
            }
            Read::Ended => return HeadRead::Closed,
            Read::Nothing => return HeadRead::Idle,
            Read::Late if session.parser.has_started() => return HeadRead::Fault(ClientFault::HeadTimeout.into()),
            Read::Late => return HeadRead::Closed,
        }
    }
}

fn make_room(session: &mut Session, bytes_max: usize) {
    let inbound = &mut session.inbound;
    if inbound.is_full() {
        inbound.compact();
    }
    if inbound.is_full() {
        // A head at the limit is refused by the parser, so this ends.
        let larger = (inbound.capacity() * 4).clamp(4096, bytes_max.max(4096) * 2);
        inbound.grow(larger);
    }
}

async fn read_some(client: &Client, session: &mut Session) -> Read {
    let is_waiting = !session.inbound.is_empty();
    poll_fn(|cx| match client.wire.poll_read(cx, session.inbound.space()) {
        Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(Read::Ended),
        Poll::Ready(Ok(count)) => Poll::Ready(Read::Bytes(count)),
        Poll::Pending if is_waiting => client.alarm.poll(cx).map(|_| Read::Late),
        Poll::Pending => Poll::Ready(Read::Nothing),
    })
    .await
}
