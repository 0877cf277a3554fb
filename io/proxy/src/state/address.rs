//! The connections of each client's address, in the count of all workers. The count outlives plans; the bound on it is the
//! plan's. Who is over it is turned away in `crate::client`.
//!
//! LIFECYCLE: a connection takes its place once its address is known, if there is a bound then, and gives it back when it
//! ends. An address without connections is forgotten, so that there are never more of them than connections.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is counted as one address: an address of IPv4, or a /64 of IPv6, which is the least that a client is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Block {
    V4([u8; 4]),
    V6([u8; 8]),
}

/// How many connections each address has. Asked when a connection begins and when it ends, never for a request.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    counts: Mutex<HashMap<Block, u32>>,
}

/// One connection in the count of its address.
#[derive(Debug)]
pub(crate) struct Counted {
    addresses: Arc<Addresses>,
    block: Block,
}

/// Why a connection finds no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMany {
    /// As many connections are open as may be.
    Connections,
    /// As many connections of its address are open as may be.
    OfAddress,
}

/// Below this, the memory of a crowd that has gone is kept.
const KEPT_MIN: usize = 1024;

impl TooMany {
    /// The reason code.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Connections => "too_many_connections",
            Self::OfAddress => "too_many_connections_of_address",
        }
    }
}

impl Addresses {
    /// Counts one more connection of an address, unless it has `most`.
    pub(crate) fn count(self: &Arc<Self>, address: IpAddr, most: u32) -> Option<Counted> {
        let block = Block::of(address);
        let mut counts = self.counts();
        if counts.get(&block).is_some_and(|count| *count >= most) {
            return None;
        }
        *counts.entry(block).or_default() += 1;
        drop(counts);
        Some(Counted { addresses: Arc::clone(self), block })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Block, u32>> {
        // Nothing that could panic runs under the lock.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.addresses.counts();
        let left = counts.get_mut(&self.block).map_or(0, |count| {
            *count -= 1;
            *count
        });
        if left == 0 {
            counts.remove(&self.block);
            if counts.capacity() > KEPT_MIN && counts.len() < counts.capacity() / 8 {
                let wanted = KEPT_MIN.max(2 * counts.len());
                counts.shrink_to(wanted);
            }
        }
    }
}

impl Block {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(addresses: &Arc<Addresses>, address: &str, most: u32) -> Option<Counted> {
        addresses.count(address.parse().unwrap(), most)
    }

    #[test]
    fn each_address_has_its_own_count() {
        let addresses = Arc::new(Addresses::default());
        let first = count(&addresses, "192.0.2.1", 2);
        let _second = count(&addresses, "192.0.2.1", 2);
        assert!(first.is_some() && count(&addresses, "192.0.2.1", 2).is_none());
        assert!(count(&addresses, "192.0.2.2", 2).is_some());
        // A larger bound holds at once, and a smaller one too.
        assert!(count(&addresses, "192.0.2.1", 3).is_some());
        assert!(count(&addresses, "192.0.2.1", 1).is_none());
        drop(first);
        assert!(count(&addresses, "192.0.2.1", 2).is_some());
    }

    #[test]
    fn addresses_of_one_network_of_ipv6_are_one_and_so_are_forms_of_one_address() {
        let addresses = Arc::new(Addresses::default());
        let _own = [count(&addresses, "2001:db8:0:1::1", 1), count(&addresses, "::ffff:192.0.2.1", 1)];
        assert!(count(&addresses, "2001:db8:0:1:ffff::2", 1).is_none());
        assert!(count(&addresses, "2001:db8:0:2::1", 1).is_some());
        assert!(count(&addresses, "192.0.2.1", 1).is_none());
        assert!(count(&addresses, "::1", 1).is_some());
    }

    #[test]
    fn nothing_is_left_of_who_has_gone() {
        let addresses = Arc::new(Addresses::default());
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        let crowd: Vec<_> = (0..100_000).map(|number| addresses.count(address(number), 1)).collect();
        assert!(crowd.iter().all(Option::is_some));
        drop(crowd);
        let counts = addresses.counts();
        assert!(counts.is_empty() && counts.capacity() <= 4 * KEPT_MIN, "{}", counts.capacity());
    }
}
