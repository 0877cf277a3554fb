//! The program under test, as a user would start it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Signal;

use super::client::{RawClient, get};
use super::message::Response;
use super::ports::free_address;
use super::process::Process;
use super::wait::{PATIENCE, eventually};

/// What a config writes where its first listening address belongs.
const LISTEN: &str = "{listen}";

/// A running evener with its config file. It is killed when this is dropped.
pub(crate) struct Evener {
    pub(crate) process: Process,
    address: SocketAddr,
    folder: Folder,
}

impl Evener {
    /// `evener run` with this config, in which `{listen}` stands for the address to listen on.
    #[track_caller]
    pub(crate) fn start(config: &str) -> Self {
        Self::start_with(config, |program, file| {
            let mut command = Command::new(program);
            command.arg("run").arg(file);
            command
        })
    }

    /// The same with a limit on open files.
    #[track_caller]
    pub(crate) fn start_limited(config: &str, open_files_max: usize) -> Self {
        Self::start_with(config, |program, file| {
            let script = format!("ulimit -n {open_files_max} && exec \"$0\" run \"$1\"");
            let mut command = Command::new("sh");
            command.args(["-c", &script, program]).arg(file);
            command
        })
    }

    /// `evener proxy` in front of these servers, with further options.
    #[track_caller]
    pub(crate) fn proxy(to: &[SocketAddr], options: &[&str]) -> Self {
        let list: Vec<String> = to.iter().map(SocketAddr::to_string).collect();
        let address = free_address();
        let mut command = Command::new(program());
        command.args(["proxy", "--listen", &address.to_string(), "--to", &list.join(",")]);
        Self::launch(command.args(options), address, Folder::new())
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The path of its config file.
    pub(crate) fn config_path(&self) -> PathBuf {
        self.folder.config_path()
    }

    /// Puts another config in the place of the first; it is read at the next HUP.
    pub(crate) fn rewrite_config(&self, config: &str) {
        self.folder.write_config(config, self.address);
    }

    /// A new connection.
    #[track_caller]
    pub(crate) fn connect(&self) -> RawClient {
        RawClient::connect(self.address)
    }

    /// One GET on a new connection.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Response {
        self.connect().send(get(path)).response()
    }

    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    #[track_caller]
    fn start_with(config: &str, command: impl FnOnce(&str, &Path) -> Command) -> Self {
        let address = free_address();
        let folder = Folder::new();
        folder.write_config(config, address);
        let mut command = command(program(), &folder.config_path());
        Self::launch(&mut command, address, folder)
    }

    #[track_caller]
    fn launch(command: &mut Command, address: SocketAddr, folder: Folder) -> Self {
        let mut process = Process::start(command.current_dir(&folder.0));
        process.wait_until_accepting(address);
        // Some of its addresses, its workers and what it says about the config may come later than the first address.
        eventually(PATIENCE, "evener listens", || process.stderr().contains("evener: listening on "));
        Self { process, address, folder }
    }
}

/// A run of evener that ended by itself.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs evener with these arguments to its end.
#[track_caller]
pub(crate) fn evener(arguments: &[&str]) -> Finished {
    let mut process = Process::start(Command::new(program()).args(arguments));
    let status = process.wait_exit(PATIENCE);
    Finished { status, stdout: process.stdout(), stderr: process.stderr() }
}

/// Addresses as the items of a TOML list: `"127.0.0.1:1", "127.0.0.1:2"`.
pub(crate) fn listed(addresses: &[SocketAddr]) -> String {
    let items: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
    items.join(", ")
}

/// A folder of its own for one test; it goes when it is dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("evener-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Self(path)
    }

    fn config_path(&self) -> PathBuf {
        self.0.join("evener.toml")
    }

    fn write_config(&self, config: &str, address: SocketAddr) {
        let text = config.replace(LISTEN, &address.to_string());
        std::fs::write(self.config_path(), text).expect("the config can be written");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind lies in the temporary folder and does no harm.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_evener")
}
