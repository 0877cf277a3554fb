//! A budget: how many requests may be sent once more than they were asked for, as a share of all requests. It keeps
//! retries from becoming a storm: when every server fails, the traffic grows by the share and no more.
//!
//! A token bucket in thousandths of a request (the retry budgets of Finagle and linkerd work alike). It is filled ten
//! times a second from the count of requests that is kept anyway, so that an ordinary request does not touch it.

use std::sync::atomic::{AtomicI64, Ordering};

/// One request.
const WHOLE: i64 = 1000;
/// What the bucket holds at most is what this many seconds bring.
const SECONDS_MAX: f64 = 10.0;

/// Tokens for requests beyond those that were asked for.
#[derive(Debug)]
pub(crate) struct Budget {
    thousandths: AtomicI64,
}

impl Budget {
    /// A budget that begins with what it would have gathered without requests.
    pub(crate) fn new(floor_per_second: f64) -> Self {
        Self { thousandths: AtomicI64::new((floor_per_second * SECONDS_MAX * WHOLE as f64) as i64) }
    }

    /// Adds what `requests` in `seconds` bring: their share, and the floor.
    pub(crate) fn fill(&self, share: f64, floor_per_second: f64, requests: u64, seconds: f64) {
        let seconds = seconds.clamp(0.0, SECONDS_MAX);
        let brought = (share * requests as f64 + floor_per_second * seconds) * WHOLE as f64;
        let rate = if seconds > 0.0 { brought / seconds } else { floor_per_second * WHOLE as f64 };
        // With few requests it still must be able to save up for one.
        let most = (rate * SECONDS_MAX).max(WHOLE as f64 * floor_per_second.max(1.0)) as i64;
        let before = self.thousandths.fetch_add(brought as i64, Ordering::Relaxed);
        let surplus = before.saturating_add(brought as i64).saturating_sub(most);
        if surplus > 0 {
            self.thousandths.fetch_sub(surplus, Ordering::Relaxed);
        }
    }

    /// Takes the tokens for one request; false if there are none.
    pub(crate) fn take(&self) -> bool {
        let before = self.thousandths.fetch_sub(WHOLE, Ordering::Relaxed);
        if before < WHOLE {
            self.thousandths.fetch_add(WHOLE, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// Whole requests that it would allow now.
    pub(crate) fn left(&self) -> u64 {
        u64::try_from(self.thousandths.load(Ordering::Relaxed) / WHOLE).unwrap_or(0)
    }
}
