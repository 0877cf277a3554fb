//! A certificate authority to order from: the real `pebble`, with a name server that answers every name with 127.0.0.1.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::certificates;
use crate::harness::ports::free_address;
use crate::harness::process::Process;

/// An authority that runs or does not.
pub(crate) struct Pebble {
    address: SocketAddr,
    management: SocketAddr,
    http: SocketAddr,
    tls: SocketAddr,
    names_address: SocketAddr,
    _names: Process,
    trust: certificates::Authority,
    files: certificates::Files,
    process: Option<Process>,
}

impl Pebble {
    /// One that looks for answers at these addresses; it does not run yet.
    pub(crate) fn new(http: SocketAddr, tls: SocketAddr) -> Self {
        let (names_address, names_management) = (free_address(), free_address());
        let mut names = Process::start(
            Command::new("pebble-challtestsrv")
                .args(["-dns01", &names_address.to_string(), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""])
                .args(["-management", &names_management.to_string()])
                .args(["-http01", "", "-https01", "", "-tlsalpn01", ""]),
        );
        names.wait_until_accepting(names_management);
        let trust = certificates::Authority::new();
        let files = trust.issue("localhost");
        let (address, management) = (free_address(), free_address());
        Self { address, management, http, tls, names_address, _names: names, trust, files, process: None }
    }

    pub(crate) fn start(&mut self, folder: &Path) {
        let config = folder.join("pebble.json");
        std::fs::write(&config, self.config()).expect("it can be written");
        let mut command = Command::new("pebble");
        command.arg("-config").arg(&config).args(["-dnsserver", &self.names_address.to_string()]);
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0");
        let process = self.process.insert(Process::start(&mut command));
        process.wait_until_accepting(self.address);
    }

    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    /// How many accounts it was asked to make since its start.
    pub(crate) fn accounts(&self) -> usize {
        self.process.as_ref().map_or(0, |process| process.stdout().matches("accounts in memory").count())
    }

    /// What a config needs to order here.
    pub(crate) fn section(&self) -> String {
        let port = self.address.port();
        format!("[acme]\ndirectory = \"https://localhost:{port}/dir\"\nca = \"{}\"\n", self.trust.path())
    }

    /// The root above the certificates that it has issued since its start, in PEM.
    pub(crate) fn root(&self, folder: &Path) -> PathBuf {
        let path = folder.join("pebble-root.pem");
        let url = format!("https://localhost:{}/roots/0", self.management.port());
        let arguments = ["-sS", "--fail", "--cacert", self.trust.path(), &url];
        let mut process = Process::start(Command::new("curl").args(arguments));
        let status = process.wait_exit(crate::harness::wait::PATIENCE);
        assert!(status.success(), "{}", process.stderr());
        std::fs::write(&path, process.stdout()).expect("it can be written");
        path
    }

    fn config(&self) -> String {
        format!(
            r#"{{"pebble": {{
                "listenAddress": "{}", "managementListenAddress": "{}",
                "certificate": "{}", "privateKey": "{}",
                "httpPort": {}, "tlsPort": {}, "ocspResponderURL": "", "externalAccountBindingRequired": false
            }}}}"#,
            self.address,
            self.management,
            self.files.cert.display(),
            self.files.key.display(),
            self.http.port(),
            self.tls.port(),
        )
    }
}
