//! The servers of the matrix, and an evener in front of them all: each is a path of its site.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::Evener;
use crate::harness::certificates::{Authority, Files};
use crate::harness::client::RawClient;
use crate::harness::evener::Folder;
use crate::harness::ports::free_address;
use crate::harness::process::Process;
use crate::harness::python::{PythonServer, python, workspace_root};
use crate::harness::wait::{PATIENCE, eventually};

/// A server as evener knows it.
pub(super) struct Entry {
    pub(super) name: &'static str,
    protocol: &'static str,
    address: SocketAddr,
    /// Whether it can send trailers.
    pub(super) has_trailers: bool,
}

/// Everything that a client needs to be in front of.
pub(super) struct Farm {
    pub(super) evener: Evener,
    /// Where it speaks TLS.
    pub(super) secure: SocketAddr,
    pub(super) authority: Authority,
    pub(super) entries: Vec<Entry>,
    pub(super) aiohttp: PythonServer,
    _servers: Vec<Process>,
    _folder: Folder,
}

impl Farm {
    pub(super) fn start() -> Self {
        let authority = Authority::new();
        let files = authority.issue("localhost");
        let folder = Folder::new();
        let aiohttp = PythonServer::script(&script("aiohttp_server.py"));
        let [hypercorn, hypercorn_tls, node, node_h2c, node_tls, nginx, nginx_h2c, nginx_tls] =
            std::array::from_fn(|_| free_address());
        let servers = vec![
            start(
                python().arg(script("hypercorn_server.py")).args(ports(&[hypercorn, hypercorn_tls])),
                &files,
                &[hypercorn, hypercorn_tls],
            ),
            start(
                Command::new("node").arg(script("node_server.mjs")).args(ports(&[node, node_h2c, node_tls])),
                &files,
                &[node, node_h2c, node_tls],
            ),
            start_nginx(&folder.0, &files, [nginx, nginx_h2c, nginx_tls]),
        ];
        let entry = |name, protocol, address, has_trailers| Entry { name, protocol, address, has_trailers };
        let entries = vec![
            entry("aiohttp", "http1", aiohttp.address, false),
            entry("hypercorn-h2c", "h2c", hypercorn, true),
            entry("hypercorn-h2", "h2", hypercorn_tls, true),
            entry("node", "http1", node, true),
            entry("node-h2c", "h2c", node_h2c, true),
            entry("node-h2", "h2", node_tls, true),
            entry("nginx", "http1", nginx, false),
            entry("nginx-h2c", "h2c", nginx_h2c, false),
            entry("nginx-h2", "h2", nginx_tls, false),
        ];
        let secure = free_address();
        let evener = Evener::start(&config(&entries, secure, &authority, &files));
        eventually(PATIENCE, "evener listens for TLS", || RawClient::try_connect(secure).is_ok());
        Self { evener, secure, authority, entries, aiohttp, _servers: servers, _folder: folder }
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.entries.iter().map(|entry| entry.name).collect()
    }

    /// The site without TLS and with it.
    pub(super) fn clear_url(&self) -> String {
        format!("http://{}", self.evener.address())
    }

    pub(super) fn secure_url(&self) -> String {
        format!("https://localhost:{}", self.secure.port())
    }
}

/// A file of this folder.
pub(super) fn script(name: &str) -> PathBuf {
    workspace_root().join("tests/e2e/interop").join(name)
}

fn config(entries: &[Entry], secure: SocketAddr, authority: &Authority, files: &Files) -> String {
    let route = |entry: &Entry| {
        let name = entry.name;
        format!("[[site.route]]\npath = \"/{name}/\"\nstrip_prefix = \"/{name}\"\nto = \"{name}\"\n")
    };
    let routes: String = entries.iter().map(route).collect();
    let upstream = |entry: &Entry| {
        let Entry { name, protocol, address, .. } = entry;
        let tls = match *protocol {
            "h2" => format!("tls = {{ ca = \"{}\", sni = \"localhost\" }}\n", authority.path()),
            _ => String::new(),
        };
        format!("[upstream.{name}]\nservers = [\"{address}\"]\nprotocol = \"{protocol}\"\n{tls}")
    };
    let upstreams: String = entries.iter().map(upstream).collect();
    let tls = format!(
        "tls = {{ cert = \"{}\", key = \"{}\" }}\nredirect_from = []",
        files.cert.display(),
        files.key.display()
    );
    format!(
        "workers = 2\n[log]\naccess = \"stdout\"\nformat = \"json\"\n\
         [[site]]\nlisten = \"{{listen}}\"\nhttp2 = true\n{routes}\n\
         [[site]]\nlisten = \"{secure}\"\n{tls}\n{routes}\n{upstreams}"
    )
}

fn ports(addresses: &[SocketAddr]) -> Vec<String> {
    addresses.iter().map(|address| address.port().to_string()).collect()
}

fn start(command: &mut Command, files: &Files, addresses: &[SocketAddr]) -> Process {
    let mut process = Process::start(command.arg(&files.cert).arg(&files.key));
    addresses.iter().for_each(|address| process.wait_until_accepting(*address));
    process
}

fn start_nginx(folder: &Path, files: &Files, addresses: [SocketAddr; 3]) -> Process {
    let large: Vec<u8> = super::matrix::large();
    let folder_text = folder.to_str().expect("temporary folders have plain names");
    let root = folder.join("www");
    std::fs::create_dir(&root).expect("a folder can be made");
    std::fs::write(root.join("large"), &large).expect("it can be written");
    std::fs::write(root.join("stream"), super::matrix::streamed()).expect("it can be written");
    let mut text = std::fs::read_to_string(script("nginx.conf")).expect("the template is there");
    let [clear, http2, secure] = addresses.map(|address| address.port().to_string());
    let paths = [&files.cert, &files.key].map(|path| path.display().to_string());
    let words = [
        ("{folder}", folder_text),
        ("{plain}", &clear),
        ("{clear}", &http2),
        ("{secure}", &secure),
        ("{cert}", &paths[0]),
        ("{key}", &paths[1]),
    ];
    for (word, value) in words {
        text = text.replace(word, value);
    }
    let path = folder.join("nginx.conf");
    std::fs::write(&path, text).expect("it can be written");
    let mut process = Process::start(Command::new("/usr/sbin/nginx").arg("-c").arg(&path).arg("-p").arg(folder));
    addresses.iter().for_each(|address| process.wait_until_accepting(*address));
    process
}
