//! HTTP/2 in frames: what RFC 9113 forbids and how evener takes it, floods, and streams that bring one another nothing.
//!
//! Rows are numbered; each names its section of RFC 9113. `Scene` holds what every row is checked against: the reaction,
//! another client that is served meanwhile, and a server that must never see anything of a malformed request.

mod drain;
mod floods;
mod frames;
mod heads;
mod scene;
mod streams;
mod upstream;
