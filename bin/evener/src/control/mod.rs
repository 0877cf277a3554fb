//! The control thread: starts the workers, obeys signals, and swaps what the workers run.
//!
//! It touches no connection. LIFECYCLE: start -> (reload)* -> drain with a deadline -> stop. A reload that fails changes
//! nothing. A worker that ends unasked ends the program with an error, the others being drained: whoever started the
//! program starts it again, with all its workers.

mod admin;
mod checks;
pub(crate) mod listeners;
mod memory;
mod report;
mod resources;
mod security;
mod signals;
mod workers;

use crate::certificates;
use crate::operator::{duration, reason, say};
use crate::source::Source;
use admin::Admin;
use checks::Checks;
use evener_admin::Readiness;
use evener_config::Outcome;
use evener_observe::{Counters, Diagnostics, LogError, LogWriter};
use evener_plan::{LogPlan, Plan};
use evener_proxy::{Blueprint, Command, Security, ServerStates, Setup, message_reasons, reasons};
use evener_runtime::pipe::PipeBound;
use listeners::{Listeners, Sockets};
use memory::Memory;
use resources::Bounds;
use security::Safe;
use signals::{Order, Signals};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use workers::{End, Workers};

/// How long the workers may take to install a plan, and to end after they were told to. Both are a matter of
/// microseconds for a worker that is well.
const WORKER_PATIENCE: Duration = Duration::from_secs(5);
/// How long the last lines of the access log may take at the end.
const LOG_PATIENCE: Duration = Duration::from_secs(2);
/// One message a reason and second on standard error.
const DIAGNOSTICS_EVERY: Duration = Duration::from_secs(1);

/// A running evener, seen from the control thread.
struct Control {
    source: Source,
    workers: Workers,
    listeners: Listeners,
    states: ServerStates,
    checks: Checks,
    memory: Memory,
    safe: Safe,
    counters: Arc<Counters>,
    admin: Admin,
    writer: LogWriter,
    grace: Duration,
}

/// Why the control thread stops obeying.
enum Farewell {
    /// Somebody asked for the end.
    Asked,
    /// A worker is lost.
    Lost(End),
}

/// Runs `plan` until a signal ends it. `written` knows where things stand in the config; `started` is called once everything
/// listens.
pub(crate) fn run(source: Source, plan: Plan, written: Outcome, started: impl FnOnce()) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start an event loop: {}", reason(&error)))?;
    let result = runtime.block_on(async {
        let mut signals = Signals::new().map_err(|error| format!("cannot receive signals: {}", reason(&error)))?;
        let mut control = Control::start(source, plan, written)?;
        control.workers.all_begun().await.map_err(|end| format!("{end} at the start"))?;
        control.admin.becomes(Readiness::Ready);
        started();
        let farewell = control.obey(&mut signals).await;
        control.end(farewell, &mut signals).await
    });
    // A name server may keep a reload waiting; the end of the program does not wait for it.
    runtime.shutdown_background();
    result
}

impl Control {
    fn start(source: Source, plan: Plan, written: Outcome) -> Result<Self, Box<dyn Error>> {
        let (plan, bounds) = resources::share_files(plan);
        let worker_count = plan.workers.unwrap_or_else(resources::cores);
        // Before anything listens: clients would wait meanwhile.
        let safe = Safe::new(&plan);
        let security = secure(&safe, &source, &plan, written)?;
        let mut listeners = Listeners::new(worker_count);
        let sockets = (listeners.open(&plan)?, listeners.open_datagrams(&plan)?);
        listeners.commit(&plan);
        let counters = Arc::new(Counters::new(worker_count, reasons()));
        let mut control = Self {
            source,
            workers: Workers::new(),
            listeners,
            states: ServerStates::new(resources::secret().ok_or("the system gives no random numbers")?),
            checks: Checks::new(),
            memory: Memory::new(),
            admin: Admin::new(&counters, safe.books()),
            safe,
            counters,
            writer: start_writer(&plan.log)?,
            grace: plan.shutdown_grace,
        };
        let prepared = control.admin.prepare(&plan)?;
        let blueprint = Arc::new(Blueprint::new(plan, &mut control.states, security));
        control.start_workers(sockets, &blueprint, bounds)?;
        control.checks.install(&blueprint);
        control.safe.installed(blueprint.plan());
        control.admin.install(prepared);
        Ok(control)
    }

    fn start_workers(
        &mut self,
        (sockets, datagrams): (Vec<Sockets>, Vec<Sockets>),
        blueprint: &Arc<Blueprint>,
        bounds: Bounds,
    ) -> Result<(), Box<dyn Error>> {
        let diagnostics = Arc::new(Diagnostics::new(message_reasons(), DIAGNOSTICS_EVERY));
        let connections = Arc::new(AtomicUsize::new(0));
        let pipes = PipeBound::new(bounds.pipes);
        let pressure = Arc::new(tokio::sync::Notify::new());
        for (index, (listeners, datagrams)) in sockets.into_iter().zip(datagrams).enumerate() {
            let counters = Arc::clone(self.counters.worker(index).ok_or("more sockets than workers")?);
            let blueprint = Arc::clone(blueprint);
            let log = self.writer.access_log(Arc::clone(&counters));
            let diagnostics = Arc::clone(&diagnostics);
            let connections = Arc::clone(&connections);
            let (pipes, pressure) = (pipes.clone(), Arc::clone(&pressure));
            let seed = resources::seed();
            let load = self.memory.add_worker();
            let main = move |commands| {
                evener_proxy::run(Setup {
                    blueprint,
                    listeners,
                    datagrams,
                    log,
                    counters,
                    diagnostics,
                    connections,
                    connections_max: bounds.connections,
                    pipes,
                    pressure,
                    seed,
                    load,
                    commands,
                })
            };
            self.workers.add(main).map_err(|error| format!("cannot start a worker: {}", reason(&error)))?;
        }
        Ok(())
    }

    /// Obeys signals until one asks for the end, or a worker is lost.
    async fn obey(&mut self, signals: &mut Signals) -> Farewell {
        let mut looks = tokio::time::interval(security::LOOK_EVERY);
        loop {
            // All arms are cancel safe: a signal, an end or a tick that is not received stays pending.
            let order = tokio::select! {
                order = signals.next() => order,
                end = self.workers.next_end() => return Farewell::Lost(end),
                _ = looks.tick() => {
                    self.safe.look();
                    self.memory.look();
                    continue;
                }
            };
            let farewell = match order {
                Order::Reload => self.reload(signals).await,
                Order::Reopen => {
                    self.writer.reopen();
                    None
                }
                Order::End => Some(Farewell::Asked),
            };
            if let Some(farewell) = farewell {
                return farewell;
            }
        }
    }

    /// Reads the config again and has the workers run it. On any error everything stays as it is. Looking up names may
    /// take long, so it is done on the side, and a signal that asks for the end is obeyed meanwhile.
    async fn reload(&mut self, signals: &mut Signals) -> Option<Farewell> {
        let source = self.source.clone();
        let loading = tokio::task::spawn_blocking(move || source.load());
        // Cancel safe: a config that nobody waits for is dropped.
        let outcome = tokio::select! {
            outcome = loading => outcome,
            () = signals.ending.recv() => return Some(Farewell::Asked),
        };
        let Ok(mut outcome) = outcome else {
            say("reading the config failed; nothing was changed");
            return None;
        };
        self.source.tell(&outcome);
        match outcome.plan.take() {
            None => say("the config has errors; nothing was changed"),
            Some(plan) => match self.install(plan, outcome).await {
                Ok(()) => say("reloaded"),
                Err(error) => say(format_args!("cannot reload: {error}; nothing was changed")),
            },
        }
        None
    }

    async fn install(&mut self, plan: Plan, written: Outcome) -> Result<(), Box<dyn Error>> {
        let security = secure(&self.safe, &self.source, &plan, written)?;
        let datagrams = self.listeners.reopen_datagrams(&plan).await?;
        let sockets = self.listeners.open(&plan)?;
        let new_writer = match *self.writer.plan() == plan.log {
            true => None,
            false => Some(start_writer(&plan.log)?),
        };
        // The last one, since it leaves a file behind if nobody installs it.
        let prepared = self.admin.prepare(&plan)?;
        // From here on nothing fails.
        self.admin.install(prepared);
        if plan.workers.unwrap_or_else(resources::cores) != self.workers.count() {
            say("the number of workers changes with the next start only");
        }
        self.listeners.commit(&plan);
        self.grace = plan.shutdown_grace;
        let (plan, bounds) = resources::share_files(plan);
        let connections_max = bounds.connections;
        let blueprint = Arc::new(Blueprint::new(plan, &mut self.states, security));
        // Before anything is waited for: a check of the old plan must not speak after the new one has taken over.
        self.checks.install(&blueprint);
        self.safe.installed(blueprint.plan());
        let (done, mut installed) = unbounded_channel();
        let installs = sockets.into_iter().zip(datagrams).enumerate().map(|(index, (listeners, datagrams))| {
            let own = self.counters.worker(index).map(Arc::clone);
            let log = new_writer.as_ref().zip(own).map(|(writer, own)| Box::new(writer.access_log(own)));
            let blueprint = Arc::clone(&blueprint);
            Command::Install { blueprint, listeners, datagrams, connections_max, log, done: done.clone() }
        });
        self.workers.tell_each(installs);
        drop(done);
        let all_installed = async { while installed.recv().await.is_some() {} };
        if tokio::time::timeout(WORKER_PATIENCE, all_installed).await.is_err() {
            say("a worker is busy and takes the change over later");
        }
        self.memory.reloaded();
        if let Some(writer) = new_writer {
            let old = std::mem::replace(&mut self.writer, writer);
            old.stop(LOG_PATIENCE);
        }
        Ok(())
    }

    /// Drains the workers; cuts what is left after the grace, or at a second signal.
    async fn end(mut self, farewell: Farewell, signals: &mut Signals) -> Result<(), Box<dyn Error>> {
        let grace = duration(self.grace);
        match &farewell {
            Farewell::Asked => say(format_args!("stopping; waiting up to {grace} for requests in flight")),
            Farewell::Lost(end) => {
                say(format_args!("{end}; stopping; waiting up to {grace} for requests of the other workers"));
            }
        }
        self.admin.becomes(Readiness::Draining);
        self.workers.tell_all(|| Command::Drain);
        drop(self.checks);
        // All arms are cancel safe; a reload has no sense any more, so its signal is not looked at.
        tokio::select! {
            () = self.workers.all_ended() => {}
            () = tokio::time::sleep(self.grace) => tell_cut(&self.counters, "the grace is over"),
            () = signals.ending.recv() => tell_cut(&self.counters, "asked a second time"),
        }
        self.workers.tell_all(|| Command::Stop);
        let has_hung = tokio::time::timeout(WORKER_PATIENCE, self.workers.all_ended()).await.is_err();
        self.admin.close().await;
        say(report::summary(&self.counters.totals()));
        self.writer.stop(LOG_PATIENCE);
        match (farewell, self.workers.panicked()) {
            (Farewell::Lost(end), _) | (Farewell::Asked, Some(end)) => Err(end.to_string().into()),
            (Farewell::Asked, None) if has_hung => Err(format!("{} workers do not end", self.workers.running()).into()),
            (Farewell::Asked, None) => Ok(()),
        }
    }
}

/// The requests among what is cut are in the summary, by their reason.
fn tell_cut(counters: &Counters, why: &str) {
    let open = counters.totals().connections_open;
    say(format_args!("{why}; cutting what is left: {open} client connections"));
}

/// What a plan needs for TLS. What is wrong with it is told as a check tells it, at its places in the config.
fn secure(safe: &Safe, source: &Source, plan: &Plan, mut written: Outcome) -> Result<Security, &'static str> {
    let (security, faults) = safe.prepare(plan);
    written.diagnostics = certificates::met(&faults, plan, &written);
    written.omitted = 0;
    source.tell(&written);
    security.ok_or("certificates, keys or lists cannot be used")
}

fn start_writer(plan: &LogPlan) -> Result<LogWriter, String> {
    LogWriter::start(plan).map_err(|error| match &error {
        LogError::Open { source, .. } | LogError::Thread(source) => format!("{error}: {}", reason(source)),
    })
}

#[cfg(test)]
mod tests;
