//! Session tickets: the keys that all workers share, and what seals a ticket for one policy.
//!
//! Keys live in memory only. On disk they would undo forward secrecy, and a new process begins with new ones.
//!
//! # LIFECYCLE
//! A key is *next* for a period, *current* (seals) for one, *previous* (opens only) for one, then it is gone. Tickets open
//! with any of the three; so a ticket lives between one and two periods. A policy's keys are derived from the ring's when
//! the ring has turned, by whichever worker needs them first.

#[cfg(test)]
mod tests;

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use rustls::server::ProducesTickets;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long a key seals, and the least that a ticket lives.
pub(crate) const PERIOD: Duration = Duration::from_secs(12 * 3600);

/// The keys that all policies' keys are derived from.
pub(crate) struct Ring {
    keys: ArcSwap<Keys>,
}

#[derive(Clone)]
struct Keys {
    /// Counts the turns.
    turn: u64,
    since: SystemTime,
    next: Secret,
    current: Secret,
    previous: Secret,
}

type Secret = [u8; SECRET_BYTES];

impl Ring {
    pub(crate) fn new(now: SystemTime) -> Arc<Self> {
        // There is no previous key yet: a random one that sealed nothing opens nothing.
        let keys = Keys { turn: 0, since: now, next: secret(), current: secret(), previous: secret() };
        Arc::new(Self { keys: ArcSwap::from_pointee(keys) })
    }

    /// Turns the ring if its period is over, more than once if several are.
    pub(crate) fn turn(&self, now: SystemTime) {
        let mut keys = Keys::clone(&self.keys.load());
        let Ok(age) = now.duration_since(keys.since) else {
            // The clock was set back; else the ring would stand still until it is where it was.
            keys.since = now;
            self.keys.store(Arc::new(keys));
            return;
        };
        let periods = age.as_secs() / PERIOD.as_secs();
        for _ in 0..periods.min(3) {
            keys = Keys { turn: keys.turn + 1, since: now, next: secret(), current: keys.next, previous: keys.current };
        }
        if periods > 0 {
            self.keys.store(Arc::new(keys));
        }
    }
}

impl fmt::Debug for Ring {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("turn", &self.keys.load().turn).finish_non_exhaustive()
    }
}

/// Seals and opens the tickets of one policy.
#[derive(Debug)]
pub(crate) struct Ticketer {
    ring: Arc<Ring>,
    /// What sets the policy apart; part of every derivation.
    label: String,
    derived: ArcSwap<Derived>,
}

impl Ticketer {
    pub(crate) fn new(ring: Arc<Ring>, label: String) -> Arc<Self> {
        let derived = Derived::new(&ring.keys.load(), &label);
        Arc::new(Self { ring, label, derived: ArcSwap::from_pointee(derived) })
    }

    fn derived(&self) -> Arc<Derived> {
        let keys = self.ring.keys.load();
        let derived = self.derived.load_full();
        if derived.turn == keys.turn {
            return derived;
        }
        let derived = Arc::new(Derived::new(&keys, &self.label));
        self.derived.store(Arc::clone(&derived));
        derived
    }
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(PERIOD.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.derived().current.as_ref()?.seal(plain)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let derived = self.derived();
        let name = ticket.get(..NAME_BYTES)?;
        let keys = [&derived.current, &derived.previous, &derived.next];
        keys.into_iter().flatten().find(|key| key.name == *name)?.open(ticket)
    }
}

/// Seals nothing and opens nothing, for policies whose sessions must not be resumed.
#[derive(Debug)]
pub(crate) struct NoTickets;

impl ProducesTickets for NoTickets {
    fn enabled(&self) -> bool {
        false
    }

    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, _plain: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn decrypt(&self, _ticket: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// A policy's keys of one turn of the ring; `None` where the cryptography failed: then there are no tickets.
#[derive(Debug)]
struct Derived {
    turn: u64,
    next: Option<Key>,
    current: Option<Key>,
    previous: Option<Key>,
}

impl Derived {
    fn new(keys: &Keys, label: &str) -> Self {
        let derive = |secret| Key::derive(secret, label).ok();
        Self {
            turn: keys.turn,
            next: derive(&keys.next),
            current: derive(&keys.current),
            previous: derive(&keys.previous),
        }
    }
}

/// One key, and the name by which a ticket tells which key sealed it.
struct Key {
    name: [u8; NAME_BYTES],
    cipher: RandomizedNonceKey,
}

impl Key {
    fn derive(secret: &Secret, label: &str) -> Result<Self, Unspecified> {
        let prk = Salt::new(HKDF_SHA256, b"evener session tickets").extract(secret);
        let mut bytes = [0; NAME_BYTES + KEY_BYTES];
        prk.expand(&[label.as_bytes()], Length(bytes.len()))?.fill(&mut bytes)?;
        let (name, key) = bytes.split_at(NAME_BYTES);
        let name = name.try_into().map_err(|_| Unspecified)?;
        Ok(Self { name, cipher: RandomizedNonceKey::new(&AES_256_GCM, key)? })
    }

    /// Name, nonce, then what is sealed with its tag.
    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = plain.to_vec();
        let nonce = self.cipher.seal_in_place_append_tag(Aad::from(self.name), &mut sealed).ok()?;
        Some([&self.name[..], &nonce.as_ref()[..], &sealed].concat())
    }

    fn open(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = ticket.get(NAME_BYTES..)?.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let plain = self.cipher.open_in_place(nonce, Aad::from(self.name), &mut sealed).ok()?;
        Some(plain.to_vec())
    }
}

impl fmt::Debug for Key {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

/// A length for HKDF.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// New random bytes from the operating system.
fn secret() -> Secret {
    let mut bytes = [0; SECRET_BYTES];
    aws_lc_rs::rand::fill(&mut bytes)
        .expect("the random generator of the process is seeded at start and does not fail");
    bytes
}

const SECRET_BYTES: usize = 32;
const KEY_BYTES: usize = 32;
const NAME_BYTES: usize = 16;
