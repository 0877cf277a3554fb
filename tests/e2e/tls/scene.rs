//! What the tests of TLS have in common: a folder with certificates, a server behind, evener in front.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::authority::{Authority, Issued, Order};
use super::client::{Build, Client, chain};
use crate::harness::evener::Folder;
use crate::harness::process::Process;
use crate::harness::recorder::{Recorder, ok};
use crate::harness::wait::PATIENCE;
use crate::harness::{Evener, ports};

/// A folder, two authorities, and a server.
pub(crate) struct Scene {
    pub(crate) folder: Folder,
    pub(crate) servers: Authority,
    pub(crate) clients: Authority,
    pub(crate) recorder: Recorder,
    /// A second address for evener.
    pub(crate) second: SocketAddr,
}

impl Scene {
    /// A scene with `ca.pem` (for servers), `clients.pem` and `site.pem` with `site.key` for `a.test` and `b.test`.
    pub(crate) fn new() -> Self {
        let scene = Self {
            folder: Folder::new(),
            servers: Authority::new("servers"),
            clients: Authority::new("clients"),
            recorder: Recorder::answering(ok("hello")),
            second: ports::free_address(),
        };
        scene.write("ca.pem", &scene.servers.pem);
        scene.write("clients.pem", &scene.clients.pem);
        scene.issue("site", &Order::server(&["a.test", "b.test"]));
        scene
    }

    /// Puts a file in place at once, as careful programs do.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let (draft, path) = (self.folder.0.join(format!("{name}.draft")), self.folder.0.join(name));
        fs::write(&draft, text).expect("it can be written");
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).expect("it is an own file");
        fs::rename(&draft, &path).expect("it can be renamed");
        path.to_str().expect("temporary folders have plain names").to_owned()
    }

    /// Writes a certificate of `servers` and its key as `name.pem` and `name.key`.
    pub(crate) fn issue(&self, name: &str, order: &Order<'_>) -> Issued {
        let issued = self.servers.issue(order);
        self.put(name, &issued);
        issued
    }

    pub(crate) fn put(&self, name: &str, issued: &Issued) {
        self.write(&format!("{name}.key"), &issued.key);
        self.write(&format!("{name}.pem"), &issued.chain);
    }

    /// The text with `{dir}`, `{server}` and `{second}` filled in.
    pub(crate) fn fill(&self, config: &str) -> String {
        let folder = self.folder.0.to_str().expect("temporary folders have plain names");
        let top = format!("state_dir = \"{folder}/state\"\n");
        let config = config.replace("{dir}", folder).replace("{second}", &self.second.to_string());
        top + &config.replace("{server}", &self.recorder.address().to_string())
    }

    #[track_caller]
    pub(crate) fn start(&self, config: &str) -> Evener {
        Evener::start(&self.fill(config))
    }

    /// A client that trusts `servers`.
    pub(crate) fn client(&self) -> Client {
        Build::trusting(&self.servers).done()
    }

    /// Whether a client for this name is shown this certificate.
    pub(crate) fn shows(&self, address: SocketAddr, name: &str, issued: &Issued) -> bool {
        self.client().connect(address, name).is_ok_and(|connection| connection.shown() == chain(issued)[0].to_vec())
    }
}

/// A program's output and whether it ended well.
pub(crate) struct Ran {
    pub(crate) is_good: bool,
    pub(crate) text: String,
}

/// Runs a program to its end, with nothing to read.
#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str]) -> Ran {
    let mut process = Process::start(Command::new(program).args(arguments));
    let status = process.wait_exit(PATIENCE);
    Ran { is_good: status.success(), text: process.stdout() + &process.stderr() }
}

/// The simplest site that ends TLS.
pub(crate) const SITE: &str = r#"
[[site]]
listen = "{listen}"
redirect_from = []
tls = { cert = "{dir}/site.pem", key = "{dir}/site.key" }
to = "{server}"
"#;
