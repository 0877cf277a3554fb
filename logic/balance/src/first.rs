//! `first`: the first server in the list; the others take over only when it was tried.
//!
//! It does not go back and forth: which server comes first never changes.

use crate::Tried;

#[derive(Debug, Clone)]
pub(crate) struct First {
    /// The servers with a weight, in their order.
    servers: Box<[usize]>,
}

impl First {
    pub(crate) fn new(weights: &[u16]) -> Self {
        let servers = weights.iter().enumerate().filter(|(_, weight)| **weight > 0).map(|(server, _)| server).collect();
        Self { servers }
    }

    pub(crate) fn pick(&self, tried: &Tried) -> Option<usize> {
        self.servers.iter().copied().find(|server| !tried.contains(*server))
    }
}
