//! The manager against the real `pebble` and `pebble-challtestsrv` of Debian, and against servers that answer nonsense.
//!
//! Needs the Debian package `pebble`. Everything is on loopback; each test has its own authority, ports and folder.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the finding")]

mod authority;
mod orders;
mod outages;
mod renewal;
mod scene;
mod server;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use evener_acme::{AcmeSettings, Manager, Pace};
use evener_plan::Acme;
use scene::Scene;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A folder of the test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("evener-acme-pebble-{}-{name}", std::process::id()));
        let _absent = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

/// A running manager; stops when dropped.
struct Run {
    hosts: watch::Sender<Vec<String>>,
    task: JoinHandle<()>,
}

impl Run {
    fn start(settings: AcmeSettings, hosts: &[&str], scene: &Arc<Scene>) -> Self {
        let (sender, receiver) = watch::channel(owned(hosts));
        let task = tokio::spawn(Manager::run(settings, receiver, Arc::clone(scene)));
        Self { hosts: sender, task }
    }

    fn change(&self, hosts: &[&str]) {
        self.hosts.send(owned(hosts)).unwrap();
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn owned(hosts: &[&str]) -> Vec<String> {
    hosts.iter().map(|host| String::from(*host)).collect()
}

/// Settings with a pace for tests.
fn settings(directory: String, ca: &Path, folder: &Folder) -> AcmeSettings {
    let ca = Some(ca.to_str().unwrap().to_owned());
    let acme = Acme { directory, ca, email: Some(String::from("ops@example.com")), ..Acme::default() };
    let mut settings = AcmeSettings::new(acme, folder.path().join("state"));
    settings.pace = Pace {
        poll: Duration::from_millis(50),
        outage_first: Duration::from_millis(200),
        outage_max: Duration::from_secs(1),
        pause_first: Duration::from_millis(200),
        pause_max: Duration::from_secs(1),
        store_again: Duration::from_millis(200),
        tick: Duration::from_millis(200),
        ..Pace::default()
    };
    settings
}

/// Waits until something holds; says what did not.
async fn until(scene: &Scene, what: &str, holds: impl Fn(&Scene) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(25);
    while !holds(scene) {
        assert!(Instant::now() < deadline, "not in time: {what}; notices: {:#?}", scene.notices());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
