//! The end-to-end suite: the real program between real clients and real servers.
//!
//! One test binary. Run it with `cargo xtask test --e2e`, which installs the Python servers.

mod acme;
mod admin;
mod balance;
mod cli;
mod control;
mod examples;
mod faults;
mod features;
mod grpc;
mod h2;
mod harness;
mod health;
mod interop;
mod layer4;
mod malformed;
mod operate;
mod paths;
mod seed;
mod tls;
