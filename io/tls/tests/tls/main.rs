//! TLS policy as a whole: certificates made here, plans about them, and handshakes in memory. No sockets.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the finding")]

mod backends;
mod challenges;
mod clients;
mod damage;
mod findings;
mod internal;
mod names;
mod pinned;
mod reload;
mod tickets;
mod wire;
mod workshop;
