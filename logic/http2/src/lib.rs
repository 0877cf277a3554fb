//! HTTP/2 towards clients (RFC 9113, RFC 7541): frames, HPACK, flow control and the states of streams, as a machine that is
//! given bytes and says what goes out.
//!
//! It does no I/O and keeps no clock. It is strict throughout: what a client sends against the rules costs it the stream or
//! the connection, as the RFC says, and never more memory than the bounds admit.

mod budget;
#[cfg(any(test, feature = "checks"))]
pub mod checks;
mod code;
mod connection;
mod dropped;
mod frame;
mod head;
mod hpack;
mod settings;
mod streams;

pub use code::Code;
pub use connection::{Answered, Bounds, Connection, End, Event, RequestSort, Room};
pub use head::{HeadFault, Known};
pub use streams::{Lost, Slot};
