//! The runtime on a real event loop of one worker, against real sockets of this machine.

mod alarm;
mod buffer;
mod listener;
mod socket;
mod world;
