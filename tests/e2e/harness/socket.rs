//! A socket of TCP, in the clear or under TLS as a client has it.
//!
//! It blocks for as long as its time-outs say, and looks at none of the bytes.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::certificates::Authority;

/// What a client brings to a handshake.
#[derive(Clone)]
pub(crate) struct Secrets {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Secrets {
    /// A client that trusts the authority, asks for that name and offers this protocol.
    pub(crate) fn trusting(authority: &Authority, name: &str, protocol: &str) -> Self {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(authority.path()).expect("an authority has a certificate");
        roots.add(root).expect("a certificate");
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.into()];
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        Self { config: Arc::new(config), name }
    }
}

/// A connection of a client whose kernel takes next to nothing for it.
#[track_caller]
pub(crate) fn narrow_client(address: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a size can be set");
    socket.connect(&address.into()).expect("evener accepts");
    socket.into()
}

/// A connected socket.
pub(crate) enum Socket {
    Clear(TcpStream),
    Secure(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Socket {
    /// Shakes hands. It fails if the other side does not choose the protocol that was offered.
    pub(crate) fn connect(address: SocketAddr, patience: Duration, secrets: &Secrets) -> io::Result<Self> {
        let mut socket = TcpStream::connect_timeout(&address, patience)?;
        socket.set_read_timeout(Some(patience))?;
        socket.set_write_timeout(Some(patience))?;
        socket.set_nodelay(true)?;
        let session = ClientConnection::new(Arc::clone(&secrets.config), secrets.name.clone());
        let mut session = session.map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        if session.alpn_protocol() != secrets.config.alpn_protocols.first().map(Vec::as_slice) {
            return Err(io::Error::other("another protocol was chosen"));
        }
        Ok(Self::Secure(Box::new(StreamOwned::new(session, socket))))
    }

    /// The socket below.
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Clear(socket) => socket,
            Self::Secure(stream) => &stream.sock,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.read(buffer),
            Self::Secure(stream) => read_secure(stream, buffer),
        }
    }
}

/// Reads without writing first, as rustls would: what the other side said before it closed is there, even when nothing can
/// be sent any more.
fn read_secure(stream: &mut StreamOwned<ClientConnection, TcpStream>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.conn.reader().read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
        stream.conn.read_tls(&mut stream.sock)?;
        stream.conn.process_new_packets().map_err(io::Error::other)?;
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.write(bytes),
            Self::Secure(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(socket) => socket.flush(),
            Self::Secure(stream) => stream.flush(),
        }
    }
}
