//! A place for a request at some server: which one it would like, and the wait while all are at their bound.

use super::Way;
use crate::exchange::attempt::poll_client;
use crate::exchange::fault::{ClientFault, Fault, OwnFault, UpstreamFault};
use crate::exchange::find::path_of;
use crate::exchange::trip::{BodyPlace, Trip, client_ip};
use crate::exchange::watch::Watch;
use crate::state::{Balanced, Place, Session, Work};
use evener_balance::{NoPick, Request, Tried, hash_key};
use evener_http::{cookie_value, field_value, query_value};
use evener_plan::{Balance, HashKey};
use evener_runtime::Millis;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

pub(super) use crate::state::moment;

/// What a request says of the server that it should get.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    key: u64,
    preferred: Option<usize>,
    is_repeatable: bool,
}

impl Wish {
    pub(super) fn read(way: Way<'_>, session: &Session) -> Self {
        let key = match &way.snapshot.upstream(way.upstream).balance {
            Balance::Hash(key) => hashed(way, session, key),
            Balance::Adaptive
            | Balance::RoundRobin
            | Balance::Random
            | Balance::LeastRequests
            | Balance::TwoChoices
            | Balance::LeastTime
            | Balance::PeakEwma
            | Balance::First => 0,
        };
        let is_repeatable = session.parser.head().method.is_idempotent();
        Self { key, preferred: way.balanced().sticky_server(session), is_repeatable }
    }

    /// The cookie for a client that another server has served than the one that its own led to.
    pub(super) fn cookie(&self, balanced: &Balanced, server: usize) -> Option<String> {
        if self.preferred == Some(server) { None } else { balanced.sticky_cookie(server) }
    }

    pub(super) fn request<'t>(&self, tried: &'t Tried) -> Request<'t> {
        Request { tried, key: self.key, preferred: self.preferred, is_repeatable: self.is_repeatable }
    }
}

/// The hash of what the upstream goes by; requests without it are spread by the client's address.
fn hashed(way: Way<'_>, session: &Session, key: &HashKey) -> u64 {
    let (message, head) = (session.inbound.filled(), session.parser.head());
    let query = head.query.map_or(&[][..], |query| query.of(message));
    let found = match key {
        HashKey::ClientIp => None,
        HashKey::Path => Some(path_of(message, head)),
        HashKey::Uri => {
            let path = hash_key(path_of(message, head));
            return if query.is_empty() { path } else { path.rotate_left(1) ^ hash_key(query) };
        }
        HashKey::Header(name) => field_value(message, &head.fields, name.as_bytes()),
        HashKey::Cookie(name) => cookie_value(message, &head.fields, name.as_bytes()),
        HashKey::Query(name) => query_value(query, name.as_bytes()),
    };
    match found {
        Some(value) => hash_key(value),
        None => {
            let site = &way.snapshot.plan().sites[way.found.site];
            match client_ip(way.client, session, site) {
                std::net::IpAddr::V4(address) => hash_key(&address.octets()),
                std::net::IpAddr::V6(address) => hash_key(&address.octets()),
            }
        }
    }
}

impl<'s> Way<'s> {
    /// Picks a server; waits in the line if all are at their bound.
    pub(super) async fn find_place(
        self,
        session: &mut Session,
        trip: &mut Trip,
        wish: &Wish,
        tried: &Tried,
    ) -> Result<Work<'s>, Fault> {
        let picked = self.balanced().pick(&wish.request(tried), &mut *self.client.worker.rng.borrow_mut());
        match picked {
            Ok(work) => Ok(work),
            Err(NoPick::Nobody) => Err(UpstreamFault::NoServer.into()),
            Err(NoPick::Full) => self.wait_for_place(session, trip, wish, tried).await,
        }
    }

    /// Waits in the line.
    #[cold]
    async fn wait_for_place(
        self,
        session: &mut Session,
        trip: &mut Trip,
        wish: &Wish,
        tried: &Tried,
    ) -> Result<Work<'s>, Fault> {
        let balanced = self.balanced();
        let (queue, line) = (balanced.queue, &balanced.line);
        let (now, started) = (Millis::now(), Instant::now());
        // Half of the time of the route is for the answer.
        let wait = queue.wait.min(trip.deadline().since(now) / 2);
        let deadline = now.after(wait);
        let place = Place::new(moment());
        self.client.worker.counters.queued.increment();
        let mut size = queue.size;
        loop {
            if !line.join(&place, size) {
                return Err(OwnFault::QueueFull.into());
            }
            balanced.call_next();
            if let Err(fault) = self.called(session, trip, &place, deadline).await {
                trip.queue_time = Some(trip.queue_time.unwrap_or_default() + started.elapsed());
                if !line.leave(&place) {
                    // It was called at the last moment: the call is for the next one.
                    balanced.call_next();
                }
                return Err(fault);
            }
            let picked = balanced.pick_called(&wish.request(tried), &mut *self.client.worker.rng.borrow_mut());
            match picked {
                Ok(work) => {
                    trip.queue_time = Some(trip.queue_time.unwrap_or_default() + started.elapsed());
                    // One call may stand for room at several servers.
                    balanced.call_next();
                    return Ok(work);
                }
                Err(NoPick::Nobody) => return Err(UpstreamFault::NoServer.into()),
                // Somebody was faster. Who has waited comes back whatever the size of the queue.
                Err(NoPick::Full) => size = u32::MAX,
            }
        }
    }

    /// Waits to be called, until the deadline or until the client leaves.
    async fn called(self, session: &mut Session, trip: &Trip, place: &Place, deadline: Millis) -> Result<(), Fault> {
        let mut watch = Watch::new(&self.client.alarm);
        let mut called = pin!(place.called());
        let Session { inbound, body, is_half_closed, .. } = session;
        poll_fn(|cx| {
            if called.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let heard = if trip.body == BodyPlace::Coming { &mut *body } else { &mut *inbound };
            if !*is_half_closed && poll_client(cx, self.client, heard, is_half_closed).is_ready() {
                return Poll::Ready(Err(ClientFault::Gone.into()));
            }
            watch.poll(cx, deadline).map(|()| Err(OwnFault::QueueTimeout.into()))
        })
        .await
    }
}
