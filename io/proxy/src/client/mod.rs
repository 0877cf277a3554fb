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
mod rest;
pub(crate) mod streams;

use crate::exchange;
use crate::state::{Client, Worker};
use burst::burst;
use evener_runtime::Socket;
use rest::{Rest, Rested};
use std::future::Future;
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

/// Answers a connection beyond the limit with 503, as far as that goes without waiting.
pub(crate) fn refuse(worker: &Worker, socket: &Socket) {
    let mut out = Vec::with_capacity(256);
    exchange::write_refusal(worker, &mut out);
    socket.write_now(&out);
    socket.shutdown_write();
}
