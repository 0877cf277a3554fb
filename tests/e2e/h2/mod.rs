//! HTTP/2 in frames: what RFC 9113 forbids and how evener takes it, floods, and streams that bring one another nothing.
//!
//! Rows are numbered; each names its section of RFC 9113. `Scene` holds what every row is checked against: the reaction,
//! another client that is served meanwhile, and a server that must never see anything of a malformed request.

/// Runs each of these twice: with nothing but TCP below HTTP/2, and under TLS.
macro_rules! over_both {
    ($($test:ident),+ $(,)?) => {
        mod in_the_clear {
            $(#[test] fn $test() { super::$test(super::Cover::Nothing); })+
        }
        mod under_tls {
            $(#[test] fn $test() { super::$test(super::Cover::Tls); })+
        }
    };
}

mod answers;
mod blocks;
mod bodies;
mod drain;
mod fair;
mod floods;
mod frames;
mod heads;
mod held;
mod parting;
mod pieces;
mod scene;
mod servers;
mod siege;
mod slow;
mod streams;
mod upstream;
mod windows;
