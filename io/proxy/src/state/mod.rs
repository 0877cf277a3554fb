//! What the modules of the journey hand to each other: the worker's shared things, a client connection, the session that
//! it works with, and the snapshot that it works by. Nothing happens here.

mod client;
mod session;
mod snapshot;
mod worker;

pub(crate) use client::Client;
pub(crate) use session::Session;
pub(crate) use snapshot::Snapshot;
pub use snapshot::{Blueprint, ServerStates};
pub(crate) use worker::{Admission, Worker};
