//! Randomness as an argument: a trait with one duty and a small seeded generator.
//!
//! Nothing here finds a seed, and nothing here is fit for secrets.

/// A source of random numbers.
pub trait Rng {
    /// The next 64 random bits.
    fn next_u64(&mut self) -> u64;

    /// A number from 0 to `bound - 1`; 0 when `bound` is 0. The odds of two numbers differ by less than
    /// `bound / 2^64`.
    fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from 0 to just below 1.
    fn fraction(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 / (1_u64 << 24) as f32
    }
}

/// The SplitMix64 generator: one addition and a few multiplications for each number, any seed is good.
#[derive(Debug, Clone)]
pub struct SplitMix {
    state: u64,
}

impl SplitMix {
    /// Makes a generator. The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }
}

impl Rng for SplitMix {
    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }
}

/// Spreads every bit over all others, so that numbers which differ little give ones that have nothing in common. No two
/// numbers give the same. The finaliser of SplitMix64 (D. Stafford's variant 13 of that of MurmurHash3).
pub(crate) fn mix(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
