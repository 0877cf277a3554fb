//! The event loop's ground: readiness of sockets and alarms that are exact to some microseconds.
//!
//! `epoll` alone waits whole milliseconds, which is as long as the services that are played here;
//! a timer descriptor is exact. It does no I/O on sockets itself.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use super::desk::Due;

/// What an alarm is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alarm {
    /// The next request of the plan is to be sent.
    Send,
    /// A server has something to do.
    Work(usize, Due),
    /// A server has stood still long enough.
    Thaw(usize),
    /// The script goes on with this event.
    Event(usize),
    /// A request has waited too long for its answer.
    TimeOut(usize),
}

/// Sockets that are watched, and alarms that are set.
#[derive(Debug)]
pub(crate) struct Poll {
    epoll: OwnedFd,
    timer: OwnedFd,
    start: Instant,
    alarms: BinaryHeap<Reverse<(u64, Alarm)>>,
    /// What the timer is set to.
    set_ns: u64,
    last_id: u64,
}

impl Poll {
    /// An empty one whose clock has begun.
    pub(crate) fn new() -> Result<Self, String> {
        let fault = |error| format!("no event loop: {error}");
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(fault)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).map_err(fault)?;
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN | EventFlags::ET).map_err(fault)?;
        Ok(Self { epoll, timer, start: Instant::now(), alarms: BinaryHeap::new(), set_ns: u64::MAX, last_id: TIMER })
    }

    /// Lets the clock begin at a moment, before any alarm is set.
    pub(crate) fn begin(&mut self, start: Instant) {
        self.start = start;
    }

    /// Nanoseconds since the start; 0 before it.
    pub(crate) fn now_ns(&self) -> u64 {
        let elapsed = Instant::now().saturating_duration_since(self.start);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Watches a socket. The number that is given back names it in [`Poll::wait`].
    pub(crate) fn watch(&mut self, socket: impl AsFd, interest: Interest) -> Result<u64, String> {
        self.last_id += 1;
        let data = EventData::new_u64(self.last_id);
        epoll::add(&self.epoll, socket, data, interest.flags()).map_err(|error| format!("epoll: {error}"))?;
        Ok(self.last_id)
    }

    /// Changes what a watched socket is watched for.
    pub(crate) fn rewatch(&self, socket: impl AsFd, id: u64, interest: Interest) -> Result<(), String> {
        let data = EventData::new_u64(id);
        epoll::modify(&self.epoll, socket, data, interest.flags()).map_err(|error| format!("epoll: {error}"))
    }

    /// Sets an alarm.
    pub(crate) fn set(&mut self, at_ns: u64, alarm: Alarm) {
        self.alarms.push(Reverse((at_ns, alarm)));
    }

    /// The next alarm whose time has come.
    pub(crate) fn due(&mut self) -> Option<Alarm> {
        let Reverse((at_ns, _)) = self.alarms.peek()?;
        if *at_ns > self.now_ns() {
            return None;
        }
        self.alarms.pop().map(|Reverse((_, alarm))| alarm)
    }

    /// Waits for a socket or the next alarm and collects the numbers of the ready sockets.
    pub(crate) fn wait(&mut self, ready: &mut Vec<u64>) -> Result<(), String> {
        self.set_timer()?;
        let mut room = [const { MaybeUninit::<epoll::Event>::uninit() }; BATCH];
        ready.clear();
        match epoll::wait(&self.epoll, &mut room, None) {
            Ok((events, _)) => {
                for event in events {
                    match event.data.u64() {
                        TIMER => self.set_ns = u64::MAX,
                        id => ready.push(id),
                    }
                }
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(format!("epoll: {error}")),
        }
        Ok(())
    }

    fn set_timer(&mut self) -> Result<(), String> {
        let Some(Reverse((at_ns, _))) = self.alarms.peek() else { return Ok(()) };
        if self.set_ns == *at_ns {
            return Ok(());
        }
        self.set_ns = *at_ns;
        // Zero would switch the timer off.
        let wait_ns = at_ns.saturating_sub(self.now_ns()).max(1);
        let seconds = i64::try_from(wait_ns / 1_000_000_000).unwrap_or(i64::MAX);
        let it_value = Timespec { tv_sec: seconds, tv_nsec: (wait_ns % 1_000_000_000) as _ };
        let value = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &value).map_err(|error| format!("timer: {error}"))?;
        Ok(())
    }
}

/// What a socket is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Bytes, connections, the end.
    Input,
    /// The end of connecting.
    Connected,
}

impl Interest {
    fn flags(self) -> EventFlags {
        match self {
            Self::Input => EventFlags::IN,
            Self::Connected => EventFlags::OUT,
        }
    }
}

const TIMER: u64 = 0;
/// Few at a time, so that an alarm never waits for hundreds of sockets.
const BATCH: usize = 32;
