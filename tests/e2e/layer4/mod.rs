//! Services over TCP and UDP with the real program: what passes, how connections end, who is told of whom, and real
//! servers behind it that are killed under load.

mod asked;
mod ends;
mod gone;
mod postgres;
mod proxy_in;
mod proxy_out;
mod redis;
mod room;
mod routes;
mod secure;
mod tcp;
mod tls;
mod udp;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use crate::harness::client::RawClient;
use crate::harness::evener::listed;
use crate::harness::ports::free_address;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

/// An evener with one service over TCP.
struct Service {
    evener: Evener,
    address: SocketAddr,
}

/// A service in front of an upstream; further keys of both.
fn service(servers: &[SocketAddr], of_service: &str, of_upstream: &str) -> Service {
    Service::start(|address| {
        format!(
            "shutdown_grace = \"20s\"\n[[tcp]]\nlisten = \"{address}\"\nto = \"all\"\n{of_service}\n\
             [upstream.all]\nservers = [{}]\n{of_upstream}\n",
            listed(servers)
        )
    })
}

impl Service {
    /// A config with a service at this address.
    fn start(config: impl FnOnce(SocketAddr) -> String) -> Self {
        let address = free_address();
        // Whether evener is there is tried at the site, so that servers see the connections of the test alone.
        let site = "[[site]]\nlisten = \"{listen}\"\nrespond = { status = 200 }\n";
        let evener = Evener::start(&format!("{}{site}", config(address)));
        Self { evener, address }
    }

    /// Puts another config in the place of the first and has evener read it.
    fn reload(&self, config: impl FnOnce(SocketAddr) -> String) {
        let site = "[[site]]\nlisten = \"{listen}\"\nrespond = { status = 200 }\n";
        let before = self.evener.process.stderr().matches("reloaded").count();
        self.evener.rewrite_config(&format!("{}{site}", config(self.address)));
        self.evener.signal(Signal::HUP);
        let reloaded = || self.evener.process.stderr().matches("reloaded").count() > before;
        eventually(PATIENCE, "it has reloaded", reloaded);
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new connection to the service.
    #[track_caller]
    fn connect(&self) -> RawClient {
        RawClient::connect(self.address)
    }
}

/// A server that says its name, then waits for the end.
fn named(name: &'static str) -> Recorder {
    Recorder::scripted(move |_| vec![Step::send(name), Step::ReadToEnd])
}

/// Tells the threads of a test that it is over, also when it fails.
struct SetOnDrop<'t>(&'t AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Waits until evener has told a reason on its standard error.
#[track_caller]
fn told(evener: &Evener, reason: &str) {
    eventually(PATIENCE, &format!("`{reason}` is told"), || evener.process.stderr().contains(&format!("({reason}")));
}
