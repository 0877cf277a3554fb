//! What a connection says before its protocol begins: the PROXY header, and the ClientHello of a TLS connection that is
//! passed on without ending here.
//!
//! Both readers work on the bytes that have arrived so far, have a bound for everything and never panic.
//! The crate does no I/O, waits for nothing and decides nothing: who may send a PROXY header, how long to wait for the
//! rest and where a connection goes is the caller's.

mod fault;
mod host;

pub mod hello;
pub mod proxy;

pub use fault::PreambleFault;
