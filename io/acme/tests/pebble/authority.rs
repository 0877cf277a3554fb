//! A pebble of the test's own with the name server that leads it to the test.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Folder;
use crate::scene::Scene;
use crate::server::Identity;

/// What is unusual about an authority.
#[derive(Clone, Copy, Default)]
pub(crate) struct Traits {
    /// How many of a hundred good nonces are rejected.
    pub(crate) nonces_rejected: u32,
    /// How long certificates live, in seconds.
    pub(crate) life_s: Option<u32>,
    /// Whether accounts need the binding `BINDING`.
    pub(crate) needs_binding: bool,
}

/// Identifier and key of the account binding.
pub(crate) const BINDING: (&str, &str) = ("key-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W");

/// Ports and files of an authority that may run or not.
pub(crate) struct Authority {
    traits: Traits,
    folder: PathBuf,
    port: u16,
    management_port: u16,
    names: Process,
    names_port: u16,
    pebble: Option<Process>,
    http_port: u16,
    tls_port: u16,
    pub(crate) ca: PathBuf,
}

impl Authority {
    /// Prepares an authority that asks the responders of this scene.
    pub(crate) fn new(folder: &Folder, scene: &Scene, traits: Traits) -> Self {
        let identity = Identity::new();
        let ca = folder.path().join("ca.pem");
        fs::write(&ca, &identity.ca_pem).unwrap();
        fs::write(folder.path().join("server.pem"), &identity.chain_pem).unwrap();
        fs::write(folder.path().join("server.key"), &identity.key_pem).unwrap();
        let [port, management_port, names_port, names_management_port] = free_ports();
        let names = Process::start(
            Command::new("pebble-challtestsrv")
                .args(["-dns01", &format!("127.0.0.1:{names_port}"), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""])
                .args(["-management", &format!("127.0.0.1:{names_management_port}")])
                .args(["-http01", "", "-https01", "", "-tlsalpn01", ""]),
        );
        await_port(names_management_port);
        Self {
            traits,
            folder: folder.path().to_path_buf(),
            port,
            management_port,
            names,
            names_port,
            pebble: None,
            http_port: scene.http_port,
            tls_port: scene.tls_port,
            ca,
        }
    }

    /// An authority that runs already.
    pub(crate) fn running(folder: &Folder, scene: &Scene, traits: Traits) -> Self {
        let mut authority = Self::new(folder, scene, traits);
        authority.start();
        authority
    }

    pub(crate) fn start(&mut self) {
        let config = self.folder.join("pebble.json");
        fs::write(&config, self.config()).unwrap();
        let mut command = Command::new("pebble");
        command.arg("-config").arg(&config).args(["-dnsserver", &format!("127.0.0.1:{}", self.names_port)]);
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0");
        command.env("PEBBLE_WFE_NONCEREJECT", self.traits.nonces_rejected.to_string());
        let log = fs::OpenOptions::new().append(true).create(true).open(self.log()).unwrap();
        self.pebble = Some(Process::writing(&mut command, log.into()));
        await_port(self.port);
    }

    /// How many accounts it was asked to make.
    pub(crate) fn accounts(&self) -> usize {
        fs::read_to_string(self.log()).unwrap().matches("accounts in memory").count()
    }

    fn log(&self) -> PathBuf {
        self.folder.join("pebble.log")
    }

    pub(crate) fn stop(&mut self) {
        self.pebble = None;
    }

    pub(crate) fn directory(&self) -> String {
        format!("{}/dir", self.base())
    }

    pub(crate) fn base(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    fn config(&self) -> String {
        let file = |name: &str| self.folder.join(name).to_str().unwrap().to_owned();
        let life =
            self.traits.life_s.map_or_else(String::new, |life| format!("\"certificateValidityPeriod\": {life},"));
        format!(
            r#"{{"pebble": {{
                "listenAddress": "127.0.0.1:{}", "managementListenAddress": "127.0.0.1:{}",
                "certificate": "{}", "privateKey": "{}",
                "httpPort": {}, "tlsPort": {}, "ocspResponderURL": "", {life}
                "externalAccountBindingRequired": {}, "externalAccountMACKeys": {{"{}": "{}"}}
            }}}}"#,
            self.port,
            self.management_port,
            file("server.pem"),
            file("server.key"),
            self.http_port,
            self.tls_port,
            self.traits.needs_binding,
            BINDING.0,
            BINDING.1,
        )
    }

    /// Whether the name server still runs, without which every order would fail for the wrong reason.
    pub(crate) fn has_names(&mut self) -> bool {
        self.names.0.try_wait().unwrap().is_none()
    }
}

/// A process that ends with its value.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        Self::writing(command, Stdio::null())
    }

    fn writing(command: &mut Command, out: Stdio) -> Self {
        let started = command.stdin(Stdio::null()).stdout(out).stderr(Stdio::null()).spawn();
        Self(started.unwrap_or_else(|error| panic!("{command:?}: {error}; is the Debian package pebble installed?")))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// Ports that nobody listens on. They are found at once, so that they differ.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let listeners = [(); COUNT].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn await_port(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(_) => return,
            Err(error) => assert!(Instant::now() < deadline, "nobody listens on port {port}: {error}"),
        }
        sleep(Duration::from_millis(10));
    }
}
