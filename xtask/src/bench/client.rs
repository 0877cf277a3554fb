//! A small client for checking a proxy and for holding connections open, in the clear or under TLS.
//!
//! It knows only what the bench's own servers send: a `Content-Length` and a whole body, or bytes
//! that come back as they were.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::tls;

/// One kept connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Client {
    /// Connects to a port on this machine.
    pub(crate) fn connect(port: u16) -> Result<Self, String> {
        Ok(Self { stream: Stream::Plain(open(port)?) })
    }

    /// Connects and does the handshake, which must agree on the protocol that was offered.
    pub(crate) fn connect_tls(port: u16, config: &Arc<ClientConfig>) -> Result<Self, String> {
        let mut socket = open(port)?;
        socket.set_nodelay(true).map_err(|error| format!("port {port}: {error}"))?;
        let mut session = ClientConnection::new(Arc::clone(config), tls::name()?)
            .map_err(|error| format!("port {port}: TLS: {error}"))?;
        while session.is_handshaking() {
            session.complete_io(&mut socket).map_err(|error| format!("port {port}: handshake: {error}"))?;
        }
        let (offered, agreed) = (config.alpn_protocols.first().map(Vec::as_slice), session.alpn_protocol());
        if offered != agreed {
            let shown = |name: Option<&[u8]>| name.map_or_else(|| "none".into(), String::from_utf8_lossy).into_owned();
            return Err(format!("port {port}: offered {}, agreed on {}", shown(offered), shown(agreed)));
        }
        Ok(Self { stream: Stream::Tls(Box::new(StreamOwned::new(session, socket))) })
    }

    /// Sends a GET and reads the whole response; anything but a 200 is an error.
    pub(crate) fn fetch(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench.local\r\n\r\n");
        self.send(request.as_bytes()).map_err(|error| format!("GET {path}: {error}"))?;
        // A fresh buffer per response is enough: nothing follows it before the next request.
        read_response(&mut BufReader::new(&mut self.stream)).map_err(|fault| format!("GET {path}: {fault}"))
    }

    /// Sends bytes and reads as many as `answer` holds.
    pub(crate) fn swap(&mut self, bytes: &[u8], answer: &mut [u8]) -> Result<(), String> {
        self.send(bytes).map_err(|error| format!("{} bytes: {error}", bytes.len()))?;
        self.stream.read_exact(answer).map_err(|error| format!("an answer of {} bytes: {error}", answer.len()))
    }

    /// Sends bytes and reads one line.
    pub(crate) fn ask(&mut self, bytes: &[u8]) -> Result<String, String> {
        self.send(bytes).map_err(|error| format!("asking: {error}"))?;
        line(&mut BufReader::new(&mut self.stream))
    }

    fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(bytes),
            Self::Tls(session) => session.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(session) => session.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(session) => session.flush(),
        }
    }
}

fn open(port: u16) -> Result<TcpStream, String> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let fault = |error| format!("port {port}: {error}");
    let socket = TcpStream::connect_timeout(&address, PATIENCE).map_err(fault)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(fault)?;
    socket.set_write_timeout(Some(PATIENCE)).map_err(fault)?;
    Ok(socket)
}

/// Reads one response with a `Content-Length`.
pub(crate) fn read_response(source: &mut impl BufRead) -> Result<Vec<u8>, String> {
    let status = line(source)?;
    if status.split(' ').nth(1) != Some("200") {
        return Err(format!("answered `{status}`"));
    }
    let mut length = None;
    loop {
        let field = line(source)?;
        if field.is_empty() {
            break;
        }
        if let Some((name, value)) = field.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let length = length.ok_or("answered without a Content-Length")?;
    let mut body = vec![0; length.min(BODY_BYTES_MAX)];
    source.read_exact(&mut body).map_err(|error| format!("body: {error}"))?;
    Ok(body)
}

fn line(source: &mut impl BufRead) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut limited = source.by_ref().take(LINE_BYTES_MAX);
    limited.read_until(b'\n', &mut bytes).map_err(|error| format!("head: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "head: not text".to_owned())?;
    text.strip_suffix("\r\n").map(str::to_owned).ok_or_else(|| "the connection ended in the head".to_owned())
}

const PATIENCE: Duration = Duration::from_secs(5);
const LINE_BYTES_MAX: u64 = 16 * 1024;
const BODY_BYTES_MAX: usize = 16 << 20;
