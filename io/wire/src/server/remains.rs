//! A connection of HTTP/2 with a client after its last word: what was said may still be on its way.
//!
//! It knows no time. Closing at once would make the kernel answer what the client still sends, such as WINDOW_UPDATE, with a
//! reset, and that destroys what the client has not taken yet.

use super::way::Way;
use evener_tls::Link;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

/// What is left of a connection: the way to the client, on which nothing more is said.
#[derive(Debug)]
pub struct Remains {
    pub(super) way: Rc<Way>,
}

impl Remains {
    /// Whether the client has ended its side, so that nothing is left to wait for.
    pub fn is_over(&self) -> bool {
        self.way.has_ended()
    }

    /// Reads something and drops it; tells how much. 0: the client has ended its side.
    ///
    /// # Errors
    /// The connection broke.
    pub fn poll_discard(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.way.poll_read(cx, |_| ())
    }

    /// Bytes that the client's end has not acknowledged.
    pub fn unsent(&self) -> usize {
        self.way.link().unsent()
    }

    /// The connection itself.
    pub fn link(&self) -> &Link {
        self.way.link()
    }
}
