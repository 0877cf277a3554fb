//! Connections of HTTP/2 with clients, over real sockets of this machine; the client is another implementation of the
//! protocol, the `h2` crate.
//!
//! What is said is chosen at random. A test that fails prints its seed, and with the environment variable `EVENER_WIRE_SEED`
//! only that one runs again.

mod asker;
mod endings;
mod exchanges;
mod host;
mod plan;
mod scene;
mod stalls;
