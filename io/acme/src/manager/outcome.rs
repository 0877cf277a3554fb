//! Work for hosts as tasks, and what their outcomes change.
//!
//! A task that broke off counts as one that failed: nothing that an authority answers may stop the manager.

use std::io;

use super::*;
use crate::account::Opened;
use crate::certificate::Certificate;
use crate::order::{self, Errand, Failed};
use crate::schedule::Window;

/// What a task brings back.
pub(super) enum Outcome {
    Loaded(Vec<(String, Result<Option<Certificate>, Fault>)>),
    Opened(Result<Opened, Fault>),
    Ordered(Result<Certificate, Failed>),
    Asked(Result<(Window, Duration), Fault>),
    Saved(io::Result<()>),
}

impl<S: Stage> Manager<S> {
    /// Starts work for a host. The session is open unless the work is local.
    pub(super) fn start_work(&mut self, name: &str, work: Work) {
        let Some(Entry::Known { host, job }) = self.hosts.get_mut(name) else { return };
        let account = self.session.account().cloned();
        let task = match (work, account, host.certificate().cloned()) {
            (Work::Save, _, Some(certificate)) => {
                let store = self.store.clone();
                self.jobs.spawn_blocking(move || Outcome::Saved(store.write_certificate(&certificate)))
            }
            (Work::Ask, Some(account), Some(certificate)) => {
                self.jobs.spawn(async move { Outcome::Asked(order::ask(account, certificate).await) })
            }
            (Work::Order, Some(account), _) => {
                let errand = Errand {
                    host: String::from(name),
                    challenge: host.challenge(),
                    replaces: host.replaced(),
                    pace: self.settings.pace.clone(),
                };
                let stage = Arc::clone(&self.stage);
                self.jobs.spawn(async move { Outcome::Ordered(order::order(account, errand, stage).await) })
            }
            _ => return,
        };
        *job = Some(task.id());
        let session = self.session.number;
        self.remember(task, Job::For { host: String::from(name), work, session });
    }

    /// Takes the outcome of a task.
    pub(super) fn settle(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, Some(outcome)),
            Err(broken) => (broken.id(), None),
        };
        // Else it was for a host that is gone.
        let Some(Running { job, .. }) = self.running.remove(&id) else { return };
        match (job, outcome) {
            (Job::Load(_), Some(Outcome::Loaded(read))) => self.loaded(read),
            (Job::Load(names), _) => self.loaded(names.into_iter().map(|name| (name, Err(Fault::Broken))).collect()),
            (Job::Open, Some(Outcome::Opened(opened))) => self.opened(opened),
            (Job::Open, _) => self.opened(Err(Fault::Broken)),
            (Job::For { host, work, session }, outcome) => self.settle_host(&host, work, session, outcome),
        }
    }

    fn loaded(&mut self, read: Vec<(String, Result<Option<Certificate>, Fault>)>) {
        for (name, stored) in read {
            let Some(entry @ Entry::Loading) = self.hosts.get_mut(&name) else { continue };
            let stored = stored.unwrap_or_else(|fault| {
                self.stage.tell(Notice::StoredUnusable { host: name, fault });
                None
            });
            let stored = stored.filter(|certificate| self.stage.installed(certificate));
            *entry = Entry::Known { host: Host::new(stored.map(Arc::new), now(), draw()), job: None };
        }
    }

    fn opened(&mut self, opened: Result<Opened, Fault>) {
        match opened {
            Ok(Opened { account, is_new }) => {
                self.session.opened(account);
                let directory = self.settings.acme.directory.clone();
                self.stage.tell(Notice::AccountOpened { directory, is_new });
            }
            Err(fault) => {
                let retry_in = self.session.failed(&fault, &self.settings.pace, Instant::now(), draw());
                self.stage.tell(Notice::AuthorityFailed { fault, retry_in });
            }
        }
    }

    fn settle_host(&mut self, name: &str, work: Work, session: u64, outcome: Option<Outcome>) {
        let Some(Entry::Known { host, job }) = self.hosts.get_mut(name) else { return };
        *job = None;
        let pace = &self.settings.pace;
        match (work, outcome) {
            (Work::Order, Some(Outcome::Ordered(Ok(certificate)))) => {
                self.session.worked();
                self.stage.installed(&certificate);
                self.stage.tell(Notice::Ordered { host: String::from(name), not_after: certificate.not_after() });
                host.ordered(Arc::new(certificate), pace, now(), draw());
            }
            (Work::Order, Some(Outcome::Ordered(Err(failed)))) => self.order_failed(name, session, failed),
            (Work::Order, _) => self.order_failed(name, session, Fault::Broken.into()),
            (Work::Ask, Some(Outcome::Asked(Ok(answer)))) => host.asked(Some(answer), pace, now(), draw()),
            (Work::Ask, outcome) => {
                host.asked(None, pace, now(), draw());
                let fault = if let Some(Outcome::Asked(Err(fault))) = outcome { fault } else { Fault::Broken };
                // Many authorities have no such information, which is nothing to tell.
                if !matches!(fault, Fault::NoRenewalInfo) {
                    self.stage.tell(Notice::RenewalUnknown { host: String::from(name), fault });
                }
            }
            (Work::Save, Some(Outcome::Saved(Ok(())))) => host.saved(),
            (Work::Save, outcome) => {
                host.save_failed(pace, now());
                let retry_in = pace.store_again;
                let broken = || io::Error::other(Fault::Broken);
                let error = if let Some(Outcome::Saved(Err(error))) = outcome { error } else { broken() };
                let folder = self.store.certificates();
                self.stage.tell(Notice::NotStored { host: String::from(name), folder, error, retry_in });
            }
        }
    }

    fn order_failed(&mut self, name: &str, session: u64, failed: Failed) {
        let Some(Entry::Known { host, .. }) = self.hosts.get_mut(name) else { return };
        let pace = &self.settings.pace;
        let mut retry_in = host.order_failed(&failed, pace, now(), draw());
        let fault = failed.fault;
        if !fault.is_authority_wide() {
            self.session.worked();
        } else if self.session.number == session && self.session.account().is_some() {
            retry_in = retry_in.max(self.session.failed(&fault, pace, Instant::now(), draw()));
        }
        self.stage.tell(Notice::OrderFailed { host: String::from(name), fault, retry_in });
    }
}
