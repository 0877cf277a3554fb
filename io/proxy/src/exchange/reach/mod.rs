//! Finding a server that answers: pick, lease, attempt, and another server if the retry policy says so.
//!
//! What may be repeated is decided in `evener_balance::RetryPolicy`, which server comes next in its `Balancer`.

mod again;
mod head;
mod hedge;
mod lease;
mod place;
mod spare;

use super::attempt::{Attempt, Failed};
use super::fault::{Fault, UpstreamFault};
use super::grpc::{tell_time_left, told_status};
use super::trip::Trip;
use super::upload::Upload;
use crate::state::{Balanced, Client, Session, Snapshot, Work, Worker};
use again::Again;
use evener_balance::{Attempted, Change, Failure, Next, Request, Tried};
use evener_plan::UpstreamId;
use evener_route::Match;
use evener_upstream::Lease;
use place::Wish;

/// A server that has answered.
pub(crate) struct Reached<'s> {
    pub(crate) lease: Lease,
    pub(crate) work: Work<'s>,
    pub(crate) upstream: UpstreamId,
    /// The cookie that leads the client back to this server, if it has not got it.
    pub(crate) set_cookie: Option<String>,
}

/// Where a request goes, and what of it goes there.
#[derive(Clone, Copy)]
struct Way<'s> {
    client: &'s Client,
    snapshot: &'s Snapshot,
    found: Match,
    upstream: UpstreamId,
}

/// A visit to a server that brought no response.
struct Turned<'s> {
    work: Work<'s>,
    failed: Failed,
    was_reused: bool,
}

/// Sends the request to servers until one has answered, or the first failure that must not be repeated.
pub(crate) async fn reach<'s>(
    client: &'s Client,
    session: &mut Session,
    snapshot: &'s Snapshot,
    trip: &mut Trip,
    found: Match,
    upstream: UpstreamId,
    mut upload: Option<&mut Upload>,
) -> Result<Reached<'s>, Fault> {
    let way = Way { client, snapshot, found, upstream };
    let balanced = snapshot.balanced(upstream);
    trip.upstream = Some(upstream);
    let wish = Wish::read(way, session);
    let mut tried = Tried::new();
    let mut work = way.find_place(session, trip, &wish, &tried).await?;
    loop {
        trip.server = Some(work.server());
        tried.insert(work.server());
        if client.worker.log.borrow().tells_pick() {
            trip.pick = Some(balanced.balancer.report(work.server(), place::moment()).to_string());
        }
        let visited = way.visit(session, trip, upload.as_deref_mut(), work, wish.request(&tried)).await;
        work = match visited {
            Ok(mut reached) => {
                let server = reached.work.server();
                tried.insert(server);
                let request = wish.request(&tried);
                match way.elsewhere(session, trip, upload.as_deref(), &mut reached.work, &request) {
                    None => {
                        reached.set_cookie = wish.cookie(balanced, server);
                        return Ok(reached);
                    }
                    Some(other) => {
                        lease::give_up(session, upload.as_deref(), reached.lease);
                        other
                    }
                }
            }
            Err(turned) => {
                let fault = way.turned_away(session, trip, upload.as_deref(), turned)?;
                match way.find_place(session, trip, &wish, &tried).await {
                    Ok(other) => other,
                    Err(Fault::Upstream(UpstreamFault::NoServer)) => return Err(fault),
                    Err(other) => return Err(other),
                }
            }
        };
        trip.retries += 1;
        client.worker.counters.retries.increment();
        if let Some(upload) = upload.as_deref_mut() {
            upload.rewind();
        }
    }
}

impl<'s> Way<'s> {
    fn balanced(&self) -> &'s Balanced {
        self.snapshot.balanced(self.upstream)
    }

    /// Sends the request to one server, over another connection if a pooled one had died.
    async fn visit(
        self,
        session: &mut Session,
        trip: &mut Trip,
        mut upload: Option<&mut Upload>,
        mut work: Work<'s>,
        request: Request<'_>,
    ) -> Result<Reached<'s>, Turned<'s>> {
        let server = work.server();
        let mut again = Again::new();
        loop {
            let mut lease = match self.lease(session, trip, server, again.freshness()).await {
                Ok(lease) => lease,
                Err(fault) => {
                    let failed = Failed::unsent(again.unreachable(fault));
                    return Err(Turned { work, failed, was_reused: false });
                }
            };
            if let Err(fault) = self.write_head(session, server) {
                return Err(Turned { work, failed: Failed::unsent(fault), was_reused: false });
            }
            tell_time_left(trip, &mut session.out);
            trip.mark_sent();
            let settings = self.snapshot.upstream(self.upstream);
            let mut attempt = Attempt::new(self.client, lease.wire(), settings, upload.as_deref_mut());
            let mut heard = attempt.begin(session, trip).await;
            if heard.is_ok() {
                match self.second_copy(session, trip, lease.wire(), &attempt, request).await {
                    Ok(None) => heard = attempt.listen(session, trip).await,
                    Ok(Some(second)) => {
                        trip.server = Some(second.work.server());
                        trip.was_sent(second.sent_at);
                        (lease, work) = (second.lease, second.work);
                        heard = Attempt::sent(self.client, lease.wire(), settings).listen(session, trip).await;
                    }
                    Err(fault) => heard = Err(Failed::sent(fault)),
                }
            }
            let Err(failed) = heard else {
                return Ok(Reached { lease, work, upstream: self.upstream, set_cookie: None });
            };
            let is_whole = upload.as_ref().is_none_or(|upload| upload.is_repeatable());
            if !(is_whole && again.falls_back(&lease, self.snapshot.pool(self.upstream, server))) {
                let was_reused = again.failed(&lease);
                if self.next(session, trip, upload.as_deref(), &failed, was_reused, &work) != Next::SameServer {
                    return Err(Turned { work, failed, was_reused });
                }
            }
            if let Some(upload) = upload.as_deref_mut() {
                upload.rewind();
            }
        }
    }

    fn next(
        &self,
        session: &Session,
        trip: &Trip,
        upload: Option<&Upload>,
        failed: &Failed,
        was_reused: bool,
        work: &Work<'_>,
    ) -> Next {
        let Some(failure) = failed.fault.failure() else { return Next::GiveUp };
        let attempted = Attempted {
            failure,
            attempts: trip.repeats,
            is_idempotent: session.parser.head().method.is_idempotent(),
            is_untouched: failed.is_untouched,
            is_whole: upload.is_none_or(Upload::is_repeatable),
            is_seen: failed.is_seen,
            // A connection on which an answer began was not a dead one.
            was_reused: was_reused && !failed.is_heard,
            is_worse: work.is_trial(),
        };
        self.balanced().retry.next(&attempted)
    }

    /// Learns from a visit in vain; the fault if another server may be asked, and as an error if not.
    fn turned_away(
        &self,
        session: &Session,
        trip: &mut Trip,
        upload: Option<&Upload>,
        turned: Turned<'_>,
    ) -> Result<Fault, Fault> {
        let Turned { work, failed, was_reused } = turned;
        let next = self.next(session, trip, upload, &failed, was_reused, &work);
        let server = work.server();
        if let Some(failure) = failed.fault.failure() {
            self.client.worker.counters.upstream_failures.increment();
            let change = work.fail(failure);
            self.tell_change(server, change);
        }
        let may = match next {
            Next::GiveUp | Next::SameServer => false,
            Next::OtherServer => true,
            Next::OtherServerInBudget => self.may_repeat(trip),
        };
        if !may {
            return Err(failed.fault);
        }
        if let Fault::Upstream(fault) = &failed.fault {
            tell_operator(self.client, self.snapshot, trip, fault);
        }
        Ok(failed.fault)
    }

    /// Learns from the head of an answer. If it tells of a failure that another server may not have, the request at
    /// that server; else the answer is for the client.
    fn elsewhere(
        &self,
        session: &Session,
        trip: &mut Trip,
        upload: Option<&Upload>,
        work: &mut Work<'s>,
        request: &Request<'_>,
    ) -> Option<Work<'s>> {
        let status = session.response.head().status;
        let failure = Failure::of_status(told_status(session, trip));
        let server = work.server();
        let change = work.answered(failure, trip.server_time().unwrap_or_default());
        self.tell_change(server, change);
        if matches!(status, 429 | 503) {
            self.spare(session, server);
        }
        let balanced = self.balanced();
        if !balanced.retry.names(status) {
            return None;
        }
        let is_worse = status == 500 && (work.is_trial() || balanced.balancer.is_worse(server, place::moment()));
        let attempted = Attempted {
            failure: Failure::Status(status),
            attempts: trip.repeats,
            is_idempotent: session.parser.head().method.is_idempotent(),
            is_untouched: false,
            is_whole: upload.is_none_or(Upload::is_repeatable),
            is_seen: false,
            was_reused: false,
            is_worse,
        };
        match balanced.retry.next(&attempted) {
            Next::OtherServer | Next::OtherServerInBudget => {}
            Next::GiveUp | Next::SameServer => return None,
        }
        let picked = balanced.pick(request, &mut *self.client.worker.rng.borrow_mut());
        picked.ok().filter(|_| self.may_repeat(trip))
    }

    /// Takes leave to send the request once more, although a server may have executed it.
    fn may_repeat(&self, trip: &mut Trip) -> bool {
        let may = self.balanced().balancer.take_retry();
        trip.repeats += u32::from(may);
        may
    }

    fn tell_change(&self, server: usize, change: Option<Change>) {
        tell_change(&self.client.worker, self.snapshot, self.upstream, server, change);
    }
}

/// Takes a request whose answer is over, whole or not, out of the counts. `failure` is what its end tells of the server.
pub(crate) fn finish_work(
    client: &Client,
    snapshot: &Snapshot,
    upstream: UpstreamId,
    work: Work<'_>,
    failure: Option<Failure>,
) {
    let server = work.server();
    let change = failure.and_then(|failure| work.fail(failure));
    tell_change(&client.worker, snapshot, upstream, server, change);
}

/// Says on standard error that a server gets no more requests, or gets them again.
pub(crate) fn tell_change(
    worker: &Worker,
    snapshot: &Snapshot,
    upstream: UpstreamId,
    server: usize,
    change: Option<Change>,
) {
    let plan = snapshot.upstream(upstream);
    let names = (plan.servers[server].label.as_str(), plan.name.as_str());
    tell_change_of(worker, snapshot.balanced(upstream), server, names, change);
}

/// The same of a server and an upstream with these names, for somebody who has nothing else of a snapshot.
pub(crate) fn tell_change_of(
    worker: &Worker,
    balanced: &Balanced,
    server: usize,
    (label, upstream): (&str, &str),
    change: Option<Change>,
) {
    let Some(change) = change else { return };
    let report = balanced.balancer.report(server, place::moment());
    let (reason, what) = match change {
        Change::Ejected => ("ejected", "is ejected"),
        Change::Recovered => ("recovered", "is back"),
    };
    worker.counters.ejections.add(u64::from(change == Change::Ejected));
    let message = format_args!("server {label} of upstream {upstream} {what}: {report}");
    worker.diagnostics.error(reason, message);
}

/// Says on standard error what is wrong with the server of the trip.
pub(crate) fn tell_operator(client: &Client, snapshot: &Snapshot, trip: &Trip, fault: &UpstreamFault) {
    let Some((upstream, server)) = trip.upstream.zip(trip.server) else { return };
    let upstream = snapshot.upstream(upstream);
    let label = &upstream.servers[server].label;
    let message = format_args!("server {label} of upstream {} {fault}", upstream.name);
    client.worker.diagnostics.error(fault.reason(), message);
}
