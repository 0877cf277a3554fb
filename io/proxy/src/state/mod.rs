//! What the modules of the journey hand to each other: the worker's shared things, a client connection, the session that
//! it works with, and the snapshot that it works by. Nothing happens here.

mod address;
mod client;
mod door;
mod entrance;
mod line;
mod passage;
mod seat;
mod session;
mod snapshot;
mod standing;
mod upstream;
mod worker;

pub(crate) use address::{Counted, TooMany};
pub(crate) use client::{Client, Ends, Entrant, Secured};
pub(crate) use door::Door;
pub(crate) use entrance::EntranceFault;
pub(crate) use line::Waiting;
pub(crate) use passage::PassFault;
pub(crate) use seat::Seat;
pub(crate) use session::Session;
pub(crate) use snapshot::Snapshot;
pub use snapshot::{Blueprint, Security};
pub use standing::ServerStates;
pub(crate) use upstream::{Balanced, Work, moment};
pub(crate) use worker::{Admission, Life, Worker};
