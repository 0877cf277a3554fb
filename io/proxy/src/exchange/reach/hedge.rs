//! Hedging: when an answer is late, the same request goes to a second server, and the first to say something is listened
//! to (J. Dean, L. A. Barroso 2013, "The tail at scale"). The other connection is closed, which tells its server to stop.
//!
//! Only for requests that may be executed twice and stand whole in memory, within a budget, and never while requests wait
//! for servers. Off unless the upstream asks for it.

use super::Way;
use super::lease::Freshness;
use crate::exchange::attempt::{Attempt, poll_client};
use crate::exchange::fault::{ClientFault, Fault};
use crate::exchange::grpc::tell_time_left;
use crate::exchange::trip::Trip;
use crate::exchange::watch::Watch;
use crate::state::{Session, Work};
use evener_balance::Request;
use evener_runtime::Millis;
use evener_upstream::Lease;
use evener_wire::Wire;
use std::future::{Future, poll_fn};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The clock does not tell shorter times.
const AFTER_MIN: Duration = Duration::from_millis(4);

/// A second copy that was answered first.
pub(super) struct Second<'s> {
    pub(super) lease: Lease,
    pub(super) work: Work<'s>,
    pub(super) sent_at: Instant,
}

impl<'s> Way<'s> {
    /// Waits for the answer of `first` until it is late, then sends a second copy and waits for the first sign of either.
    /// `None`: listen to the first.
    pub(super) async fn second_copy(
        self,
        session: &mut Session,
        trip: &Trip,
        first: &Wire,
        attempt: &Attempt<'_>,
        request: Request<'_>,
    ) -> Result<Option<Second<'s>>, Fault> {
        let balanced = self.balanced();
        let Some(after) = balanced.hedge_after() else { return Ok(None) };
        if attempt.upload.is_some() || !request.is_repeatable || session.parser.head().upgrade.is_some() {
            return Ok(None);
        }
        let late = Millis::now().after(after.max(AFTER_MIN));
        if self.first_sign(session, first, None, trip.earlier(late)).await? != Sign::Late || Millis::now() < late {
            return Ok(None);
        }
        // Trials of ejected servers are not for this one.
        let request = Request { is_repeatable: false, preferred: None, ..request };
        let picked = balanced.pick(&request, &mut *self.client.worker.rng.borrow_mut());
        let Some(work) = picked.ok().filter(|_| balanced.balancer.take_hedge()) else { return Ok(None) };
        let lease = match self.lease_meanwhile(session, trip, first, work.server()).await {
            None => return Ok(None),
            Some(Ok(lease)) => lease,
            Some(Err(fault)) => {
                let server = work.server();
                let change = fault.failure().and_then(|failure| work.fail(failure));
                self.tell_change(server, change);
                return Ok(None);
            }
        };
        self.client.worker.counters.hedges.increment();
        // The first copy has left `session.out`.
        self.write_head(session, work.server())?;
        tell_time_left(trip, &mut session.out);
        let settings = self.snapshot.upstream(self.upstream);
        let sent_at = Instant::now();
        let mut copy = Attempt::new(self.client, lease.wire(), settings, None);
        if copy.begin(session, trip).await.is_err() {
            return Ok(None);
        }
        let deadline = trip.earlier(Millis::now().after(settings.response_timeout));
        Ok(match self.first_sign(session, first, Some(lease.wire()), deadline).await? {
            Sign::Second => Some(Second { lease, work, sent_at }),
            Sign::First | Sign::Late => None,
        })
    }

    /// A connection to the second server; `None` if the first server speaks while it is made.
    async fn lease_meanwhile(
        self,
        session: &Session,
        trip: &Trip,
        first: &Wire,
        server: usize,
    ) -> Option<Result<Lease, Fault>> {
        if let Some(lease) = self.pooled(session, server) {
            return Some(Ok(lease));
        }
        // The connection's own alarm belongs to the first copy.
        let alarm = self.client.worker.alarms.register();
        let mut connecting = Box::pin(self.connect(trip, server, Freshness::Pooled, &alarm));
        poll_fn(|cx| match first.poll_readable(cx) {
            Poll::Ready(_) => Poll::Ready(None),
            Poll::Pending => connecting.as_mut().poll(cx).map(Some),
        })
        .await
    }

    /// Which of two servers says something first.
    async fn first_sign(
        self,
        session: &mut Session,
        first: &Wire,
        second: Option<&Wire>,
        deadline: Millis,
    ) -> Result<Sign, Fault> {
        let mut watch = Watch::new(&self.client.alarm);
        let Session { inbound, is_half_closed, .. } = session;
        let speaks = |socket: &Wire, cx: &mut Context<'_>| socket.poll_readable(cx).is_ready();
        poll_fn(|cx| {
            if speaks(first, cx) {
                return Poll::Ready(Ok(Sign::First));
            }
            if second.is_some_and(|second| speaks(second, cx)) {
                return Poll::Ready(Ok(Sign::Second));
            }
            if !*is_half_closed && poll_client(cx, self.client, inbound, is_half_closed).is_ready() {
                return Poll::Ready(Err(ClientFault::Gone.into()));
            }
            watch.poll(cx, deadline).map(|()| Ok(Sign::Late))
        })
        .await
    }
}

/// What was heard first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    First,
    Second,
    /// Nothing before the deadline.
    Late,
}
