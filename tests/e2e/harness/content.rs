//! Bodies whose every byte is known, so that a lost, doubled or swapped piece shows.
//!
//! The content is one pattern of prime length, over and over: no two pieces that a program would
//! handle as equal buffers are alike. `tests/e2e/python/echo.py` makes the same bytes.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

const PATTERN_LENGTH: usize = 65_521;

static PATTERN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..PATTERN_LENGTH).map(|_| next()).collect()
});

/// The bytes of the content from `offset` on.
pub(crate) fn content(offset: usize, length: usize) -> Vec<u8> {
    let endless = PATTERN.iter().cycle().skip(offset % PATTERN_LENGTH);
    endless.take(length).copied().collect()
}

/// Compares a stream with the content, piece by piece as it comes.
#[derive(Default)]
pub(crate) struct ContentCheck {
    offset: usize,
}

impl ContentCheck {
    /// Takes the next piece and fails the test at the first byte that differs.
    #[track_caller]
    pub(crate) fn take(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let start = self.offset % PATTERN_LENGTH;
            let length = piece.len().min(PATTERN_LENGTH - start);
            let (head, rest) = piece.split_at(length);
            assert!(
                head == &PATTERN[start..start + length],
                "the content differs between byte {} and {}",
                self.offset,
                self.offset + length
            );
            self.offset += length;
            piece = rest;
        }
    }

    /// How many bytes came so far.
    pub(crate) fn length(&self) -> usize {
        self.offset
    }
}

/// The SHA-256 of the first bytes of the content in hexadecimal, computed by `sha256sum`.
pub(crate) fn sha256(length: usize) -> String {
    const PIECE: usize = 1 << 20;
    let mut program = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sha256sum is part of every system");
    let mut input = program.stdin.take().expect("its input is a pipe");
    for offset in (0..length).step_by(PIECE) {
        let piece = content(offset, PIECE.min(length - offset));
        input.write_all(&piece).expect("sha256sum reads to the end");
    }
    drop(input);
    let output = program.wait_with_output().expect("sha256sum ends by itself");
    let line = String::from_utf8_lossy(&output.stdout);
    line.split_whitespace().next().expect("a digest").to_owned()
}
