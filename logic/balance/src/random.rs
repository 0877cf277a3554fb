//! `random`: each server with the odds of its weight, independent of all picks before.
//!
//! It keeps no history, so that short runs are uneven; over many requests the shares follow the weights.

use crate::{Rng, Tried};

#[derive(Debug, Clone)]
pub(crate) struct Random {
    weights: Box<[u16]>,
    /// For each server the sum of its weight and those before it.
    ends: Box<[u64]>,
    /// When every weight is the same, the index can be drawn as it is.
    is_even: bool,
}

impl Random {
    pub(crate) fn new(weights: &[u16]) -> Self {
        let mut sum = 0;
        let ends = weights
            .iter()
            .map(|weight| {
                sum += u64::from(*weight);
                sum
            })
            .collect();
        let is_even = weights.iter().all(|weight| *weight > 0 && *weight == weights[0]);
        Self { weights: weights.into(), ends, is_even }
    }

    pub(crate) fn pick(&self, tried: &Tried, rng: &mut impl Rng) -> Option<usize> {
        let server = self.draw(rng)?;
        if tried.contains(server) { self.draw_untried(tried, rng) } else { Some(server) }
    }

    /// Draws among all servers; `None` when none has a weight.
    fn draw(&self, rng: &mut impl Rng) -> Option<usize> {
        if self.is_even {
            let count = u64::try_from(self.weights.len()).ok().filter(|count| *count > 0)?;
            return usize::try_from(rng.below(count)).ok();
        }
        let sum = self.ends.last().copied().filter(|sum| *sum > 0)?;
        let point = rng.below(sum);
        Some(self.ends.partition_point(|end| *end <= point))
    }

    /// Draws among the servers that were not tried, with the odds of their weights among themselves.
    fn draw_untried(&self, tried: &Tried, rng: &mut impl Rng) -> Option<usize> {
        let untried = || self.weights.iter().enumerate().filter(|(server, _)| !tried.contains(*server));
        let sum: u64 = untried().map(|(_, weight)| u64::from(*weight)).sum();
        if sum == 0 {
            return None;
        }
        let mut point = rng.below(sum);
        for (server, weight) in untried() {
            match point.checked_sub(u64::from(*weight)) {
                Some(rest) => point = rest,
                None => return Some(server),
            }
        }
        None
    }
}
