//! The proxies: their names, config templates and command lines.
//!
//! How they come onto the machine is in `install.rs`; how they are run is in `stand.rs`.

use std::path::Path;

use super::front::Front;
use super::install::Programs;

/// A proxy that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proxy {
    Evener,
    Nginx,
    Haproxy,
    Envoy,
    Traefik,
    Caddy,
}

impl Proxy {
    /// Every proxy.
    pub(crate) const ALL: [Self; 6] =
        [Self::Evener, Self::Nginx, Self::Haproxy, Self::Envoy, Self::Traefik, Self::Caddy];
    /// The ones for the daily loop.
    pub(crate) const QUICK: [Self; 3] = [Self::Evener, Self::Nginx, Self::Haproxy];
    /// The two that the bars are set against.
    pub(crate) const STANDARD: [Self; 2] = [Self::Nginx, Self::Haproxy];

    /// Reads a proxy's name.
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|proxy| proxy.name() == word);
        found.ok_or_else(|| format!("`{word}` is not a proxy: evener, nginx, haproxy, envoy, traefik, caddy"))
    }

    /// The word for it on the command line and in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Evener => "evener",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
        }
    }

    /// Its templates in `bench/configs` for a front; the first is the file that it is started with.
    /// Empty if nobody has set it up for that.
    pub(crate) fn templates(self, front: Front) -> &'static [&'static str] {
        match (self, front) {
            (Self::Evener, Front::Http1) => &["evener.toml"],
            (Self::Evener, Front::Https) => &["tls/evener.toml"],
            (Self::Evener, Front::Tcp) => &["tcp/evener.toml"],
            (Self::Nginx, Front::Http1) => &["nginx.conf"],
            (Self::Nginx, Front::Https) => &["tls/nginx.conf"],
            (Self::Nginx, Front::Tcp) => &["tcp/nginx.conf"],
            (Self::Haproxy, Front::Http1) => &["haproxy.cfg"],
            (Self::Haproxy, Front::Https) => &["tls/haproxy.cfg"],
            (Self::Haproxy, Front::Tcp) => &["tcp/haproxy.cfg"],
            (Self::Envoy, Front::Http1) => &["envoy.yaml"],
            (Self::Traefik, Front::Http1) => &["traefik.yaml", "traefik.routes.yaml"],
            (Self::Caddy, Front::Http1) => &["Caddyfile"],
            (Self::Envoy | Self::Traefik | Self::Caddy, Front::Https | Front::Tcp) => &[],
        }
    }

    /// The program and its arguments for a config file, in the foreground, with one worker.
    pub(crate) fn command(self, programs: &Programs, config: &Path) -> Result<Vec<String>, String> {
        Ok(self.command_of(programs.path(self)?, config))
    }

    /// The same for a program that is somewhere else.
    pub(crate) fn command_of(self, program: &Path, config: &Path) -> Vec<String> {
        let program = program.display().to_string();
        let config = config.display().to_string();
        let words: &[&str] = match self {
            Self::Evener => &["run", &config],
            Self::Nginx => &["-c", &config],
            Self::Haproxy => &["-db", "-f", &config],
            Self::Envoy => &["-c", &config, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"],
            Self::Traefik => {
                return vec![program, format!("--configFile={config}")];
            }
            Self::Caddy => &["run", "--config", &config, "--adapter", "caddyfile"],
        };
        std::iter::once(program).chain(words.iter().map(|word| (*word).to_owned())).collect()
    }

    /// The words that print its version.
    pub(crate) fn version_words(self) -> &'static str {
        match self {
            Self::Evener | Self::Envoy => "--version",
            Self::Nginx | Self::Haproxy => "-v",
            Self::Traefik | Self::Caddy => "version",
        }
    }
}
