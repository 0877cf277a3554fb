//! The world of a golden case: the files, variables and names that the case describes.

use evener_config::World;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

pub(crate) const DASHES: &str = "----------------------------------------";

const FILE: &str = "--- file: ";

pub(crate) struct Case {
    /// Everything before the dashes, as it stands.
    pub(crate) input: String,
    pub(crate) expected: String,
    pub(crate) world: Described,
}

pub(crate) struct Described {
    files: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    names: BTreeMap<String, Vec<IpAddr>>,
}

impl Case {
    pub(crate) fn read(text: &str) -> Self {
        let (input, expected) = match text.split_once(&format!("{DASHES}\n")) {
            Some((input, expected)) => (input.to_owned(), expected.to_owned()),
            None => (text.to_owned(), String::new()),
        };
        let mut world = Described { files: BTreeMap::new(), variables: BTreeMap::new(), names: BTreeMap::new() };
        let mut name = String::from("evener.toml");
        world.files.insert(name.clone(), String::new());
        for line in input.split_inclusive('\n') {
            if let Some(file) = line.strip_prefix(FILE) {
                name = file.trim().to_owned();
                world.files.insert(name.clone(), String::new());
            } else if let Some(fact) = line.strip_prefix("#: ") {
                world.learn(fact.trim());
            } else {
                world.files.get_mut(&name).unwrap().push_str(line);
            }
        }
        Self { input, expected, world }
    }
}

impl Described {
    fn learn(&mut self, fact: &str) {
        if let Some((name, value)) = fact.strip_prefix("env ").and_then(|fact| fact.split_once('=')) {
            self.variables.insert(name.to_owned(), value.replace("\\n", "\n"));
        } else if let Some((name, addresses)) = fact.strip_prefix("dns ").and_then(|fact| fact.split_once('=')) {
            let addresses = addresses.split(',').map(str::trim).filter(|address| !address.is_empty());
            let addresses = addresses.map(|address| address.parse().unwrap()).collect();
            self.names.insert(name.trim().to_owned(), addresses);
        } else {
            panic!("not a fact: {fact}");
        }
    }
}

impl World for Described {
    fn read(&self, path: &str) -> Result<String, String> {
        self.files.get(path).cloned().ok_or_else(|| String::from("no such file"))
    }

    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        let (before, after) = pattern.split_once('*').unwrap();
        let fits = |path: &&String| {
            let middle = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            middle.is_some_and(|middle| !middle.contains('/'))
        };
        Ok(self.files.keys().filter(fits).cloned().collect())
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        let addresses = self.names.get(host).ok_or_else(|| String::from("no such name"))?;
        Ok(addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())
    }
}
