//! Real servers and clients written by others: aiohttp and Python's own `http.server`.
//!
//! They run from the virtual environment that `cargo xtask test` makes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ports::free_address;
use super::process::Process;
use super::wait::PATIENCE;

/// A Python server and where it listens. It is killed when this is dropped.
pub(crate) struct PythonServer {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl PythonServer {
    /// The aiohttp server of `tests/e2e/python/echo.py`; `GET /` answers with the name.
    #[track_caller]
    pub(crate) fn echo(name: &str) -> Self {
        Self::echo_at(name, free_address())
    }

    /// The same at a given address, to come back where another one was.
    #[track_caller]
    pub(crate) fn echo_at(name: &str, address: SocketAddr) -> Self {
        let script = workspace_root().join("tests/e2e/python/echo.py");
        let mut command = python();
        command.arg(script).args(["--port", &address.port().to_string(), "--name", name]);
        Self::launch(&mut command, address)
    }

    /// A script that takes its port as its only argument.
    #[track_caller]
    pub(crate) fn script(path: &Path) -> Self {
        let address = free_address();
        Self::launch(python().arg(path).arg(address.port().to_string()), address)
    }

    /// `python -m http.server` on a folder: HTTP/1.0, closes after each answer.
    #[track_caller]
    pub(crate) fn files(folder: &Path) -> Self {
        let address = free_address();
        let mut command = python();
        command.args(["-m", "http.server", "--bind", "127.0.0.1"]);
        command.arg("--directory").arg(folder).arg(address.port().to_string());
        Self::launch(&mut command, address)
    }

    #[track_caller]
    pub(crate) fn launch(command: &mut Command, address: SocketAddr) -> Self {
        let mut process = Process::start(command);
        process.wait_until_accepting(address);
        Self { process, address }
    }
}

/// Runs a script of `tests/e2e/python` to its end; gives its standard output.
#[track_caller]
pub(crate) fn run_script(name: &str, arguments: &[&str]) -> String {
    let path = workspace_root().join("tests/e2e/python").join(name);
    let mut process = Process::start(python().arg(path).args(arguments));
    let status = process.wait_exit(PATIENCE);
    assert!(status.success(), "{name} ended with {status}:\n{}", process.stderr());
    process.stdout()
}

/// The folder of the workspace.
pub(crate) fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The interpreter, with what the tests need.
#[track_caller]
pub(crate) fn python() -> Command {
    let path = std::env::var_os("EVENER_TEST_PYTHON").map_or_else(default_python, PathBuf::from);
    assert!(path.exists(), "{} is missing: run `cargo xtask test`", path.display());
    let mut command = Command::new(path);
    command.env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn default_python() -> PathBuf {
    workspace_root().join("target/venv/bin/python")
}
