//! One worker of the data plane: what its connections share, and the loop that obeys the control thread.
//!
//! LIFECYCLE: serve -> (install a new blueprint)* -> drain -> ended. A draining worker accepts nothing new, closes idle
//! connections, and ends when the last connection has. Told to stop, it cuts what is under way and ends at once.

use crate::layer4::udp;
use crate::listener;
use crate::state::{Blueprint, Life, Snapshot, Worker};
use evener_balance::SplitMix;
use evener_observe::{AccessLog, Diagnostics, WorkerCounters};
use evener_plan::Listen;
use evener_runtime::buffer::Buffers;
use evener_runtime::listener::Listener;
use evener_runtime::pipe::{PipeBound, Pipes};
use evener_runtime::udp::Datagrams;
use evener_runtime::{Alarms, Millis};
use evener_upstream::Pools;
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{AbortHandle, JoinSet};

/// How often idle pooled connections and the stock are looked over, and log lines handed to their writer.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How often a draining worker looks whether its last connection has ended.
const DRAIN_LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often everything that can go on does so between the order to stop and the end: exchanges end in the first round,
/// their connections of HTTP/2 say it in the second. The others are for what neither of them foresees.
const CUT_ROUNDS: usize = 4;

/// What a worker starts with.
#[derive(Debug)]
pub struct Setup {
    /// What to run.
    pub blueprint: Arc<Blueprint>,
    /// The worker's own listening sockets.
    pub listeners: Vec<(Listen, OwnedFd)>,
    /// The worker's own sockets for datagrams.
    pub datagrams: Vec<(Listen, OwnedFd)>,
    /// The worker's own counters.
    pub counters: Arc<WorkerCounters>,
    /// Where messages for the operator go.
    pub diagnostics: Arc<Diagnostics>,
    /// The worker's way to the access log.
    pub log: AccessLog,
    /// Open client connections of all workers.
    pub connections: Arc<AtomicUsize>,
    /// Bound on `connections`.
    pub connections_max: usize,
    /// Bound on the pipes of all workers.
    pub pipes: PipeBound,
    /// Through which a worker that is at the bound asks all of them to close an idle connection.
    pub pressure: Arc<Notify>,
    /// Seed of the worker's random numbers.
    pub seed: u64,
    /// Raised every second to the most connections, streams and sessions that the worker has had at a time.
    pub load: Arc<AtomicUsize>,
    /// What the control thread asks for.
    pub commands: UnboundedReceiver<Command>,
}

/// What the control thread asks of a worker.
#[derive(Debug)]
pub enum Command {
    /// Run this from now on. Listeners of sites that went are closed once their queue is empty; `listeners` are new.
    Install {
        /// What to run.
        blueprint: Arc<Blueprint>,
        /// Listening sockets for addresses that the worker does not have yet.
        listeners: Vec<(Listen, OwnedFd)>,
        /// Sockets for datagrams, likewise.
        datagrams: Vec<(Listen, OwnedFd)>,
        /// Bound on the client connections of the process.
        connections_max: usize,
        /// A new way to the access log, when its place or format changed.
        log: Option<Box<AccessLog>>,
        /// Told when it is done.
        done: tokio::sync::mpsc::UnboundedSender<()>,
    },
    /// Accept nothing new, finish what is under way, then end.
    Drain,
    /// End now; what is under way is cut.
    Stop,
}

/// A listener that the worker serves.
struct Serving {
    listen: Listen,
    listener: Rc<Listener>,
    task: AbortHandle,
}

/// A listener for datagrams that the worker serves.
struct Receiving {
    listener: Rc<udp::Listener>,
    task: AbortHandle,
}

/// Runs one worker to its end; see the module for the life of it. To be called on the worker's own event loop. It also
/// ends when something of its own fails: the control thread takes note.
pub async fn run(setup: Setup) {
    let Setup { blueprint, listeners, datagrams, mut commands, .. } = setup;
    let pools = Pools::default();
    let snapshot = Rc::new(Snapshot::new(blueprint, &pools));
    let worker = Rc::new(Worker {
        alarms: Alarms::new(),
        buffers: Buffers::default(),
        pipes: Pipes::new(setup.pipes),
        pools,
        counters: setup.counters,
        diagnostics: setup.diagnostics,
        log: RefCell::new(setup.log),
        rng: RefCell::new(SplitMix::new(setup.seed)),
        snapshot: RefCell::new(snapshot),
        sessions: RefCell::default(),
        life: Cell::new(Life::Serving),
        connections: setup.connections,
        waiting: Cell::new(0),
        warm: Cell::new(0),
        connections_max: Cell::new(setup.connections_max),
        pressure: setup.pressure,
        handshakes: Cell::new(0),
        load: setup.load,
    });
    let mut running = Running { worker, serving: Vec::new(), receiving: Vec::new(), tasks: JoinSet::new() };
    if let Err(error) = running.begin(listeners, datagrams) {
        running.worker.diagnostics.error("worker_failed", format_args!("a worker cannot listen: {error}"));
        return;
    }
    running.obey(&mut commands).await;
    running.worker.log.borrow_mut().flush();
}

/// A worker with the tasks that it cannot do without. Dropping it ends them.
struct Running {
    worker: Rc<Worker>,
    serving: Vec<Serving>,
    receiving: Vec<Receiving>,
    tasks: JoinSet<()>,
}

impl Running {
    fn begin(&mut self, listeners: Vec<(Listen, OwnedFd)>, datagrams: Vec<(Listen, OwnedFd)>) -> io::Result<()> {
        self.tasks.spawn_local(Rc::clone(&self.worker.alarms).drive());
        self.tasks.spawn_local(sweep(Rc::clone(&self.worker)));
        self.tasks.spawn_local(make_room(Rc::clone(&self.worker)));
        self.open(listeners)?;
        self.open_datagrams(datagrams)
    }

    fn open(&mut self, listeners: Vec<(Listen, OwnedFd)>) -> io::Result<()> {
        for (listen, fd) in listeners {
            let listener = Rc::new(Listener::new(fd)?);
            let accept = listener::accept(Rc::clone(&self.worker), Rc::clone(&listener), listen);
            let task = self.tasks.spawn_local(accept);
            self.serving.push(Serving { listen, listener, task });
        }
        Ok(())
    }

    fn open_datagrams(&mut self, datagrams: Vec<(Listen, OwnedFd)>) -> io::Result<()> {
        for (listen, fd) in datagrams {
            let listener = udp::Listener::new(Rc::clone(&self.worker), Datagrams::new(fd)?, listen);
            let task = self.tasks.spawn_local(udp::receive(Rc::clone(&listener)));
            self.receiving.push(Receiving { listener, task });
        }
        Ok(())
    }

    /// Obeys commands until the end.
    async fn obey(&mut self, commands: &mut UnboundedReceiver<Command>) {
        loop {
            // Both arms are cancel safe: a command or an end that is not received stays pending.
            let command = tokio::select! {
                command = commands.recv() => command,
                ended = self.tasks.join_next() => match ended {
                    // A listener that was closed.
                    Some(Err(error)) if error.is_cancelled() => continue,
                    // Without this task the worker is of no use; the panic has been told.
                    Some(_) | None => return,
                },
            };
            match command {
                Some(Command::Install { blueprint, listeners, datagrams, connections_max, log, done }) => {
                    self.worker.connections_max.set(connections_max);
                    if let Some(log) = log {
                        self.worker.log.replace(*log).flush();
                    }
                    if self.install(blueprint, listeners).is_err() || self.open_datagrams(datagrams).is_err() {
                        return;
                    }
                    // The control thread may have stopped waiting; the install stands all the same.
                    let _ = done.send(());
                }
                Some(Command::Drain) => return self.drain(commands).await,
                // A control thread that is gone can only mean that the process ends.
                Some(Command::Stop) | None => return self.cut().await,
            }
        }
    }

    fn install(&mut self, blueprint: Arc<Blueprint>, listeners: Vec<(Listen, OwnedFd)>) -> io::Result<()> {
        let (kept, kept_datagrams) = (blueprint.plan().listens(), blueprint.plan().udp_listens());
        let snapshot = Rc::new(Snapshot::new(blueprint, &self.worker.pools));
        self.worker.snapshot.replace(snapshot);
        self.open(listeners)?;
        let worker = &self.worker;
        self.serving.retain(|one| {
            let is_kept = kept.contains(&one.listen);
            if !is_kept {
                close(worker, one);
            }
            is_kept
        });
        self.receiving.retain(|one| {
            let is_kept = kept_datagrams.contains(&one.listener.listen());
            if !is_kept {
                one.stop();
            }
            is_kept
        });
        Ok(())
    }

    async fn drain(&mut self, commands: &mut UnboundedReceiver<Command>) {
        self.serving.drain(..).for_each(|one| close(&self.worker, &one));
        self.receiving.drain(..).for_each(|one| one.stop());
        self.worker.life.set(Life::Draining);
        self.worker.alarms.wake_all();
        while !self.worker.alarms.is_empty() {
            // Cancel safe: an interval of looking, and a receiver that loses nothing.
            match tokio::time::timeout(DRAIN_LOOK_EVERY, commands.recv()).await {
                Ok(Some(Command::Stop) | None) => return self.cut().await,
                Ok(Some(Command::Install { .. } | Command::Drain)) | Err(_) => {}
            }
        }
    }

    /// Has everything under way end where it stands: exchanges are counted and get their line in the log. Whatever does
    /// not end by itself is dropped with the event loop.
    async fn cut(&self) {
        self.worker.life.set(Life::Stopping);
        self.worker.alarms.wake_all();
        for _ in 0..CUT_ROUNDS {
            // The event loop's queue is first in, first out: what was woken before this task has run when it has.
            let _ran = tokio::task::spawn_local(async {}).await;
        }
    }
}

impl Receiving {
    /// Receives nothing more; the sessions end one by one.
    fn stop(&self) {
        self.task.abort();
        self.listener.close();
    }
}

/// Takes what waits in the queue of a listener and stops it: those clients were promised a connection.
fn close(worker: &Rc<Worker>, one: &Serving) {
    listener::accept_rest(worker, &one.listener, one.listen);
    one.listener.stop();
    one.task.abort();
}

/// Closes an idle connection whenever some worker needs room for a new one.
async fn make_room(worker: Rc<Worker>) {
    loop {
        worker.pressure.notified().await;
        worker.alarms.shed_idle(1);
    }
}

async fn sweep(worker: Rc<Worker>) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        worker.pools.sweep(Millis::now());
        worker.take_stock();
        worker.log.borrow_mut().flush();
    }
}
