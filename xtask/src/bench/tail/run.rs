//! One run: a contestant in front of the scripted servers, loaded by the plan, on one thread.
//!
//! It is started in two steps, because a proxy needs the servers' ports and the load needs the
//! proxy's. What the figures mean is told in `figures.rs`.

use std::time::{Duration, Instant};

use super::farm::Farm;
use super::load::{Finished, Load, TIME_OUT};
use super::plan::Arrival;
use super::poll::{Alarm, Poll};
use super::script::Script;

/// Servers that listen, before there is any load.
#[derive(Debug)]
pub(crate) struct Stage {
    poll: Poll,
    farm: Farm,
    script: Script,
    warm_up: Duration,
}

/// Everything that happened in a run.
#[derive(Debug)]
pub(crate) struct Record {
    /// What the clients saw.
    pub(crate) clients: Finished,
    /// When requests came to each server.
    pub(crate) servers: Vec<Vec<u64>>,
}

impl Stage {
    /// Opens the servers.
    pub(crate) fn open(script: Script, seed: u64, warm_up: Duration) -> Result<Self, String> {
        let mut poll = Poll::new()?;
        let farm = Farm::open(&script.roles, seed, &mut poll)?;
        Ok(Self { poll, farm, script, warm_up })
    }

    /// Where the servers listen.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.farm.ports()
    }

    /// Plays the run to its end on this thread. Its clock begins at `start`.
    pub(crate) fn play(mut self, start: Instant, port: u16, plan: Vec<Arrival>) -> Result<Record, String> {
        self.poll.begin(start);
        let last_ns = plan.last().map_or(0, |arrival| arrival.at_ns);
        let deadline = Duration::from_nanos(last_ns) + TIME_OUT + GRACE;
        for (index, event) in self.script.events.iter().enumerate() {
            self.poll.set(nanoseconds(self.warm_up + event.after), Alarm::Event(index));
        }
        let mut load = Load::new(port, plan, &mut self.poll);
        let mut ready = Vec::new();
        while !load.has_finished() && self.poll.now_ns() < nanoseconds(deadline) {
            self.poll.wait(&mut ready)?;
            self.ring(&mut load)?;
            for id in &ready {
                // A socket that neither knows was closed since it became ready.
                if !load.ready(*id, &mut self.poll)? {
                    self.farm.ready(*id, &mut self.poll)?;
                }
            }
            self.ring(&mut load)?;
        }
        Ok(Record { clients: load.finish(), servers: self.farm.into_arrivals() })
    }

    /// Does what is due.
    fn ring(&mut self, load: &mut Load) -> Result<(), String> {
        while let Some(alarm) = self.poll.due() {
            match alarm {
                Alarm::Send => load.send_due(&mut self.poll),
                Alarm::TimeOut(request) => load.time_out(request, &mut self.poll),
                Alarm::Work(server, due) => self.farm.work(server, due, &mut self.poll),
                Alarm::Thaw(server) => self.farm.start_waiting(server, &mut self.poll),
                Alarm::Event(index) => {
                    let event = self.script.events[index];
                    self.farm.change(event.server, event.change, &mut self.poll)?;
                }
            }
        }
        Ok(())
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What may come after the last time-out.
const GRACE: Duration = Duration::from_secs(1);
