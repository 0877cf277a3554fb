//! `random`: each server with the odds of its weight, independent of all picks before.
//!
//! It keeps no history, so that short runs are uneven; over many requests the shares follow the weights.

use crate::balancer::View;
use crate::{Member, Rng};

/// How often it draws among all before it goes through those that may be picked.
const DRAWS_MAX: usize = 4;

#[derive(Debug, Clone)]
pub(crate) struct Random {
    /// For each server the sum of its weight and those before it.
    ends: Box<[u64]>,
    /// When every weight is the same, the index can be drawn as it is.
    is_even: bool,
}

impl Random {
    pub(crate) fn new(members: &[Member]) -> Self {
        let mut sum = 0;
        let ends = members
            .iter()
            .map(|member| {
                sum += u64::from(member.weight);
                sum
            })
            .collect();
        let is_even = members.iter().all(|member| member.weight > 0 && member.weight == members[0].weight);
        Self { ends, is_even }
    }

    pub(crate) fn pick(&self, view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
        for _ in 0..DRAWS_MAX {
            let server = self.draw(rng)?;
            if view.takes_turn(server, rng) {
                return Some(server);
            }
        }
        draw_candidate(view, rng, None)
    }

    /// Draws once more, another server than the first one; `None` when there is no other candidate.
    pub(crate) fn another(&self, first: usize, view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
        for _ in 0..DRAWS_MAX {
            let server = self.draw(rng)?;
            if server != first && view.takes_turn(server, rng) {
                return Some(server);
            }
        }
        draw_candidate(view, rng, Some(first))
    }

    /// Draws among all servers; `None` when none has a weight.
    fn draw(&self, rng: &mut impl Rng) -> Option<usize> {
        if self.is_even {
            let count = u64::try_from(self.ends.len()).ok().filter(|count| *count > 0)?;
            return usize::try_from(rng.below(count)).ok();
        }
        let sum = self.ends.last().copied().filter(|sum| *sum > 0)?;
        let point = rng.below(sum);
        Some(self.ends.partition_point(|end| *end <= point))
    }
}

/// Draws among the candidates but one, with the odds of their weights among themselves.
fn draw_candidate(view: &View<'_>, rng: &mut impl Rng, but: Option<usize>) -> Option<usize> {
    let mut drawn = None;
    let mut sum = 0.0;
    for server in (0..view.members.len()).filter(|server| Some(*server) != but && view.may(*server)) {
        let weight = view.weight(server);
        sum += weight;
        if rng.fraction() * sum < weight {
            drawn = Some(server);
        }
    }
    drawn
}
