//! A client that tells how a handshake went: rustls over a blocking socket, with a deadline on every wait.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};

use super::authority::{Authority, Issued};
use crate::harness::wait::PATIENCE;

pub(crate) const ONLY_12: &[&SupportedProtocolVersion] = &[&TLS12];
pub(crate) const ONLY_13: &[&SupportedProtocolVersion] = &[&TLS13];
const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// What a client is like. Connections of one client share their sessions.
#[derive(Clone)]
pub(crate) struct Client {
    config: Arc<ClientConfig>,
}

/// What a client is to be like.
pub(crate) struct Build<'a> {
    roots: &'a str,
    versions: &'static [&'static SupportedProtocolVersion],
    shown: Option<&'a Issued>,
    protocols: &'a [&'a str],
    sends_name: bool,
}

impl<'a> Build<'a> {
    pub(crate) fn trusting(authority: &'a Authority) -> Self {
        Self { roots: &authority.pem, versions: BOTH, shown: None, protocols: &[], sends_name: true }
    }

    pub(crate) fn versions(self, versions: &'static [&'static SupportedProtocolVersion]) -> Self {
        Self { versions, ..self }
    }

    pub(crate) fn showing(self, shown: &'a Issued) -> Self {
        Self { shown: Some(shown), ..self }
    }

    pub(crate) fn protocols(self, protocols: &'a [&'a str]) -> Self {
        Self { protocols, ..self }
    }

    pub(crate) fn nameless(self) -> Self {
        Self { sends_name: false, ..self }
    }

    pub(crate) fn done(self) -> Client {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(self.roots.as_bytes()) {
            roots.add(root.expect("PEM")).expect("a certificate");
        }
        let builder = ClientConfig::builder_with_protocol_versions(self.versions).with_root_certificates(roots);
        let mut config = match self.shown {
            None => builder.with_no_client_auth(),
            Some(shown) => builder.with_client_auth_cert(chain(shown), key(shown)).expect("a fitting key"),
        };
        config.alpn_protocols = self.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.enable_sni = self.sends_name;
        Client { config: Arc::new(config) }
    }
}

pub(crate) fn chain(issued: &Issued) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(issued.chain.as_bytes()).map(|der| der.expect("PEM")).collect()
}

pub(crate) fn key(issued: &Issued) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key in PEM")
}

impl Client {
    /// A connection after the client's part of the handshake. With TLS 1.3 the server may still turn it away.
    pub(crate) fn connect(&self, address: SocketAddr, name: &str) -> io::Result<Connection> {
        let mut socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut session = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        Ok(Connection { stream: StreamOwned::new(session, socket) })
    }

    /// A connection on which a ClientHello was sent and nothing will follow.
    pub(crate) fn begin(&self, address: SocketAddr, name: &str) -> TcpStream {
        let mut socket = TcpStream::connect_timeout(&address, PATIENCE).expect("it accepts");
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut session = ClientConnection::new(Arc::clone(&self.config), name).expect("a good config");
        session.write_tls(&mut socket).expect("it can be sent");
        socket
    }

    /// A connection in the middle of its handshake: the server has answered and waits for the rest.
    pub(crate) fn half(&self, address: SocketAddr, name: &str) -> Half {
        let mut socket = TcpStream::connect_timeout(&address, PATIENCE).expect("it accepts");
        socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut session = ClientConnection::new(Arc::clone(&self.config), name).expect("a good config");
        session.write_tls(&mut socket).expect("it can be sent");
        session.read_tls(&mut socket).expect("the server answers");
        Half { session, socket }
    }

    /// The answer to a GET on a new connection, or why there is none.
    pub(crate) fn try_get(&self, address: SocketAddr, host: &str) -> Result<Answer, String> {
        let mut connection = self.connect(address, host).map_err(|error| error.to_string())?;
        connection.get(host, "/").map_err(|error| error.to_string())
    }

    #[track_caller]
    pub(crate) fn get(&self, address: SocketAddr, host: &str) -> Answer {
        match self.try_get(address, host) {
            Ok(answer) => answer,
            Err(error) => panic!("no answer from {host}: {error}"),
        }
    }
}

/// A handshake that has begun.
pub(crate) struct Half {
    session: ClientConnection,
    socket: TcpStream,
}

impl Half {
    /// The rest of it.
    pub(crate) fn finish(mut self) -> io::Result<Connection> {
        self.session.process_new_packets().map_err(io::Error::other)?;
        while self.session.is_handshaking() {
            self.session.complete_io(&mut self.socket)?;
        }
        while self.session.wants_write() {
            self.session.write_tls(&mut self.socket)?;
        }
        Ok(Connection { stream: StreamOwned::new(self.session, self.socket) })
    }
}

/// A connection of a client.
pub(crate) struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

/// What came for a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

impl Connection {
    pub(crate) fn send(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())?;
        self.stream.flush()
    }

    /// The answer to a GET.
    pub(crate) fn get(&mut self, host: &str, path: &str) -> io::Result<Answer> {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))?;
        self.answer()
    }

    /// The next answer, whose body has a length.
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend_from_slice(&self.bytes(1)?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status: {head}")))?;
        let mut answer = Answer { status, head, body: String::new() };
        let length = answer.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        answer.body = String::from_utf8_lossy(&self.bytes(length)?).into_owned();
        Ok(answer)
    }

    fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Everything until the end; an error if the end was not announced, as a cut connection has none.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest)?;
        Ok(rest)
    }

    pub(crate) fn protocol(&self) -> Option<String> {
        self.stream.conn.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned())
    }

    pub(crate) fn version(&self) -> ProtocolVersion {
        self.stream.conn.protocol_version().expect("the handshake is over")
    }

    /// The name of the key exchange.
    pub(crate) fn exchange(&self) -> String {
        let group = self.stream.conn.negotiated_key_exchange_group().expect("the handshake is over");
        format!("{:?}", group.name())
    }

    pub(crate) fn is_resumed(&self) -> bool {
        self.stream.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The certificate that the server has shown.
    pub(crate) fn shown(&self) -> Vec<u8> {
        let chain = self.stream.conn.peer_certificates().expect("a server shows one");
        chain.first().expect("a chain has a first").to_vec()
    }
}
