//! The test stand: three servers, and the proxies in front of them.
//!
//! Every proxy is proven to do the same work before it is measured; what is asked of it is in
//! `proof.rs`.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use super::cage::Hierarchy;
use super::client::Client;
use super::front::Front;
use super::install::Programs;
use super::process::{self, CpuTime, LOAD_CORE, PROXY_CORE, Process};
use super::proxy::Proxy;
use super::{proof, tls};

/// The servers behind the proxies.
#[derive(Debug)]
pub(crate) struct Stand<'a> {
    programs: &'a Programs,
    hierarchy: Option<&'a Hierarchy>,
    quota_percent: u32,
    front: Front,
    /// What clients offer, if they speak TLS here.
    tls: Option<Arc<ClientConfig>>,
    folder: PathBuf,
    ports: [u16; 3],
    servers: Process,
}

/// A proxy that runs and was checked.
#[derive(Debug)]
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) port: u16,
    /// Its process.
    pub(crate) process: Process,
}

impl<'a> Stand<'a> {
    /// Starts the three servers.
    pub(crate) fn open(
        programs: &'a Programs,
        hierarchy: Option<&'a Hierarchy>,
        quota_percent: u32,
        front: Front,
    ) -> Result<Self, String> {
        let folder = folder()?;
        let ports = free_ports::<3>()?;
        let words = match front {
            Front::Http1 | Front::Https => web_servers(programs, &folder, &ports)?,
            Front::Tcp => echo_servers(&ports),
        };
        let tls = match front {
            Front::Http1 | Front::Tcp => None,
            Front::Https => {
                tls::prepare(&folder)?;
                Some(tls::client("http/1.1")?)
            }
        };
        let log = folder.join("servers.log");
        let mut servers = Process::start(LOAD_CORE, &words, None, &log)?;
        for port in ports {
            wait_for(port, &mut servers, &log)?;
        }
        Ok(Self { programs, hierarchy, quota_percent, front, tls, folder, ports, servers })
    }

    /// Starts a proxy and waits until it listens.
    pub(crate) fn start(&self, proxy: Proxy) -> Result<Running, String> {
        let [port] = free_ports::<1>()?;
        let mut configs = Vec::new();
        for template in proxy.templates(self.front) {
            configs.push(render(template, &self.folder, &self.ports, port)?);
        }
        let config = configs.first().ok_or_else(|| format!("{} has no config for this scenario", proxy.name()))?;
        let words = proxy.command(self.programs, config)?;
        let cage = match self.hierarchy {
            None => None,
            Some(hierarchy) => Some(hierarchy.cage(proxy.name(), self.quota_percent)?),
        };
        let log = self.folder.join(format!("{}.log", proxy.name()));
        let mut process = Process::start(PROXY_CORE, &words, cage, &log)?;
        wait_for(port, &mut process, &log)?;
        Ok(Running { port, process })
    }

    /// Starts a proxy and proves that it does the work that is measured.
    pub(crate) fn start_checked(&self, proxy: Proxy) -> Result<Running, String> {
        let running = self.start(proxy)?;
        let deadline = Instant::now() + CHECK_PATIENCE;
        loop {
            // Traefik listens before it has read its routes.
            match proof::demand(self.front, running.port, &self.ports) {
                Ok(()) => return Ok(running),
                Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(100)),
                Err(fault) => return Err(format!("{}: {fault}", proxy.name())),
            }
        }
    }

    /// A connection to a proxy, under TLS where clients of this stand use it.
    pub(crate) fn client(&self, port: u16) -> Result<Client, String> {
        match &self.tls {
            None => Client::connect(port),
            Some(config) => Client::connect_tls(port, config),
        }
    }

    /// CPU time of the servers so far.
    pub(crate) fn servers_cpu_time(&self) -> CpuTime {
        self.servers.cpu_time()
    }

    /// The share of a core that a proxy may use here, 0 to 1.
    pub(crate) fn granted(&self) -> f64 {
        match self.hierarchy {
            None => 1.0,
            Some(_) => f64::from(self.quota_percent) / 100.0,
        }
    }
}

/// Where the files of the stand are: configs, logs, certificates.
pub(crate) fn folder() -> Result<PathBuf, String> {
    let path = super::folder()?.join("run");
    fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// Writes what the web servers serve; gives the words that start them.
fn web_servers(programs: &Programs, folder: &Path, ports: &[u16; 3]) -> Result<Vec<String>, String> {
    let files = folder.join("files");
    fs::create_dir_all(&files).map_err(|error| format!("{}: {error}", files.display()))?;
    write(&files.join("10k"), &"x".repeat(10 * 1024))?;
    write(&files.join("1m"), &"x".repeat(1 << 20))?;
    let config = render("backend.nginx.conf", folder, ports, 0)?;
    render("backend.locations", folder, ports, 0)?;
    Ok(vec![programs.nginx.display().to_string(), "-c".to_owned(), config.display().to_string()])
}

/// The words that start this program as the echo servers.
fn echo_servers(ports: &[u16; 3]) -> Vec<String> {
    let words = [process::own_program(), "bench".to_owned(), "echo".to_owned()];
    words.into_iter().chain(ports.iter().map(u16::to_string)).collect()
}

/// Fills a template from `bench/configs` and writes it into the run's folder.
fn render(template: &str, folder: &Path, ports: &[u16; 3], port: u16) -> Result<PathBuf, String> {
    let source = crate::command::workspace_root().join("bench/configs").join(template);
    let text = fs::read_to_string(&source).map_err(|error| format!("{}: {error}", source.display()))?;
    let text = text
        .replace("@DIR@", &folder.display().to_string())
        .replace("@PORT@", &port.to_string())
        .replace("@BACKEND1@", &ports[0].to_string())
        .replace("@BACKEND2@", &ports[1].to_string())
        .replace("@BACKEND3@", &ports[2].to_string())
        .replace("@BODY128@", &"x".repeat(128));
    let path = folder.join(template);
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    write(&path, &text)?;
    Ok(path)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Ports that nobody listens on now. They are held together while they are chosen, so they differ.
fn free_ports<const N: usize>() -> Result<[u16; N], String> {
    let mut held = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no free port: {error}"))?;
        *port = listener.local_addr().map_err(|error| format!("no free port: {error}"))?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Waits until a process listens; an early end shows its log.
pub(crate) fn wait_for(port: u16, process: &mut Process, log: &Path) -> Result<(), String> {
    let deadline = Instant::now() + START_PATIENCE;
    while Client::connect(port).is_err() {
        if process.has_ended() || Instant::now() > deadline {
            let said = fs::read_to_string(log).unwrap_or_default();
            return Err(format!("nothing listens on port {port}; {} says:\n{said}", log.display()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

const CHECK_PATIENCE: Duration = Duration::from_secs(5);
const START_PATIENCE: Duration = Duration::from_secs(20);
