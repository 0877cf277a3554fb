//! `first`: the first server in the list; the others take over only while it cannot take the request.
//!
//! It does not go back and forth: which server comes first never changes.

use crate::balancer::View;

/// The first candidate.
pub(crate) fn pick(view: &View<'_>) -> Option<usize> {
    (0..view.members.len()).find(|server| view.may(*server))
}
