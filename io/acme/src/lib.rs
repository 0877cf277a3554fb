//! Certificates over ACME (RFC 8555): ordered, checked, stored and renewed, one for each host name.
//!
//! `Manager::run` is a future for the control thread. It says through a `Stage` which challenge answers to show and which
//! certificates to use; it does not answer challenges itself, opens no listening socket and never touches the data path.
//! Wildcard names are not ordered: they would need a challenge over DNS.

mod manager;

mod account;
mod answer;
mod client;
mod order;

mod certificate;
mod fault;
mod schedule;
mod settings;
mod stage;
mod storage;

pub use certificate::Certificate;
pub use fault::Fault;
pub use manager::Manager;
pub use schedule::Challenge;
pub use settings::{AcmeSettings, Pace};
pub use stage::{Notice, Stage};
