//! Connections to servers: opening them, keeping idle ones, lending them to exchanges; and probing servers.
//!
//! Which server is chosen is decided in `evener-balance`; what is said on a connection, in `evener-proxy`.

mod connect;
mod pool;
mod probe;

pub use connect::{ConnectFault, connect, lease, lease_http1, lease_new_http1};
pub use pool::{Assurance, Lease, Manner, Pool, Pools, Security};
pub use probe::{GrpcFault, ProbeFault, check, reach};
