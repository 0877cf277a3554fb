//! A place for a connection at some server, and the wait while all are at their bound.

use crate::state::{Balanced, Client, PassFault, Waiting, Work, moment};
use evener_balance::{NoPick, Request, hash_key};
use evener_runtime::Millis;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::pin;
use std::task::Poll;

/// What a client is hashed by, over HTTP as well.
pub(super) fn key(client: IpAddr) -> u64 {
    match client {
        IpAddr::V4(address) => hash_key(&address.octets()),
        IpAddr::V6(address) => hash_key(&address.octets()),
    }
}

/// Picks a server; waits in the line if all are at their bound.
pub(super) async fn find_place<'s>(
    client: &Client,
    balanced: &'s Balanced,
    request: &Request<'_>,
) -> Result<Work<'s>, PassFault> {
    let picked = balanced.pick(request, &mut *client.worker.rng.borrow_mut());
    match picked {
        Ok(work) => Ok(work),
        Err(NoPick::Nobody) => Err(PassFault::NoServer),
        Err(NoPick::Full) => wait_for_place(client, balanced, request).await,
    }
}

async fn wait_for_place<'s>(
    client: &Client,
    balanced: &'s Balanced,
    request: &Request<'_>,
) -> Result<Work<'s>, PassFault> {
    let queue = balanced.queue;
    let mut waiting = balanced.line.join(queue.size, queue.wait, moment()).ok_or(PassFault::QueueFull)?;
    client.worker.counters.queued.increment();
    client.alarm.set(Millis::now().after(queue.wait));
    // Room may have been made between the look and the joining.
    let mut picked = balanced.pick(request, &mut *client.worker.rng.borrow_mut());
    loop {
        match picked {
            Ok(work) => return Ok(work),
            Err(NoPick::Nobody) => return Err(PassFault::NoServer),
            Err(NoPick::Full) => {}
        }
        if !is_called(client, &waiting).await {
            return Err(PassFault::QueueTimeout);
        }
        picked = balanced.pick_called(request, &mut *client.worker.rng.borrow_mut());
        waiting.has_looked(picked.is_ok(), moment());
    }
}

/// Waits to be called; false once the time is over.
async fn is_called(client: &Client, waiting: &Waiting<'_>) -> bool {
    let mut called = pin!(waiting.called());
    poll_fn(|cx| match called.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(true),
        Poll::Pending => client.alarm.poll(cx).map(|_| false),
    })
    .await
}
