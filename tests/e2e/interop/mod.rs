//! Programs that others wrote on both sides of evener: every client asks every server for the same things, over every
//! version of HTTP that it speaks, and must see the same.
//!
//! The scripts beside this file are the clients and the servers; `contract.py` says what servers answer. A client prints
//! what it saw of each answer, one JSON object a line, and judges nothing.

mod browser;
mod farm;
mod load;
mod matrix;
