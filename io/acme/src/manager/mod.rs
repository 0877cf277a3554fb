//! The manager: keeps a certificate for each host name of a list that may change.
//!
//! It starts work, takes the outcome and sleeps until there is more to do. What to do when is decided in `host` and
//! `session`; the work itself is in `account`, `order` and `storage`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep};

use crate::account;
use crate::fault::Fault;
use crate::settings::AcmeSettings;
use crate::stage::{Notice, Stage};
use crate::storage::Store;
use host::{Host, Next, Now, Work};
use session::Session;

mod host;
mod names;
mod outcome;
mod session;

use outcome::Outcome;

/// Orders, keeps and renews certificates.
pub struct Manager<S: Stage> {
    settings: AcmeSettings,
    stage: Arc<S>,
    store: Store,
    hosts: BTreeMap<String, Entry>,
    session: Session,
    jobs: JoinSet<Outcome>,
    running: HashMap<Id, Running>,
}

/// A host of the list, from the moment it came.
enum Entry {
    /// Its files are being read.
    Loading,
    Known {
        host: Host,
        job: Option<Id>,
    },
}

/// A task and what it is for.
struct Running {
    job: Job,
    task: AbortHandle,
}

enum Job {
    Load(Vec<String>),
    Open,
    For { host: String, work: Work, session: u64 },
}

impl<S: Stage> Manager<S> {
    /// Keeps certificates for the hosts of the list until its sender is gone. Each sending of a list, be it the same one,
    /// ends the waits that follow an outage of the authority. Dropping the future gives up what is running and takes away
    /// all challenge answers. Must run within tokio's time and I/O.
    ///
    /// Stored certificates are installed first, without asking anybody.
    pub async fn run(settings: AcmeSettings, mut hosts: watch::Receiver<Vec<String>>, stage: Arc<S>) {
        let mut manager = Self {
            store: Store::new(&settings.state_dir),
            session: Session::new(Instant::now()),
            hosts: BTreeMap::new(),
            jobs: JoinSet::new(),
            running: HashMap::new(),
            settings,
            stage,
        };
        let mut refused = BTreeSet::new();
        loop {
            let list = hosts.borrow_and_update().clone();
            manager.adopt(&list, &mut refused);
            manager.hurry();
            // Each arm only waits; nothing is lost when another one is first.
            loop {
                let wait = manager.start();
                tokio::select! {
                    changed = hosts.changed() => match changed {
                        Ok(()) => break,
                        Err(_closed) => return,
                    },
                    Some(ended) = manager.jobs.join_next_with_id() => manager.settle(ended),
                    () = sleep(wait) => {}
                }
            }
        }
    }

    /// Takes over a list of hosts: new ones are read from the store, those that are gone are forgotten; files stay.
    fn adopt(&mut self, list: &[String], refused: &mut BTreeSet<String>) {
        let mut wanted = BTreeSet::new();
        let mut unfit = BTreeSet::new();
        for given in list {
            match names::orderable(given) {
                Ok(name) => {
                    wanted.insert(name);
                }
                Err(reason) => {
                    unfit.insert(given.clone());
                    if !refused.contains(given) {
                        self.stage.tell(Notice::HostRefused { host: given.clone(), reason });
                    }
                }
            }
        }
        *refused = unfit;
        let gone: Vec<String> = self.hosts.keys().filter(|host| !wanted.contains(*host)).cloned().collect();
        for host in gone {
            self.forget(&host);
        }
        let new: Vec<String> = wanted.into_iter().filter(|host| !self.hosts.contains_key(host)).collect();
        if new.is_empty() {
            return;
        }
        self.hosts.extend(new.iter().map(|host| (host.clone(), Entry::Loading)));
        let (store, names) = (self.store.clone(), new.clone());
        let task = self.jobs.spawn_blocking(move || {
            let read = names.into_iter().map(|host| {
                let stored = store.certificate(&host);
                (host, stored)
            });
            Outcome::Loaded(read.collect())
        });
        self.remember(task, Job::Load(new));
    }

    /// Tries at once what waits for an outage to be over.
    fn hurry(&mut self) {
        let now = now();
        self.session.hurry(now.steady);
        for entry in self.hosts.values_mut() {
            if let Entry::Known { host, .. } = entry {
                host.hurry(now);
            }
        }
    }

    /// Gives up a host. Its order is dropped, and with it its challenge answer.
    fn forget(&mut self, host: &str) {
        self.hosts.remove(host);
        self.stage.expects(host, None);
        self.running.retain(|_, running| {
            let is_of_host = matches!(&running.job, Job::For { host: other, .. } if other == host);
            if is_of_host {
                running.task.abort();
            }
            !is_of_host
        });
    }

    /// Starts what is due, as far as there is room, and returns how long there is nothing more to start.
    fn start(&mut self) -> Duration {
        let now = now();
        let mut wait = self.settings.pace.tick;
        let mut due = Vec::new();
        for (name, entry) in &mut self.hosts {
            let Entry::Known { host, job } = entry else { continue };
            if let Some(expires_in) = host.warn(now) {
                self.stage.tell(Notice::Expiring { host: name.clone(), expires_in });
            }
            // While the authority is out of reach, nothing is ordered.
            let open_at = now.wall + self.session.wait(now.steady).unwrap_or(Duration::ZERO);
            self.stage.expects(name, Some(host.order_at(&self.settings, now).max(open_at)));
            match host.next(&self.settings, now) {
                _ if job.is_some() => {}
                Next::Do(work) => due.push((host.urgency(), name.clone(), work)),
                Next::Wait(left) => wait = wait.min(left),
            }
        }
        due.sort_by_key(|(urgency, ..)| *urgency);
        for (_, name, work) in due {
            let busy = self.running.values().filter(|running| matches!(running.job, Job::For { .. })).count();
            if busy >= AT_ONCE_MAX {
                break;
            }
            if work == Work::Save || self.session.account().is_some() {
                self.start_work(&name, work);
            } else if let Some(left) = self.session.wait(now.steady) {
                if left.is_zero() {
                    self.open();
                } else {
                    wait = wait.min(left);
                }
            }
        }
        wait.max(WAIT_MIN)
    }

    fn open(&mut self) {
        let stored = self.session.opening();
        let opening = account::open(self.settings.clone(), self.store.clone(), stored);
        let deadline = self.settings.pace.order;
        let task = self.jobs.spawn(async move {
            let opened = tokio::time::timeout(deadline, opening).await;
            Outcome::Opened(opened.unwrap_or(Err(Fault::Unanswered(deadline))))
        });
        self.remember(task, Job::Open);
    }

    fn remember(&mut self, task: AbortHandle, job: Job) {
        self.running.insert(task.id(), Running { job, task });
    }
}

fn now() -> Now {
    Now { steady: Instant::now(), wall: SystemTime::now() }
}

/// A random number from 0 up to but not including 1.
fn draw() -> f64 {
    let mut bytes = [0; 4];
    // Randomness spreads load here and nothing else, so that its absence is no reason to stop.
    let _unfilled = aws_lc_rs::rand::fill(&mut bytes);
    f64::from(u32::from_ne_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

/// How much is done at once for hosts.
const AT_ONCE_MAX: usize = 4;
/// The shortest sleep, so that no mistake in a time can make the manager spin.
const WAIT_MIN: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests;
