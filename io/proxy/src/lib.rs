//! The data plane, modules in travel order: a worker listens, a listener accepts, the entrance sees to what comes
//! before the first request, a client sends heads, an exchange
//! answers each of them, and a tunnel is what an exchange may turn into. `state` is what they hand to each other.
//!
//! It moves bytes; what a message means is decided in `evener-http`, which route it takes in `evener-route`, which server
//! in `evener-balance`. It reads no files, binds no sockets and handles no signals: the control thread does, and sends
//! [`Command`]s.

mod worker;

mod listener;

mod entrance;

mod layer4;

mod client;

mod exchange;

mod tunnel;

mod state;

pub use exchange::{message_reasons, reasons};
pub use state::{Blueprint, Security, ServerStates};
pub use worker::{Command, Setup, run};
