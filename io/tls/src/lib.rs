//! TLS: certificates, the rules for clients and servers, and connections under it.

mod backend;
mod challenge;
mod client_certificate;
mod date;
mod fault;
mod file;
mod frontend;
mod gate;
mod inspect;
mod internal;
mod keeper;
mod link;
mod policy;
mod provider;
mod reading;
mod shelf;
mod tickets;

pub use backend::{Backend, Backends};
pub use challenge::Challenges;
pub use client_certificate::ClientCertificate;
pub use fault::{Party, Problem, Severity, TlsFault, TlsNotice};
pub use frontend::{Chosen, Frontend, Frontends, Owner, Purpose};
pub use inspect::inspect;
pub use keeper::TlsKeeper;
pub use link::{HandshakeFault, Link, Refusal, Shaken, accept, connect, is_of_tls};
pub use policy::PolicyId;
pub use shelf::{CertificateReport, CertificateSource};
