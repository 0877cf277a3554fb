//! Heads of HTTP/2 as the text of HTTP/1.1, and back (RFC 9113 §8).
//!
//! A request becomes text that goes through the same strict parser as any other; here stands only what has no place in it.
//! What an answer says is not judged: its text is of our own writing. Compression is not known here, frames neither.

mod answer;
#[cfg(any(test, feature = "checks"))]
pub(crate) mod check;
mod known;
mod line;
mod name;
mod request;
mod trailers;

pub(crate) use answer::{AnswerForm, answer, trailers};
pub use known::Known;
pub(crate) use request::RequestText;
pub(crate) use trailers::TrailerText;

/// Why fields of a client are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadFault {
    /// They break a rule of RFC 9113 §8, or have no form in HTTP/1.1.
    Malformed,
    /// Their text would be longer than it may be.
    TooLarge,
}
