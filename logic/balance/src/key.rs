//! The hash by which a request's key finds its server: the same in every process, on every machine and in every release,
//! since all of them must send a key to the same server.
//!
//! It has no secret seed, for the same reason. Who chooses keys can find many for one server; [`crate::Kind::Hash`] bounds
//! what that does to it. It is not fit for tables that an attacker may fill, nor for signatures.

use crate::rng::mix;

/// Any odd number with as many ones as zeros would do: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hashes a key for [`crate::Request::key`], or a server's address for [`crate::Member::id`].
///
/// Eight bytes at a time, as little-endian numbers, the last ones filled up with zeros, go into the state, which is mixed
/// after each. The length is its start, so that the zeros do not count as bytes.
pub fn hash_key(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(mix(STEP ^ bytes.len() as u64), |state, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mix(state.wrapping_add(u64::from_le_bytes(word)).wrapping_add(STEP))
    })
}
