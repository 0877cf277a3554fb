//! What the end-to-end tests stand on: ports, the running program, a raw client, a scripted
//! server that records every byte, Python servers, and waiting with a deadline.
//!
//! It shares no code with evener: messages are read by a second, deliberately plain reader, so
//! that a mistake in evener's codec cannot hide behind the same mistake here.

pub(crate) mod certificates;
pub(crate) mod client;
pub(crate) mod content;
pub(crate) mod evener;
pub(crate) mod frame;
pub(crate) mod frames;
pub(crate) mod hpack;
pub(crate) mod message;
mod output;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod python;
pub(crate) mod recorder;
pub(crate) mod socket;
pub(crate) mod wait;
pub(crate) mod wire;

mod tests;

pub(crate) use evener::Evener;
pub(crate) use recorder::{Recorder, Step};
