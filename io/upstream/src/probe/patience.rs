//! How long a probe may still take. Only time in which this thread was awake counts: on a machine without a core to
//! spare, answers lie unread, and servers must not be taken for dead because evener itself was late.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Time is measured in so many pieces. One that ends late counts as if it had not, so that a pause of this thread, however
/// long, costs a server at most one of them.
const PIECES: u32 = 10;
/// Timers are no finer.
const PIECE_MIN: Duration = Duration::from_millis(1);

/// What is left of a probe's time.
#[derive(Debug)]
pub(super) struct Patience {
    whole: Duration,
    left: Duration,
}

impl Patience {
    pub(super) fn new(whole: Duration) -> Self {
        Self { whole, left: whole }
    }

    pub(super) fn whole(&self) -> Duration {
        self.whole
    }

    pub(super) fn left(&self) -> Duration {
        self.left
    }

    /// Waits for `work`, at most for `most` and for what is left. `None`: the time is over.
    pub(super) async fn wait<T>(&mut self, most: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut most = most.min(self.left);
        while !most.is_zero() {
            let piece = most.min((self.whole / PIECES).max(PIECE_MIN));
            let begun = Instant::now();
            let outcome = timeout(piece, work.as_mut()).await;
            let spent = if outcome.is_ok() { begun.elapsed().min(piece) } else { piece };
            most -= spent;
            self.left -= spent;
            if let Ok(value) = outcome {
                return Some(value);
            }
        }
        None
    }
}
