//! How much a client may say that asks for nothing, and how often it may be wrong (RFC 9113 §10.5).
//!
//! Both are bounds on what comes at once; with time, and with what is asked and answered, there is room again. What is done
//! about a client beyond them is decided elsewhere.

/// A moment, in milliseconds since some other one.
pub(crate) type Moment = u64;

/// Frames that ask for nothing and may come at once, and how many more each second. Guesses: a client that measures the
/// delay with each answer stays far below, and one that sends them as fast as it can is beyond them in a moment.
pub(crate) const CREDIT_MAX: u32 = 10_000;
const CREDIT_PER_SECOND: u64 = 2_000;
/// What a frame of a message earns, in either direction: one WINDOW_UPDATE and one PING.
const EARNED: u32 = 2;

/// Streams that may end by a fault of the client (CVE-2025-8671): a program with a defect is wrong with some of its
/// requests, and who attacks with all.
pub(crate) const FAULTS_MAX: u32 = 200;
const FAULTS_PER_SECOND: u64 = 20;

/// What a client may still say.
#[derive(Debug)]
pub(crate) struct Budget {
    credit: Allowance,
    faults: Allowance,
}

impl Budget {
    pub(crate) fn new(now: Moment) -> Self {
        Self {
            credit: Allowance { left: CREDIT_MAX, max: CREDIT_MAX, per_second: CREDIT_PER_SECOND, since: now },
            faults: Allowance { left: FAULTS_MAX, max: FAULTS_MAX, per_second: FAULTS_PER_SECOND, since: now },
        }
    }

    /// A frame of a message has come or gone out.
    #[inline]
    pub(crate) fn earn(&mut self) {
        self.credit.left = (self.credit.left + EARNED).min(CREDIT_MAX);
    }

    /// A frame has come at that price. False: there have been too many.
    #[must_use]
    pub(crate) fn pay(&mut self, price: u32, now: Moment) -> bool {
        self.credit.take(price, now)
    }

    /// A stream has ended by a fault of the client. False: there have been too many.
    #[must_use]
    pub(crate) fn fault(&mut self, now: Moment) -> bool {
        self.faults.take(1, now)
    }
}

#[derive(Debug)]
struct Allowance {
    left: u32,
    max: u32,
    per_second: u64,
    /// When what time gives was last added.
    since: Moment,
}

impl Allowance {
    fn take(&mut self, count: u32, now: Moment) -> bool {
        if count > self.left {
            let more = now.saturating_sub(self.since).saturating_mul(self.per_second) / 1000;
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            if more > 0 {
                self.left = self.left.saturating_add(more).min(self.max);
                // What is not enough for a whole one counts the next time.
                let used = u64::from(more).saturating_mul(1000) / self.per_second;
                self.since = if self.left == self.max { now } else { self.since.saturating_add(used) };
            }
        }
        let left = self.left.checked_sub(count);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

#[cfg(test)]
mod tests;
