//! Who is measured: proxies in their variants, as shipped and as a careful operator would set them.
//!
//! The settings themselves are the files of `bench/configs/tail`. How the programs come onto the
//! machine is told in `bench/install.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::install::Programs;
use crate::bench::proxy::Proxy;
use crate::command::workspace_root;

/// A proxy in one variant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Contestant {
    /// The word for it on the command line and in reports.
    pub(crate) name: &'static str,
    /// Which program.
    pub(crate) program: Program,
    /// What the variant stands for.
    pub(crate) kind: Kind,
    /// Its templates; the first is the file that it is started with.
    templates: &'static [&'static str],
    /// What `@BALANCE@` stands for in them.
    balance: &'static str,
}

/// A program to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// One of the proxies that `cargo xtask bench` measures too.
    Known(Proxy),
    /// An nginx newer than Debian's.
    NewNginx,
}

/// What a variant stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As it is shipped: only the servers' addresses, or one word for the algorithm.
    Stock,
    /// With ejection, retries and the algorithm that suits it best.
    Armed,
    /// With a limit of requests per server and a queue before it.
    Queue,
    /// evener with one of its other algorithms.
    Policy,
}

const fn variant(
    name: &'static str,
    program: Program,
    kind: Kind,
    templates: &'static [&'static str],
    balance: &'static str,
) -> Contestant {
    Contestant { name, program, kind, templates, balance }
}

const EVENER: Program = Program::Known(Proxy::Evener);
const NGINX: Program = Program::Known(Proxy::Nginx);
const HAPROXY: Program = Program::Known(Proxy::Haproxy);
const ENVOY: Program = Program::Known(Proxy::Envoy);
const TRAEFIK: Program = Program::Known(Proxy::Traefik);
const CADDY: Program = Program::Known(Proxy::Caddy);
const POLICY: &[&str] = &["evener.balance.toml"];

/// Every contestant, in the order of the tables.
pub(crate) const ALL: [Contestant; 23] = [
    variant("evener", EVENER, Kind::Stock, &["evener.toml"], ""),
    variant("evener:queue", EVENER, Kind::Queue, &["evener.queue.toml"], ""),
    variant("nginx", NGINX, Kind::Stock, &["nginx.conf"], ""),
    variant("nginx:least_conn", NGINX, Kind::Stock, &["nginx.conf"], "least_conn;"),
    variant("nginx:least_time", Program::NewNginx, Kind::Stock, &["nginx.conf"], "least_time header;"),
    variant("nginx:armed", Program::NewNginx, Kind::Armed, &["nginx.armed.conf"], "least_time header;"),
    variant("haproxy", HAPROXY, Kind::Stock, &["haproxy.cfg"], ""),
    variant("haproxy:armed", HAPROXY, Kind::Armed, &["haproxy.armed.cfg"], ""),
    variant("haproxy:queue", HAPROXY, Kind::Queue, &["haproxy.queue.cfg"], ""),
    variant("haproxy:shed", HAPROXY, Kind::Queue, &["haproxy.shed.cfg"], ""),
    variant("envoy", ENVOY, Kind::Stock, &["envoy.yaml"], ""),
    variant("envoy:armed", ENVOY, Kind::Armed, &["envoy.armed.yaml"], ""),
    variant("traefik", TRAEFIK, Kind::Stock, &["traefik.yaml", "traefik.routes.yaml"], ""),
    variant("traefik:armed", TRAEFIK, Kind::Armed, &["traefik.armed.yaml", "traefik.routes.armed.yaml"], ""),
    variant("caddy", CADDY, Kind::Stock, &["Caddyfile"], ""),
    variant("caddy:armed", CADDY, Kind::Armed, &["Caddyfile.armed"], ""),
    variant("evener:adaptive", EVENER, Kind::Policy, POLICY, "adaptive"),
    variant("evener:round_robin", EVENER, Kind::Policy, POLICY, "round_robin"),
    variant("evener:random", EVENER, Kind::Policy, POLICY, "random"),
    variant("evener:least_requests", EVENER, Kind::Policy, POLICY, "least_requests"),
    variant("evener:two_choices", EVENER, Kind::Policy, POLICY, "two_choices"),
    variant("evener:least_time", EVENER, Kind::Policy, POLICY, "least_time"),
    variant("evener:peak_ewma", EVENER, Kind::Policy, POLICY, "peak_ewma"),
];

/// Reads a contestant's name.
pub(crate) fn parse(word: &str) -> Result<&'static Contestant, String> {
    let names: Vec<&str> = ALL.iter().map(|contestant| contestant.name).collect();
    let found = ALL.iter().find(|contestant| contestant.name == word);
    found.ok_or_else(|| format!("`{word}` is not a contestant of `bench tail`: {}", names.join(", ")))
}

/// The proxies among some contestants, each once.
pub(crate) fn proxies(contestants: &[&Contestant]) -> Vec<Proxy> {
    let mut proxies = Vec::new();
    for contestant in contestants {
        match contestant.program {
            Program::Known(proxy) if !proxies.contains(&proxy) => proxies.push(proxy),
            Program::Known(_) | Program::NewNginx => {}
        }
    }
    proxies
}

impl Contestant {
    /// Writes its config and gives the command that starts it, with one worker, in the foreground.
    pub(crate) fn prepare(
        &self,
        programs: &Programs,
        folder: &Path,
        port: u16,
        servers: &[u16],
    ) -> Result<Vec<String>, String> {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut written: Vec<PathBuf> = Vec::new();
        for template in self.templates() {
            let source = workspace_root().join("bench/configs/tail").join(template);
            let text = fs::read_to_string(&source).map_err(|error| format!("{}: {error}", source.display()))?;
            let text = text
                .replace("@DIR@", &folder.display().to_string())
                .replace("@PORT@", &port.to_string())
                .replace("@BALANCE@", self.balance);
            let path = folder.join(template);
            fs::write(&path, for_each_server(&text, servers))
                .map_err(|error| format!("{}: {error}", path.display()))?;
            written.push(path);
        }
        Ok(self.program.proxy().command_of(self.program.path(programs)?, &written[0]))
    }

    /// Its templates in `bench/configs/tail`.
    pub(crate) fn templates(&self) -> &'static [&'static str] {
        self.templates
    }

    /// Its name as a file's name.
    pub(crate) fn file_name(&self) -> String {
        self.name.replace(':', "-")
    }
}

impl Program {
    /// How much of its core it uses, in steps of a sixth: what 1200 requests a second were seen to cost.
    pub(crate) fn weight(self) -> usize {
        match self.proxy() {
            Proxy::Evener | Proxy::Nginx | Proxy::Haproxy => 1,
            Proxy::Envoy | Proxy::Traefik | Proxy::Caddy => 2,
        }
    }

    /// The proxy whose command line it has.
    fn proxy(self) -> Proxy {
        match self {
            Self::Known(proxy) => proxy,
            Self::NewNginx => Proxy::Nginx,
        }
    }

    fn path(self, programs: &Programs) -> Result<&Path, String> {
        match self {
            Self::Known(proxy) => programs.path(proxy),
            Self::NewNginx => programs.new_nginx(),
        }
    }
}

/// Repeats each line that names a server for every one of them.
pub(crate) fn for_each_server(text: &str, servers: &[u16]) -> String {
    let mut filled = String::new();
    for line in text.lines() {
        let copies = if line.contains("@SERVER@") { servers } else { &servers[..1] };
        for (index, port) in copies.iter().enumerate() {
            filled += &line.replace("@SERVER@", &port.to_string()).replace("@INDEX@", &(index + 1).to_string());
            filled.push('\n');
        }
    }
    filled
}
