//! A burst of requests on one connection: heads are read and exchanges run until nothing more comes.
//!
//! A busy connection stays warm between requests: for a moment it keeps the room for its next request instead of giving
//! it back, so that nothing is allocated. Only so many connections of a worker may; the memory of the others does not
//! grow with their number.

use super::head::{self, HeadRead};
use super::linger;
use super::rest::{Rest, Rested};
use crate::exchange::{self, Ended};
use crate::state::{Client, Session};
use std::future::poll_fn;
use std::time::Duration;

/// How long a connection stays warm without a request. A client that is quick comes back within it.
const WARM: Duration = Duration::from_millis(500);

/// How a burst ended.
enum End {
    /// No byte of a further request is there.
    Idle,
    Close,
}

/// Answers requests until none is there. Gives the connection back unless it is to be closed.
pub(crate) async fn burst(client: Client) -> Option<Client> {
    let mut session = client.worker.take_session();
    let end = requests(&client, &mut session).await;
    session.strip(&client.worker.buffers);
    client.worker.give_back_session(session);
    match end {
        End::Idle => Some(client),
        End::Close => {
            client.wire.part();
            None
        }
    }
}

async fn requests(client: &Client, session: &mut Session) -> End {
    loop {
        if session.inbound.capacity() == 0 {
            session.inbound = client.worker.buffers.take_small();
        }
        let fault = match head::read(client, session).await {
            HeadRead::Complete => None,
            HeadRead::Closed => return End::Close,
            HeadRead::Fault(fault) => Some(fault),
            HeadRead::Idle => match stay_warm(client, session).await {
                Rested::Readable => continue,
                Rested::Late => return End::Idle,
                Rested::Unwanted => return End::Close,
            },
        };
        let ended = match fault {
            None => exchange::run(client, session).await,
            Some(fault) => exchange::reject(client, session, fault).await,
        };
        match ended {
            Ended::KeepAlive => {}
            Ended::Close => return End::Close,
            Ended::Linger => {
                linger::linger(client, session).await;
                return End::Close;
            }
        }
    }
}

async fn stay_warm(client: &Client, session: &mut Session) -> Rested {
    let Some(_warmth) = client.worker.warmth() else { return Rested::Late };
    session.strip(&client.worker.buffers);
    let mut rest = Rest::default();
    poll_fn(|cx| rest.poll(cx, client, WARM)).await
}
