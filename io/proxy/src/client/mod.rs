//! One client connection: it rests until a byte comes, works through a burst of requests, and rests again.
//!
//! While it rests it holds a socket and an alarm, nothing more: buffers and parsers are lent for the burst. What is done
//! with a request is told in `exchange`.
//!
//! LIFECYCLE: rest -> burst -> rest … -> closed. It closes when the client does, when it has rested for too long, when
//! the worker drains or needs its descriptor, and after a request that leaves the connection in an unknown state.

mod head;
mod linger;

use crate::exchange::{self, Ended};
use crate::state::{Admission, Client, Session, Worker};
use evener_plan::Listen;
use evener_runtime::{Millis, Socket};
use head::HeadRead;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;

/// How a rest ended.
enum Rested {
    Readable,
    Over,
}

/// How a burst ended.
enum Burst {
    /// No byte of a further request is there.
    Idle,
    Close,
}

/// Serves a connection to its end.
pub(crate) async fn serve(worker: Rc<Worker>, socket: Socket, peer: SocketAddr, listen: Listen, admission: Admission) {
    let mut client = Client::new(worker, socket, peer, listen, admission);
    while let Rested::Readable = rest(&client).await {
        // The burst is boxed so that a resting connection does not carry the room for it.
        match Box::pin(burst(client)).await {
            Some(rested) => client = rested,
            None => return,
        }
    }
}

/// Answers a connection beyond the limit with 503, as far as that goes without waiting.
pub(crate) fn refuse(worker: &Worker, socket: &Socket) {
    let mut out = Vec::with_capacity(256);
    exchange::write_refusal(worker, &mut out);
    socket.write_now(&out);
    socket.shutdown_write();
}

async fn burst(client: Client) -> Option<Client> {
    let mut session = client.worker.take_session();
    session.inbound = client.worker.buffers.take_small();
    let end = requests(&client, &mut session).await;
    session.strip(&client.worker.buffers);
    client.worker.give_back_session(session);
    match end {
        Burst::Idle => Some(client),
        Burst::Close => None,
    }
}

async fn requests(client: &Client, session: &mut Session) -> Burst {
    loop {
        let fault = match head::read(client, session).await {
            HeadRead::Complete => None,
            HeadRead::Idle => return Burst::Idle,
            HeadRead::Closed => return Burst::Close,
            HeadRead::Fault(fault) => Some(fault),
        };
        let ended = match fault {
            None => exchange::run(client, session).await,
            Some(fault) => exchange::reject(client, session, fault).await,
        };
        match ended {
            Ended::KeepAlive => {}
            Ended::Close => return Burst::Close,
            Ended::Linger => {
                linger::linger(client, session).await;
                return Burst::Close;
            }
        }
    }
}

/// Waits for the first byte of a request.
async fn rest(client: &Client) -> Rested {
    let mut is_armed = false;
    let rested = poll_fn(|cx| {
        // An end or an error makes the socket readable too; reading tells them apart.
        if client.socket.poll_readable(cx).is_ready() {
            return Poll::Ready(Rested::Readable);
        }
        if client.worker.is_draining() {
            return Poll::Ready(Rested::Over);
        }
        if !is_armed {
            let now = Millis::now();
            client.alarm.set(now.after(client.worker.snapshot().plan().limits.idle_timeout));
            client.alarm.rest(now);
            is_armed = true;
        }
        client.alarm.poll(cx).map(|_| Rested::Over)
    })
    .await;
    if is_armed {
        client.alarm.work();
    }
    rested
}
