//! One client connection: it rests until a byte comes, works through a burst of requests, and rests again.
//!
//! While it rests it holds a socket and an alarm, nothing more: buffers and parsers are lent for the burst. What is done
//! with a request is told in `exchange`.
//!
//! LIFECYCLE: rest -> burst -> rest … -> closed. It closes when the client does, when it has rested for too long, when
//! the worker drains or needs its descriptor, and after a request that leaves the connection in an unknown state.

mod burst;
mod head;
mod linger;
mod parting;
mod phase;
mod rest;
pub(crate) mod streams;
mod taken_back;

use crate::exchange;
use crate::state::{Client, Door, TooMany, Worker};
use burst::burst;
use evener_plan::Listen;
use evener_runtime::Socket;
use rest::{Rest, Rested};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Serves a connection to its end.
///
/// Written by hand because of its size: most connections of a busy server rest, and each of them carries this. An
/// `async fn` would carry the client twice, and the burst inside.
#[derive(Debug)]
pub(crate) struct Serve {
    state: State,
}

enum State {
    Resting(Client, Rest),
    Busy(Pin<Box<dyn Future<Output = Option<Client>>>>),
    Closed,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Resting(..) => "Resting",
            Self::Busy(_) => "Busy",
            Self::Closed => "Closed",
        })
    }
}

impl Serve {
    pub(crate) fn new(client: Client) -> Self {
        Self { state: State::Resting(client, Rest::default()) }
    }
}

impl Future for Serve {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let next = match &mut self.state {
                State::Resting(client, rest) => {
                    let idle_timeout = client.worker.idle_timeout();
                    match ready!(rest.poll(cx, client, idle_timeout)) {
                        Rested::Readable => None,
                        Rested::Late | Rested::Unwanted => {
                            client.wire.part();
                            Some(State::Closed)
                        }
                    }
                }
                State::Busy(burst) => match ready!(burst.as_mut().poll(cx)) {
                    Some(client) => Some(State::Resting(client, Rest::default())),
                    None => Some(State::Closed),
                },
                State::Closed => return Poll::Ready(()),
            };
            self.state = match (next, std::mem::replace(&mut self.state, State::Closed)) {
                (None, State::Resting(client, _)) => State::Busy(Box::pin(burst(client))),
                (next, _) => next.unwrap_or(State::Closed),
            };
        }
    }
}

/// A connection for which there is no room.
#[derive(Debug)]
pub(crate) struct Unplaced<'w> {
    pub(crate) worker: &'w Worker,
    pub(crate) peer: IpAddr,
    pub(crate) listen: Listen,
    /// What it would have gone through.
    pub(crate) door: Option<&'w Door>,
}

impl Unplaced<'_> {
    /// Turns it away. HTTP in the clear is told why, as far as that goes without waiting; under TLS and for services of layer
    /// 4 nothing that is said now would be understood, so that closing is a reset.
    pub(crate) fn refuse(&self, socket: &Socket, why: TooMany) {
        let Self { worker, peer, listen, door } = self;
        exchange::count_failure(&worker.counters, why.reason());
        let what = match why {
            TooMany::Connections => "as many connections are open as may be (`connections`)",
            TooMany::OfAddress => "its address has as many connections as it may (`connections_per_address`)",
        };
        worker.diagnostics.error(why.reason(), format_args!("client {peer} on {listen} was turned away: {what}"));
        if door.is_some_and(|door| door.is_tls || door.is_tcp) {
            socket.reset_on_close();
            return;
        }
        let mut out = Vec::with_capacity(256);
        exchange::write_refusal(worker, why, &mut out);
        socket.write_now(&out);
        socket.shutdown_write();
    }
}
