//! One visit under TLS: connect, a whole handshake, one GET, the end of the connection.
//!
//! Nothing is resumed and no certificate is checked; a session that was not made by a whole
//! handshake is an error, because something else would be measured.

use std::io::{self, Cursor, Read, Write};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use tokio::net::TcpStream;

use super::socket;
use crate::bench::{client, tls};

/// What is asked, of whom.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    port: u16,
    request: Arc<[u8]>,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Visit {
    /// Visits to this path of this port.
    pub(super) fn new(port: u16, path: &str) -> Result<Self, String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
        let request = request.into_bytes().into();
        Ok(Self { port, request, config: tls::client("http/1.1")?, name: tls::name()? })
    }

    /// One of them, to its end.
    pub(super) async fn pay(&self) -> Result<(), String> {
        let mut socket = socket::connect(self.port).await.map_err(|error| format!("connecting: {error}"))?;
        let mut session = ClientConnection::new(Arc::clone(&self.config), self.name.clone())
            .map_err(|error| format!("TLS: {error}"))?;
        // It is kept until the handshake is done and goes out with the client's last message.
        session.writer().write_all(&self.request).map_err(|error| format!("TLS: {error}"))?;
        let mut answer = Vec::with_capacity(1024);
        converse(&mut socket, &mut session, &mut answer).await.map_err(|error| format!("TLS: {error}"))?;
        if session.handshake_kind() != Some(HandshakeKind::Full) {
            return Err(format!("the handshake was {:?}, not a whole one", session.handshake_kind()));
        }
        client::read_response(&mut Cursor::new(answer)).map(|_| ())
    }
}

/// Sends what the session has to send and reads until the peer closes.
async fn converse(socket: &mut TcpStream, session: &mut ClientConnection, answer: &mut Vec<u8>) -> io::Result<()> {
    let mut room = [0; 8192];
    let mut output = Vec::new();
    loop {
        while session.wants_write() {
            session.write_tls(&mut output)?;
        }
        socket::write_all(socket, &output).await?;
        output.clear();
        let length = socket::read(socket, &mut room).await?;
        let mut input = &room[..length];
        while !input.is_empty() {
            session.read_tls(&mut input)?;
            let state = session.process_new_packets().map_err(io::Error::other)?;
            let plain = state.plaintext_bytes_to_read();
            if plain > 0 {
                let read_before = answer.len();
                answer.resize(read_before + plain, 0);
                session.reader().read_exact(&mut answer[read_before..])?;
            }
            if state.peer_has_closed() {
                return Ok(());
            }
        }
        if length == 0 {
            return Ok(());
        }
    }
}
