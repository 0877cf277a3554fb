//! What an exchange reads from and writes to: a connection of HTTP/1, in the clear or under TLS, or one stream of an
//! HTTP/2 connection.
//!
//! A stream speaks HTTP/1.1 to whoever holds it: what is read from it and written to it is the text of a message, and the
//! stream says the same in HTTP/2 to its peer. So everything about a message is decided once, for both versions, by the
//! same strict parsers. What frames, flow control and header compression are is the business of `evener-http2` towards
//! clients, and of the `h2` crate towards servers.

#[cfg(any(test, feature = "checks"))]
pub mod checks;
mod client;
mod convert;
mod gathering;
mod intake;
mod landing;
mod outlet;
mod server;
mod transport;
mod wire;

pub use client::{Asking, ClientSettings, ClientStream, Loss, Opened, open};
pub use evener_http2::HeadFault;
pub use h2::Reason;
pub use server::{Accepted, BeginFault, Remains, ServerSettings, ServerStream, Serving};
pub use wire::Wire;
