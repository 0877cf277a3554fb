//! Services that pass bytes and datagrams on without looking into them.

mod place;
pub(crate) mod tcp;
pub(crate) mod udp;
