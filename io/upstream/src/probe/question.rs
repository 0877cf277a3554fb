//! What a check asks for over HTTP, and when the answer is good. How it is asked is in `http` and `http2`.

use super::fault::ProbeFault;
use std::ops::RangeInclusive;

/// What is asked, and what would be a good answer.
#[derive(Debug)]
pub(super) struct Question<'h> {
    pub(super) path: &'h str,
    pub(super) host: &'h str,
    pub(super) status: &'h [RangeInclusive<u16>],
    pub(super) body: Option<&'h str>,
}

impl Question<'_> {
    /// Whether this is one of the statuses that are wanted.
    pub(super) fn judge(&self, status: u16) -> Result<(), ProbeFault> {
        match self.status.iter().any(|range| range.contains(&status)) {
            true => Ok(()),
            false => Err(ProbeFault::Status { answered: status, wanted: self.status.to_vec() }),
        }
    }
}

/// Looks for a text in a body that comes in pieces.
#[derive(Debug)]
pub(super) struct Search<'t> {
    text: &'t [u8],
    body: Vec<u8>,
}

impl<'t> Search<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text: text.as_bytes(), body: Vec::new() }
    }

    /// Whether the text is there with this piece, within the first [`BODY_BYTES_MAX`].
    pub(super) fn finds_with(&mut self, piece: &[u8]) -> bool {
        let room = BODY_BYTES_MAX - self.body.len();
        // The text may have begun in what came before.
        let from = self.body.len().saturating_sub(self.text.len());
        self.body.extend_from_slice(&piece[..piece.len().min(room)]);
        // No window is empty.
        self.text.is_empty() || self.body[from..].windows(self.text.len()).any(|window| window == self.text)
    }

    pub(super) fn is_over(&self) -> bool {
        self.body.len() >= BODY_BYTES_MAX
    }
}

/// As much of a body is looked at.
const BODY_BYTES_MAX: usize = 64 * 1024;
