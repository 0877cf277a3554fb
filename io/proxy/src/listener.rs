//! Accepting connections. It survives every error: without descriptors it frees some and waits, without being asked in
//! vain all the time.

use crate::client::{refuse, serve};
use crate::state::Worker;
use evener_plan::Listen;
use evener_runtime::Socket;
use evener_runtime::listener::Listener;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Pause after the process ran out of descriptors; the backlog keeps the clients meanwhile.
const PAUSE: Duration = Duration::from_millis(50);
/// Idle connections closed at once to make room.
const SHED_COUNT: usize = 16;
/// Connections taken in a row before others get their turn.
const BATCH: usize = 64;

/// Accepts until it is aborted.
pub(crate) async fn accept(worker: Rc<Worker>, listener: Rc<Listener>, listen: Listen) {
    loop {
        for _ in 0..BATCH {
            match poll_fn(|cx| listener.poll_accept(cx)).await {
                Ok((socket, peer)) => admit(&worker, socket, peer, listen),
                Err(error) => {
                    let shed = worker.shed(SHED_COUNT);
                    worker.diagnostics.error(
                        "descriptors_exhausted",
                        format_args!("cannot accept on {listen}: {error}; closed {shed} idle connections"),
                    );
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Accepts what waits now.
pub(crate) fn accept_rest(worker: &Rc<Worker>, listener: &Listener, listen: Listen) {
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Ok((socket, peer))) = listener.poll_accept(&mut cx) {
        admit(worker, socket, peer, listen);
    }
}

fn admit(worker: &Rc<Worker>, socket: Socket, peer: SocketAddr, listen: Listen) {
    worker.counters.connections_accepted.increment();
    let admission = worker.admit().or_else(|| {
        // Full: an idle connection makes room. It counts until it has closed, so the newcomer is one more for a moment.
        (worker.alarms.shed_idle(1) == 1).then(|| worker.admit_beyond())
    });
    match admission {
        Some(admission) => {
            // The connection ends by itself, or with the worker's event loop.
            tokio::task::spawn_local(serve(Rc::clone(worker), socket, peer, listen, admission));
        }
        None => refuse(worker, &socket),
    }
}
