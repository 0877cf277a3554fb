//! The admin listener: what evener tells of itself over HTTP, to programs and people on the same machine.
//!
//! It runs on the control thread and never touches the data path. It changes nothing: what can only be read needs no token.

mod server;

mod binding;
mod connection;

mod answer;
mod guard;
mod metrics;

pub use binding::AdminError;
pub use metrics::{Measured, Orders, page};
pub use server::{Prepared, Readiness, Server, Views};
