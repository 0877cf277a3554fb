//! The same server once more: whether a failed attempt tells of its connection rather than of the server, and which
//! connection the next attempt takes. Whether there is a next one is decided in `evener_balance::RetryPolicy`.

use super::lease::Freshness;
use crate::exchange::fault::{Fault, UpstreamFault};
use evener_upstream::{ConnectFault, Lease, Pool};
use evener_wire::Loss;

/// How often a server is asked again that has refused a stream; then it is another one's turn. A guess: more than a server
/// refuses while it restarts or changes its limits.
const REFUSALS_MAX: u32 = 3;

/// What the attempts at one server have shown.
pub(super) struct Again {
    freshness: Freshness,
    refusals: u32,
    was_reset: bool,
    /// Why it is HTTP/1.1 that is spoken.
    unsaid: Option<Loss>,
}

impl Again {
    pub(super) fn new() -> Self {
        Self { freshness: Freshness::Pooled, refusals: 0, was_reset: false, unsaid: None }
    }

    /// The connection for the next attempt.
    pub(super) fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// Whether the request, which has no form in HTTP/2, goes to the same server over HTTP/1.1 now.
    pub(super) fn falls_back(&mut self, lease: &Lease, pool: &Pool) -> bool {
        let unsaid = lease.wire().loss().filter(|loss| loss.is_unsaid() && pool.may_choose_http1());
        if unsaid.is_some() {
            (self.unsaid, self.freshness) = (unsaid, Freshness::Http1);
        }
        unsaid.is_some()
    }

    /// The fault of a server that could not be connected to. One that does not agree to HTTP/1.1 has done nothing wrong.
    pub(super) fn unreachable(&self, fault: Fault) -> Fault {
        match (&fault, self.unsaid) {
            (Fault::Upstream(UpstreamFault::Connect(ConnectFault::Handshake(_))), Some(loss)) => loss.into(),
            _ => fault,
        }
    }

    /// Learns from an attempt that failed; whether it may have been for the connection, so that the server can be asked
    /// once more.
    pub(super) fn failed(&mut self, lease: &Lease) -> bool {
        match lease.wire().loss() {
            // RFC 9113 §8.7: it says nothing against the server, nor against the connection, however new it is.
            Some(Loss::Refused) => {
                self.freshness = Freshness::Pooled;
                self.refusals += 1;
                self.refusals <= REFUSALS_MAX
            }
            // The connection stands, so that another one would be opened in vain.
            Some(Loss::Reset(_)) => {
                self.freshness = Freshness::Pooled;
                !std::mem::replace(&mut self.was_reset, true) && lease.is_reused()
            }
            Some(Loss::Malformed(_) | Loss::NoForm | Loss::NoWebSocket) => false,
            Some(Loss::Connection | Loss::Broken(_)) | None => {
                self.freshness = match self.freshness {
                    Freshness::Pooled => Freshness::Fresh,
                    Freshness::Http1 => Freshness::FreshHttp1,
                    Freshness::Fresh | Freshness::FreshHttp1 => return false,
                };
                lease.is_reused()
            }
        }
    }
}
