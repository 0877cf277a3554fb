//! The data plane, modules in travel order: a listener accepts, a client sends heads, an exchange answers each of them,
//! and a tunnel is what an exchange may turn into.
//!
//! It moves bytes; what a message means is decided in `evener-http`, which route it takes in `evener-route`, which server
//! in `evener-balance`. It reads no files, binds no sockets and handles no signals: the control thread does, and sends
//! [`Command`]s.

mod client;
mod exchange;
mod listener;
mod tunnel;

mod snapshot;
mod worker;

pub use exchange::reasons;
pub use snapshot::{Blueprint, ServerStates};
pub use worker::{Command, Setup, run};
