//! Installs what the tests need and the machine lacks: programs of Debian's, its Python, and a
//! virtual environment with the pinned packages of `tests/e2e/python/requirements.txt`.
//!
//! It changes nothing outside `target/` except through `apt-get`, and it does nothing at all
//! when everything is there.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{capture, run, succeeds, target_folder, workspace_root};

const PYTHON_PACKAGES: [&str; 2] = ["python3", "python3-venv"];

/// Programs written by others that stand on both sides of evener in the end-to-end tests.
const PEERS: [&str; 10] = [
    "chromium",
    "curl",
    "libnginx-mod-http-echo",
    "nghttp2-client",
    "nginx",
    "nodejs",
    "openssl",
    "pebble",
    "postgresql",
    "redis-server",
];

/// Installs the programs that the end-to-end tests start.
pub(crate) fn test_programs() -> Result<(), String> {
    debian(&PEERS)
}

/// The Python interpreter of the tests' virtual environment, made or renewed when it is absent
/// or older than its list of packages.
pub(crate) fn test_python() -> Result<PathBuf, String> {
    let requirements = workspace_root().join("tests/e2e/python/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements)
        .map_err(|error| format!("cannot read {}: {error}", requirements.display()))?;
    let folder = target_folder().join("venv");
    let python = folder.join("bin/python");
    let stamp = folder.join("installed-requirements.txt");
    let is_current = std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted);
    if is_current && succeeds(Command::new(&python).args(["-c", "import aiohttp, grpc"])) {
        return Ok(python);
    }
    if !can_make_environments() {
        debian(&PYTHON_PACKAGES)?;
    }
    eprintln!("installing the tests' Python packages into {}", folder.display());
    let mut make = Command::new("python3");
    run(make.args(["-m", "venv", "--clear"]).arg(&folder))?;
    run(&mut pip_install(&python, &requirements))?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    Ok(python)
}

/// Installs the Debian packages that are missing. Needs root or a `sudo` that asks nothing.
pub(crate) fn debian(packages: &[&str]) -> Result<(), String> {
    let missing: Vec<&str> = packages.iter().copied().filter(|name| !is_installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let Some(prefix) = privileged_prefix() else {
        return Err(format!(
            "these Debian packages are missing: {list}\n\
             neither root nor a password-free sudo is at hand; install them yourself with\n\
             \x20   apt-get install {list}"
        ));
    };
    eprintln!("installing Debian packages: {list}");
    run(apt_get(prefix).args(["update", "-qq"]))?;
    run(apt_get(prefix).args(["install", "-qq", "-y", "--no-install-recommends"]).args(missing))
}

fn can_make_environments() -> bool {
    succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]))
}

fn pip_install(python: &Path, requirements: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements);
    command
}

fn is_installed(package: &str) -> bool {
    capture(Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package]))
        .is_ok_and(|status| status == "installed")
}

/// What has to stand before a command so that it may install: nothing for root, else `sudo`.
fn privileged_prefix() -> Option<&'static [&'static str]> {
    let user = capture(Command::new("id").arg("-u")).ok()?;
    if user.trim() == "0" {
        return Some(&[]);
    }
    let sudo_asks_nothing = succeeds(Command::new("sudo").args(["--non-interactive", "true"]));
    sudo_asks_nothing.then_some(&["sudo", "--non-interactive"])
}

fn apt_get(prefix: &[&str]) -> Command {
    let mut words = prefix.iter().chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    let mut command = Command::new(words.next().unwrap_or(&"env"));
    command.args(words);
    command
}
