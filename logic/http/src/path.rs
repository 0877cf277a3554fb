//! Paths are passed on as they came; the few that no two servers read alike are refused.
//! Nothing is decoded, merged or removed here (RFC 9110 §7.7).

use crate::grammar::hex_value;

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathFault {
    /// `%` without two hexadecimal digits, or `%00`.
    BadEscape,
    /// `..` leads above the root under some reading.
    AboveRoot,
}

/// Checks escapes and dot segments of a path. One without `%` and `..` needs no check.
///
/// `\`, `%5c` and `%2f` separate segments for some servers and not for others, and `..;x` is `..` for some. The check
/// takes the worst of all readings: a `..` between any separators goes up one level, but all names between two `/`
/// together go down only one, and empty segments none.
pub(crate) fn check(path: &[u8]) -> Result<(), PathFault> {
    let mut walk = Walk::default();
    let mut rest = path;
    while let [first, after @ ..] = rest {
        rest = after;
        let byte = if *first == b'%' {
            let [high, low, after @ ..] = after else { return Err(PathFault::BadEscape) };
            rest = after;
            decode(*high, *low).ok_or(PathFault::BadEscape)?
        } else {
            *first
        };
        match byte {
            b'/' => walk.end_piece(*first == b'/')?,
            b'\\' => walk.end_piece(false)?,
            _ => walk.take(byte),
        }
    }
    walk.end_piece(true)
}

/// The byte of an escape; NUL ends strings for some servers and is refused.
fn decode(high: u8, low: u8) -> Option<u8> {
    let byte = hex_value(high)? << 4 | hex_value(low)?;
    (byte != 0).then_some(byte)
}

/// Levels below the root and the piece that is being read.
#[derive(Default)]
struct Walk {
    depth: usize,
    /// The segment between two `/` has gone down its level.
    went_down: bool,
    piece: Piece,
    in_parameters: bool,
}

#[derive(Clone, Copy, Default)]
enum Piece {
    #[default]
    Empty,
    Dot,
    DotDot,
    Name,
}

impl Walk {
    fn take(&mut self, byte: u8) {
        self.in_parameters |= byte == b';';
        if self.in_parameters {
            return;
        }
        self.piece = match (self.piece, byte) {
            (Piece::Empty, b'.') => Piece::Dot,
            (Piece::Dot, b'.') => Piece::DotDot,
            (Piece::Empty | Piece::Dot | Piece::DotDot | Piece::Name, _) => Piece::Name,
        };
    }

    fn end_piece(&mut self, ends_segment: bool) -> Result<(), PathFault> {
        match self.piece {
            Piece::Empty | Piece::Dot => {}
            Piece::DotDot => self.depth = self.depth.checked_sub(1).ok_or(PathFault::AboveRoot)?,
            Piece::Name if self.went_down => {}
            Piece::Name => {
                self.depth += 1;
                self.went_down = true;
            }
        }
        self.piece = Piece::Empty;
        self.in_parameters = false;
        if ends_segment {
            self.went_down = false;
        }
        Ok(())
    }
}
