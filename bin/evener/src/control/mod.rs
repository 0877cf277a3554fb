//! The control thread: starts the workers, obeys signals, and swaps what the workers run.
//!
//! LIFECYCLE: start -> (reload)* -> drain with a deadline -> stop. A reload that fails changes nothing.

mod listeners;
mod report;
mod resources;

use crate::world::RealWorld;
use evener_config::Outcome;
use evener_observe::{Counters, Diagnostics, LogWriter};
use evener_plan::Plan;
use evener_proxy::{Blueprint, Command, ServerStates, Setup, reasons};
use listeners::Listeners;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long the last lines of the access log may take at the end.
const LOG_PATIENCE: Duration = Duration::from_secs(2);
/// One message a reason and second on standard error.
const DIAGNOSTICS_EVERY: Duration = Duration::from_secs(1);

/// Where the config comes from, so that it can be read again.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    File(String),
    /// Text that was made up from the command line.
    Text(String),
}

impl Source {
    /// Reads the config.
    pub(crate) fn load(&self) -> Outcome {
        match self {
            Self::File(path) => evener_config::load(path, &RealWorld),
            Self::Text(text) => evener_config::load_text("command line", text, &RealWorld),
        }
    }
}

/// A running evener, seen from the control thread.
struct Control {
    source: Source,
    workers: Vec<UnboundedSender<Command>>,
    /// Ends when the last worker has.
    ended: UnboundedReceiver<()>,
    listeners: Listeners,
    states: ServerStates,
    counters: Counters,
    writer: LogWriter,
    grace: Duration,
}

/// Runs `plan` until a signal ends it. `started` is called once everything listens.
pub(crate) fn run(source: Source, plan: Plan, started: impl FnOnce()) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let mut control = Control::start(source, plan)?;
        started();
        control.obey(&mut signals).await;
        control.end(&mut signals).await;
        Ok(())
    })
}

struct Signals {
    hangup: Signal,
    reopen: Signal,
    ending: Ending,
}

/// The signals that end the program.
struct Ending {
    terminate: Signal,
    quit: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            reopen: signal(SignalKind::user_defined1())?,
            ending: Ending {
                terminate: signal(SignalKind::terminate())?,
                quit: signal(SignalKind::quit())?,
                interrupt: signal(SignalKind::interrupt())?,
            },
        })
    }
}

impl Ending {
    /// Waits for one of them. Cancel safe: signals are not lost.
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.quit.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

impl Control {
    fn start(source: Source, plan: Plan) -> Result<Self, Box<dyn Error>> {
        let connections_max = resources::connections_max(&plan);
        let worker_count = plan.workers.unwrap_or_else(resources::cores);
        let mut listeners = Listeners::new(worker_count);
        let sockets = listeners.open(&plan)?;
        listeners.commit(&plan);
        let writer = LogWriter::start(&plan.log).map_err(|error| with_cause(&error))?;
        let counters = Counters::new(worker_count, reasons());
        let diagnostics = Arc::new(Diagnostics::new(reasons(), DIAGNOSTICS_EVERY));
        let connections = Arc::new(AtomicUsize::new(0));
        let mut states = ServerStates::default();
        let grace = plan.shutdown_grace;
        let blueprint = Arc::new(Blueprint::new(plan, &mut states));
        let (ended_sender, ended) = unbounded_channel();
        let mut workers = Vec::new();
        for (index, sockets) in sockets.into_iter().enumerate() {
            let (sender, commands) = unbounded_channel();
            let own = Arc::clone(counters.worker(index).ok_or("more sockets than workers")?);
            let setup = Setup {
                blueprint: Arc::clone(&blueprint),
                listeners: sockets,
                log: writer.access_log(Arc::clone(&own)),
                counters: own,
                diagnostics: Arc::clone(&diagnostics),
                connections: Arc::clone(&connections),
                connections_max,
                seed: resources::seed(),
                commands,
            };
            let ended = ended_sender.clone();
            evener_runtime::worker::start(&format!("worker-{index}"), move || async move {
                evener_proxy::run(setup).await;
                drop(ended);
            })?;
            workers.push(sender);
        }
        Ok(Self { source, workers, ended, listeners, states, counters, writer, grace })
    }

    /// Obeys signals until one asks for the end.
    async fn obey(&mut self, signals: &mut Signals) {
        loop {
            // Every arm is cancel safe: a signal that is not received stays pending.
            tokio::select! {
                _ = signals.hangup.recv() => self.reload().await,
                _ = signals.reopen.recv() => self.writer.reopen(),
                () = signals.ending.recv() => return,
            }
        }
    }

    /// Reads the config again and has the workers run it. On any error everything stays as it is.
    async fn reload(&mut self) {
        let outcome = self.source.load();
        let findings = outcome.render(false);
        if !findings.is_empty() {
            eprint!("{findings}");
        }
        let Some(plan) = outcome.plan else {
            eprintln!("evener: the config has errors; nothing was changed");
            return;
        };
        match self.install(plan).await {
            Ok(()) => eprintln!("evener: reloaded"),
            Err(error) => eprintln!("evener: cannot reload: {error}; nothing was changed"),
        }
    }

    async fn install(&mut self, plan: Plan) -> Result<(), Box<dyn Error>> {
        let sockets = self.listeners.open(&plan)?;
        let new_writer = match *self.writer.plan() == plan.log {
            true => None,
            false => Some(LogWriter::start(&plan.log).map_err(|error| with_cause(&error))?),
        };
        // From here on nothing fails.
        if plan.workers.is_some_and(|workers| workers != self.workers.len()) {
            eprintln!("evener: the number of workers changes with the next start only");
        }
        self.listeners.commit(&plan);
        self.grace = plan.shutdown_grace;
        let connections_max = resources::connections_max(&plan);
        let blueprint = Arc::new(Blueprint::new(plan, &mut self.states));
        let (done, mut installed) = unbounded_channel();
        for (index, (worker, listeners)) in self.workers.iter().zip(sockets).enumerate() {
            let own = self.counters.worker(index).map(Arc::clone);
            let log = new_writer.as_ref().zip(own).map(|(writer, own)| writer.access_log(own));
            let blueprint = Arc::clone(&blueprint);
            let install = Command::Install { blueprint, listeners, connections_max, log, done: done.clone() };
            // A worker that has ended closes the channel; there is nothing to install then.
            let _ = worker.send(install);
        }
        drop(done);
        while installed.recv().await.is_some() {}
        if let Some(writer) = new_writer {
            let old = std::mem::replace(&mut self.writer, writer);
            old.stop(LOG_PATIENCE);
        }
        Ok(())
    }

    /// Drains the workers; cuts what is left after the grace, or at a second signal.
    async fn end(mut self, signals: &mut Signals) {
        eprintln!("evener: stopping; waiting up to {:?} for requests in flight", self.grace);
        self.tell(|| Command::Drain);
        let grace = tokio::time::sleep(self.grace);
        tokio::select! {
            _ = self.ended.recv() => {}
            () = grace => eprintln!("evener: the grace is over; cutting what is left"),
            () = signals.ending.recv() => eprintln!("evener: asked a second time; cutting what is left"),
        }
        self.tell(|| Command::Stop);
        self.ended.recv().await;
        eprintln!("evener: {}", report::summary(&self.counters.totals()));
        self.writer.stop(LOG_PATIENCE);
    }

    fn tell(&self, command: impl Fn() -> Command) {
        for worker in &self.workers {
            // A worker that has ended needs no telling.
            let _ = worker.send(command());
        }
    }
}

/// An error and its causes in one line.
fn with_cause(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
