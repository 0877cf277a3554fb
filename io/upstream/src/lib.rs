//! Connections to servers: opening them, keeping idle ones, lending them to exchanges.
//!
//! Which server is chosen is decided in `evener-balance`; what is said on a connection, in `evener-proxy`.

mod connect;
mod pool;

pub use connect::{ConnectFault, open};
pub use pool::{Lease, Pool, Pools};
