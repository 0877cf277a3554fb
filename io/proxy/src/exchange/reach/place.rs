//! A place for a request at some server: which one it would like, and the wait while all are at their bound.

use super::Way;
use crate::exchange::attempt::poll_client;
use crate::exchange::fault::{ClientFault, Fault, OwnFault, UpstreamFault};
use crate::exchange::find::path_of;
use crate::exchange::trip::{BodyPlace, Trip, client_ip};
use crate::exchange::watch::Watch;
use crate::state::{Balanced, Session, Waiting, Work};
use evener_balance::{NoPick, Request, SplitMix, Tried, hash_key};
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
        match self.look(wish, tried, Balanced::pick) {
            Ok(work) => Ok(work),
            Err(NoPick::Nobody) => Err(UpstreamFault::NoServer.into()),
            Err(NoPick::Full) => self.wait_for_place(session, trip, wish, tried).await,
        }
    }

    fn look(
        self,
        wish: &Wish,
        tried: &Tried,
        pick: fn(&'s Balanced, &Request<'_>, &mut SplitMix) -> Result<Work<'s>, NoPick>,
    ) -> Result<Work<'s>, NoPick> {
        pick(self.balanced(), &wish.request(tried), &mut self.client.worker.rng.borrow_mut())
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
        let queue = balanced.queue;
        let (now, started) = (Millis::now(), Instant::now());
        // Half of the time of the route is for the answer.
        let wait = queue.wait.min(trip.deadline().since(now) / 2);
        let deadline = now.after(wait);
        let Some(mut waiting) = balanced.line.join(queue.size, queue.wait, moment()) else {
            return Err(OwnFault::QueueFull.into());
        };
        self.client.worker.counters.queued.increment();
        // Room may have been made between the look and the joining.
        let mut picked = self.look(wish, tried, Balanced::pick);
        loop {
            match picked {
                Ok(work) => {
                    trip.waited(started.elapsed());
                    return Ok(work);
                }
                Err(NoPick::Nobody) => return Err(UpstreamFault::NoServer.into()),
                Err(NoPick::Full) => {}
            }
            if let Err(fault) = self.called(session, trip, &waiting, deadline).await {
                trip.waited(started.elapsed());
                return Err(fault);
            }
            picked = self.look(wish, tried, Balanced::pick_called);
            waiting.has_looked(picked.is_ok(), moment());
        }
    }

    /// Waits to be called, until the deadline or until the client leaves.
    async fn called(
        self,
        session: &mut Session,
        trip: &Trip,
        waiting: &Waiting<'_>,
        deadline: Millis,
    ) -> Result<(), Fault> {
        let mut watch = Watch::new(&self.client.alarm);
        let mut called = pin!(waiting.called());
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
