//! A small HTTP client for checking a proxy and for holding connections open.
//!
//! It knows only what the bench's own servers send: a `Content-Length` and a whole body.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One kept connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    /// Connects to a port on this machine.
    pub(crate) fn connect(port: u16) -> Result<Self, String> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let fault = |error| format!("port {port}: {error}");
        let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(fault)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(fault)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(fault)?;
        Ok(Self { stream })
    }

    /// Sends a GET and reads the whole response; anything but a 200 is an error.
    pub(crate) fn fetch(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench.local\r\n\r\n");
        self.stream.write_all(request.as_bytes()).map_err(|error| format!("GET {path}: {error}"))?;
        // A fresh buffer per response is enough: nothing follows it before the next request.
        read_response(&mut BufReader::new(&mut self.stream)).map_err(|fault| format!("GET {path}: {fault}"))
    }
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
