//! What the config must know of the world, as questions that the caller answers. No answer is kept here.

use std::net::SocketAddr;

/// Files, variables and names, asked for while a config is read.
pub trait World {
    /// The text of a file. `path` is absolute, or relative as the path of the config file is.
    fn read(&self, path: &str) -> Result<String, String>;
    /// The files that a pattern such as `conf.d/*.toml` names, sorted. Relative as in [`World::read`].
    fn glob(&self, pattern: &str) -> Result<Vec<String>, String>;
    /// The value of an environment variable.
    fn variable(&self, name: &str) -> Option<String>;
    /// The addresses of a host name.
    fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String>;
}

/// A world with nothing in it: no files, no variables, no names.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWorld;

impl World for NoWorld {
    fn read(&self, _path: &str) -> Result<String, String> {
        Err(String::from("there are no files here"))
    }

    fn glob(&self, _pattern: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }

    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    fn resolve(&self, _host: &str, _port: u16) -> Result<Vec<SocketAddr>, String> {
        Err(String::from("there are no names here"))
    }
}
