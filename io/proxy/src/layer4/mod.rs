//! Services that pass bytes on without looking into them.

pub(crate) mod tcp;
