//! The world that the config asks about: files, the environment and host names.

use evener_config::World;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;

/// The real world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RealWorld;

impl World for RealWorld {
    fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }

    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        let path = Path::new(pattern);
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("the pattern names no file")?;
        if !name.contains('*') {
            return Ok(vec![pattern.to_owned()]);
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let listed = folder.unwrap_or_else(|| Path::new(".")).read_dir().map_err(|error| error.to_string())?;
        let mut found = Vec::new();
        for entry in listed {
            let entry = entry.map_err(|error| error.to_string())?.file_name();
            let Some(entry) = entry.to_str() else { continue };
            // A leading dot hides a file, as in the shell.
            if matches(name, entry) && !entry.starts_with('.') {
                let full = folder.map_or_else(|| entry.into(), |folder| folder.join(entry));
                found.push(full.to_string_lossy().into_owned());
            }
        }
        found.sort();
        Ok(found)
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        let addresses = (host, port).to_socket_addrs().map_err(|error| error.to_string())?;
        let mut distinct = Vec::new();
        for address in addresses {
            if !distinct.contains(&address) {
                distinct.push(address);
            }
        }
        Ok(distinct)
    }
}

/// Whether `name` fits a pattern in which each `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (index, part) in parts.iter().enumerate() {
        if index + 1 == parts.len() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_any_text() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}")
        };
        check("*.toml", "a.toml", true);
        check("*.toml", ".toml", true);
        check("*.toml", "a.toml.bak", false);
        check("site-*.toml", "site-a.toml", true);
        check("site-*.toml", "a.toml", false);
        check("*a*b*", "xaybz", true);
        check("*a*b*", "xbya", false);
        check("a.toml", "a.toml", true);
        check("a.toml", "b.toml", false);
    }
}
