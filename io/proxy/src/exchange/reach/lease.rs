//! The connection for an attempt: a pooled one or a new one.

use super::Way;
use crate::exchange::fault::{Fault, UpstreamFault};
use crate::exchange::trip::Trip;
use crate::exchange::upload::Upload;
use crate::state::Session;
use evener_http::Framing;
use evener_runtime::{Alarm, Millis};
use evener_upstream::{ConnectFault, Lease, Pool, lease, lease_http1, lease_new_http1};
use std::rc::Rc;

/// Idle connections closed at once when there is no descriptor for a server.
const SHED_COUNT: usize = 16;
/// How often room is made for one connection before the request is refused: others may take the room first.
const ROOM_LOOKS: u32 = 4;

/// Which connections may be taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    Pooled,
    Fresh,
    /// Those of HTTP/1.1 only, of a server that speaks both.
    Http1,
    FreshHttp1,
}

impl Way<'_> {
    pub(super) async fn lease(
        self,
        session: &Session,
        trip: &Trip,
        server: usize,
        freshness: Freshness,
    ) -> Result<Lease, Fault> {
        if freshness == Freshness::Pooled
            && let Some(lease) = self.pooled(session, server)
        {
            return Ok(lease);
        }
        // Rare and large: in place it would make the state of every request three times as big.
        Box::pin(self.connect(trip, server, freshness, &self.client.alarm)).await
    }

    /// An idle connection to the server. For a request that cannot be repeated it is worth a look at whether it still
    /// stands.
    pub(super) fn pooled(self, session: &Session, server: usize) -> Option<Lease> {
        let pool = self.snapshot.pool(self.upstream, server);
        let is_repeatable = session.parser.head().method.is_idempotent();
        let pooled = if is_repeatable { pool.take() } else { pool.take_checked() };
        if pooled.is_some() {
            self.client.worker.counters.upstream_reuses.increment();
        }
        pooled
    }

    /// A new connection to the server.
    pub(super) async fn connect(
        self,
        trip: &Trip,
        server: usize,
        freshness: Freshness,
        alarm: &Alarm,
    ) -> Result<Lease, Fault> {
        let pool = self.snapshot.pool(self.upstream, server);
        let connect_timeout = self.snapshot.upstream(self.upstream).connect_timeout;
        alarm.set(trip.earlier(Millis::now().after(connect_timeout)));
        let mut opened = open(pool, freshness, alarm).await;
        for _ in 0..ROOM_LOOKS {
            if !matches!(opened, Err(ConnectFault::Exhausted(_))) {
                break;
            }
            self.client.worker.shed(SHED_COUNT);
            // Idle connections close when it is their turn to run, also those that another request has shed.
            tokio::task::yield_now().await;
            opened = open(pool, freshness, alarm).await;
        }
        match opened {
            Ok(lease) => {
                // Somebody else's connection may have had room first.
                let counters = &self.client.worker.counters;
                let counter = if lease.is_reused() { &counters.upstream_reuses } else { &counters.upstream_connects };
                counter.increment();
                Ok(lease)
            }
            Err(ConnectFault::TimedOut) if Millis::now() >= trip.deadline() => Err(trip.late()),
            Err(fault) => Err(UpstreamFault::Connect(fault).into()),
        }
    }
}

async fn open(pool: &Rc<Pool>, freshness: Freshness, alarm: &Alarm) -> Result<Lease, ConnectFault> {
    match freshness {
        Freshness::Http1 => lease_http1(pool, alarm).await,
        Freshness::FreshHttp1 => lease_new_http1(pool, alarm).await,
        Freshness::Pooled | Freshness::Fresh => lease(pool, alarm).await,
    }
}

/// Gives up an answer for that of another server. Its connection may be used again if the server has got the whole
/// request, or it would take the next one for the rest of this one, and if all of the answer is there.
pub(super) fn give_up(session: &Session, upload: Option<&Upload>, lease: Lease) {
    let is_request_sent = upload.is_none_or(Upload::is_done);
    let head = session.response.head();
    let body_bytes = match head.framing {
        Framing::None => Some(0),
        Framing::Length(length) => usize::try_from(length).ok(),
        Framing::Chunked | Framing::UntilClose => None,
    };
    let is_whole = body_bytes.is_some_and(|bytes| head.head_bytes.checked_add(bytes) == Some(session.answer.len()));
    if head.keep_alive && is_request_sent && is_whole {
        lease.give_back();
    }
}
