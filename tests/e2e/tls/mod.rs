//! TLS towards clients and servers, by the real program: names, versions, client certificates, files that change under
//! way, handshakes that do not end.
//!
//! Certificates are made for each test; nobody trusts them outside of it.

mod authority;
mod check;
mod client;
mod clients;
mod handshakes;
mod identity;
mod internal;
mod names;
mod pinned;
mod policies;
mod reload;
mod scene;
mod server;
mod servers;
mod stop;
mod versions;
