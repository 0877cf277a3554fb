//! Describes the machine and the versions, so that saved figures can be judged later.
//!
//! Nothing that names the machine or its owner is recorded.

use std::fs;
use std::process::Command;

use super::install::Programs;
use super::proxy::Proxy;

/// Where and with what a run was made.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    /// The day, UTC.
    pub(crate) date: String,
    /// The processor.
    pub(crate) processor: String,
    /// How many cores.
    pub(crate) cores: usize,
    /// Kernel name and version.
    pub(crate) kernel: String,
    /// Version of each proxy.
    pub(crate) versions: Vec<(Proxy, String)>,
}

/// Looks at the machine and asks the programs for their versions.
pub(crate) fn describe(programs: &Programs, proxies: &[Proxy]) -> Host {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Host {
        date: said("date", &["-u", "+%F"]).unwrap_or_default(),
        processor: model.map_or("unknown processor", |(_, name)| name.trim()).to_owned(),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        kernel: format!("Linux {}", kernel.trim().split('-').next().unwrap_or_default()),
        versions: proxies.iter().map(|proxy| (*proxy, version(programs, *proxy))).collect(),
    }
}

fn version(programs: &Programs, proxy: Proxy) -> String {
    let path = programs.path(proxy).map(|path| path.display().to_string()).unwrap_or_default();
    said(&path, &[proxy.version_words()]).and_then(|text| version_in(&text)).unwrap_or_else(|| "unknown".to_owned())
}

/// The first word of a text that looks like a version.
pub(crate) fn version_in(text: &str) -> Option<String> {
    text.split(|letter: char| letter.is_whitespace() || letter == '/').find_map(|word| {
        let word = word.trim_start_matches('v');
        let number = word.split(['-', '+']).next()?;
        let parts: Vec<&str> = number.split('.').collect();
        let is_version = parts.len() >= 3 && parts.iter().all(|part| part.parse::<u32>().is_ok());
        is_version.then(|| number.to_owned())
    })
}

fn said(program: &str, words: &[&str]) -> Option<String> {
    let output = Command::new(program).args(words).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&text).trim().to_owned())
}
