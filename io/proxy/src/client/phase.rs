//! What a connection of HTTP/2 waits for besides streams: the phases, and what leads from one to the other.
//!
//! It looks at no clock and no connection, and says nothing.

use evener_runtime::Millis;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Streams are open and the client takes what is sent.
    Working,
    /// The client takes nothing, since then.
    Blocked(Millis),
    /// No stream is open, since then.
    Resting(Millis),
    /// The connection is to end and nothing is left to be done, since then.
    Parting(Millis),
}

/// What the client was told of the end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leave {
    Nothing,
    /// That it comes: no stream is to follow those that are on their way.
    Announced,
    /// The last word: nothing is answered any more.
    Final,
}

/// What is seen of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signs {
    /// A stream is open.
    pub(super) is_open: bool,
    /// Bytes wait for the client.
    pub(super) is_blocked: bool,
    /// It has taken some.
    pub(super) has_taken: bool,
    /// It has sent some.
    pub(super) has_heard: bool,
}

impl Phase {
    /// The phase that holds now.
    pub(super) fn next(self, now: Millis, signs: Signs, leave: Leave) -> Self {
        match self {
            Self::Parting(since) if leave == Leave::Final => Self::Parting(since),
            Self::Blocked(since) if signs.is_blocked && !signs.has_taken => Self::Blocked(since),
            _ if signs.is_blocked => Self::Blocked(now),
            _ if signs.is_open => Self::Working,
            Self::Parting(since) => Self::Parting(since),
            _ if leave > Leave::Nothing => Self::Parting(now),
            Self::Resting(since) if !signs.has_heard => Self::Resting(since),
            _ => Self::Resting(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Signs = Signs { is_open: false, is_blocked: false, has_taken: false, has_heard: false };
    const BEFORE: Millis = Millis(1);
    const NOW: Millis = Millis(2);

    #[test]
    fn who_takes_something_is_waited_for_anew() {
        let blocked = Signs { is_open: true, is_blocked: true, ..QUIET };
        assert_eq!(Phase::Working.next(NOW, blocked, Leave::Nothing), Phase::Blocked(NOW));
        assert_eq!(Phase::Blocked(BEFORE).next(NOW, blocked, Leave::Nothing), Phase::Blocked(BEFORE));
        let taking = Signs { has_taken: true, ..blocked };
        assert_eq!(Phase::Blocked(BEFORE).next(NOW, taking, Leave::Nothing), Phase::Blocked(NOW));
        // What it says does not make up for that.
        let talking = Signs { has_heard: true, ..blocked };
        assert_eq!(Phase::Blocked(BEFORE).next(NOW, talking, Leave::Announced), Phase::Blocked(BEFORE));
    }

    #[test]
    fn an_end_that_was_announced_waits_for_streams() {
        assert_eq!(Phase::Resting(BEFORE).next(NOW, QUIET, Leave::Announced), Phase::Parting(NOW));
        assert_eq!(Phase::Parting(BEFORE).next(NOW, QUIET, Leave::Announced), Phase::Parting(BEFORE));
        let open = Signs { is_open: true, ..QUIET };
        assert_eq!(Phase::Parting(BEFORE).next(NOW, open, Leave::Announced), Phase::Working);
        assert_eq!(Phase::Parting(BEFORE).next(NOW, open, Leave::Final), Phase::Parting(BEFORE));
    }

    #[test]
    fn a_client_that_is_heard_rests_anew() {
        assert_eq!(Phase::Working.next(NOW, QUIET, Leave::Nothing), Phase::Resting(NOW));
        assert_eq!(Phase::Resting(BEFORE).next(NOW, QUIET, Leave::Nothing), Phase::Resting(BEFORE));
        let heard = Signs { has_heard: true, ..QUIET };
        assert_eq!(Phase::Resting(BEFORE).next(NOW, heard, Leave::Nothing), Phase::Resting(NOW));
    }
}
