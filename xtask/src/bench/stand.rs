//! The test stand: three servers, and the proxies in front of them.
//!
//! Every proxy is proven to do the same work before it is measured: it balances over all three
//! servers, keeps its connections to them, and adds `X-Forwarded-For`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::cage::Hierarchy;
use super::client::Client;
use super::install::Programs;
use super::process::{CpuTime, LOAD_CORE, PROXY_CORE, Process};
use super::proxy::Proxy;

/// The servers behind the proxies.
#[derive(Debug)]
pub(crate) struct Stand<'a> {
    programs: &'a Programs,
    hierarchy: Option<&'a Hierarchy>,
    quota_percent: u32,
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
    ) -> Result<Self, String> {
        let folder = super::folder()?.join("run");
        let files = folder.join("files");
        fs::create_dir_all(&files).map_err(|error| format!("{}: {error}", files.display()))?;
        write(&files.join("10k"), &"x".repeat(10 * 1024))?;
        write(&files.join("1m"), &"x".repeat(1 << 20))?;
        let ports = free_ports::<3>()?;
        let config = render("backend.nginx.conf", &folder, &ports, 0)?;
        render("backend.locations", &folder, &ports, 0)?;
        let words = [programs.nginx.display().to_string(), "-c".to_owned(), config.display().to_string()];
        let mut servers = Process::start(LOAD_CORE, &words, None, &folder.join("servers.log"))?;
        for port in ports {
            wait_for(port, &mut servers, &folder.join("servers.log"))?;
        }
        Ok(Self { programs, hierarchy, quota_percent, folder, ports, servers })
    }

    /// Starts a proxy and waits until it listens.
    pub(crate) fn start(&self, proxy: Proxy) -> Result<Running, String> {
        let [port] = free_ports::<1>()?;
        let mut configs = Vec::new();
        for template in proxy.templates() {
            configs.push(render(template, &self.folder, &self.ports, port)?);
        }
        let words = proxy.command(self.programs, &configs[0])?;
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
            match who_answers(running.port).and_then(|answers| judge(&answers, &self.ports)) {
                Ok(()) => return Ok(running),
                Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(100)),
                Err(fault) => return Err(format!("{}: {fault}", proxy.name())),
            }
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

/// What one of the servers said about a request: its port, its connection, `X-Forwarded-For`.
fn who_answers(port: u16) -> Result<Vec<String>, String> {
    let mut client = Client::connect(port)?;
    let mut answers = Vec::new();
    for _ in 0..PROBES {
        let body = client.fetch("/who")?;
        answers.push(String::from_utf8_lossy(&body).trim_end().to_owned());
    }
    Ok(answers)
}

/// Whether a proxy spread these requests, kept its connections and named the client.
pub(crate) fn judge(answers: &[String], ports: &[u16; 3]) -> Result<(), String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut connections = BTreeSet::new();
    for answer in answers {
        let mut words = answer.split(' ');
        let port = words.next().unwrap_or_default();
        connections.insert((port, words.next().unwrap_or_default()));
        *counts.entry(port).or_default() += 1;
        let forwarded_for: Vec<&str> = words.collect();
        // Any one address will do: Envoy puts the machine's own in the place of a loopback client.
        if forwarded_for.len() != 1 || forwarded_for[0].parse::<IpAddr>().is_err() {
            return Err(format!("X-Forwarded-For was `{}`, not an address", forwarded_for.join(" ")));
        }
    }
    let least = answers.len() / 3 - answers.len() / 10;
    for port in ports {
        let count = counts.get(port.to_string().as_str()).copied().unwrap_or(0);
        if count < least {
            return Err(format!("the server on port {port} got {count} of {} requests", answers.len()));
        }
    }
    if connections.len() > answers.len() / 3 {
        let (used, asked) = (connections.len(), answers.len());
        return Err(format!("{used} connections to the servers for {asked} requests: they are not kept"));
    }
    Ok(())
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

const PROBES: usize = 30;
const CHECK_PATIENCE: Duration = Duration::from_secs(5);
const START_PATIENCE: Duration = Duration::from_secs(20);
