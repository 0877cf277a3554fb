//! The world that the config asks about: files, the environment and host names. What they mean is not its business.

use crate::operator::reason;
use evener_config::{NoWorld, World};
use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;

/// No config is that long; a device such as /dev/zero is.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The real world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RealWorld;

impl World for RealWorld {
    fn read(&self, path: &str) -> Result<String, String> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|error| reason(&error))?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(format!("it is longer than {} MiB, so it is no config", FILE_BYTES_MAX >> 20));
        }
        String::from_utf8(bytes).map_err(|_| String::from("it is not UTF-8 text"))
    }

    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        let path = Path::new(pattern);
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("the pattern names no file")?;
        if !name.contains('*') {
            return Ok(vec![pattern.to_owned()]);
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let listed = folder.unwrap_or_else(|| Path::new(".")).read_dir().map_err(|error| reason(&error))?;
        let mut found = Vec::new();
        for entry in listed {
            let entry = entry.map_err(|error| reason(&error))?.file_name();
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
        let addresses = (host, port).to_socket_addrs().map_err(|error| {
            let reason = reason(&error);
            // The standard library says twice that it is about names.
            reason.strip_prefix("failed to lookup address information: ").unwrap_or(&reason).to_owned()
        })?;
        let mut distinct = Vec::new();
        for address in addresses {
            if !distinct.contains(&address) {
                distinct.push(address);
            }
        }
        Ok(distinct)
    }
}

/// A world in which every name has an address, for judging a single value without asking anyone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unresolved;

impl World for Unresolved {
    fn read(&self, path: &str) -> Result<String, String> {
        NoWorld.read(path)
    }

    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        NoWorld.glob(pattern)
    }

    fn variable(&self, name: &str) -> Option<String> {
        NoWorld.variable(name)
    }

    fn resolve(&self, _host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))])
    }
}

/// Whether `name` fits a pattern in which each `*` stands for any text.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
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
