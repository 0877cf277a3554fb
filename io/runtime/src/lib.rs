//! What the data plane stands on: one thread a worker, timers, sockets, buffers and pipes.
//!
//! Nothing here knows HTTP. Everything but [`listener::bind`], [`worker::start`] and [`memory`] belongs to one worker and
//! is neither `Send` nor locked.

pub mod alarm;
pub mod buffer;
pub mod clock;
pub mod listener;
pub mod memory;
pub mod pipe;
pub mod socket;
pub mod udp;
mod wheel;
pub mod worker;

pub use alarm::{Alarm, Alarms};
pub use buffer::{Buffer, Buffers};
pub use clock::Millis;
pub use socket::Socket;
