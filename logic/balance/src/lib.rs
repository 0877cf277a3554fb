//! Load balancing without sockets, clocks or locks: which server gets a request, and what is learned from the outcome.
//!
//! A [`Balancer`] picks a server for a [`Request`] and gives a [`Ticket`], which brings the outcome back. What is known of
//! servers stays in their [`ServerState`]s when the list or the [`Settings`] change. The README tells the whole story.
//!
//! ```
//! use evener_balance::{Balancer, Kind, Member, Moment, NoPick, Request, Settings, SplitMix, Tried};
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! let balancer = Balancer::new(Settings::new(Kind::Adaptive), vec![Member::new(1), Member::new(2)], Arc::default());
//! let mut rng = SplitMix::new(1);
//! let mut tried = Tried::new();
//!
//! // The first server takes no connection, so that the request goes on to the other one.
//! let ticket = balancer.pick(&Request::new(&tried), Moment(1_000), &mut rng)?;
//! let first = ticket.server();
//! ticket.fail(evener_balance::Failure::Connect, Moment(1_001));
//! tried.insert(first);
//! let ticket = balancer.pick(&Request::new(&tried), Moment(1_001), &mut rng)?;
//! let second = ticket.server();
//! assert_ne!(first, second);
//! ticket.succeed(Duration::from_millis(8), Moment(1_009));
//!
//! // It knows now that the one fails and the other answers.
//! assert!(balancer.report(first, Moment(1_010)).errors > 0.0);
//! assert_eq!(balancer.report(second, Moment(1_010)).latency, Some(Duration::from_millis(8)));
//!
//! // After both were tried there is nobody left.
//! tried.insert(second);
//! assert_eq!(balancer.pick(&Request::new(&tried), Moment(1_010), &mut rng).err(), Some(NoPick::Nobody));
//! # Ok::<(), NoPick>(())
//! ```

mod key;
mod moment;
mod rng;
mod tried;

mod algorithm;
mod balancer;
mod health;
mod limit;
mod queue;
mod report;
mod retry;
mod server;
mod sticky;

#[cfg(test)]
mod tests;

pub use balancer::{Balancer, Change, GroupState, Kind, Limit, Member, NoPick, Request, Settings, Ticket};
pub use health::{Check, Health, Turn, first_check, next_check};
pub use key::hash_key;
pub use moment::Moment;
pub use queue::WaitQueue;
pub use report::{ServerReport, Standing};
pub use retry::{Attempted, Next, RetryPolicy};
pub use rng::{Rng, SplitMix};
pub use server::{Failure, Phase, ServerState};
pub use sticky::{Sticky, StickyError};
pub use tried::Tried;

/// The example of the README is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
