//! TLS for the tests of this folder: a server that says its name, and a client whose first message can be looked at and
//! cut before it goes out.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::harness::certificates::{Authority, Files};
use crate::harness::ports::{free_address, listen};
use crate::harness::wait::PATIENCE;

/// A server that ends TLS, says its name, and sends back what it gets until the end of it.
pub(super) struct TlsServer {
    pub(super) address: SocketAddr,
}

impl TlsServer {
    /// `protocols` are those of ALPN that it insists on; none: it does not care.
    pub(super) fn new(name: &'static str, files: &Files, protocols: &[&[u8]]) -> Self {
        let chain = CertificateDer::pem_file_iter(&files.cert).expect("a file").collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_file(&files.key).expect("a key");
        let config = ServerConfig::builder().with_no_client_auth();
        let mut config = config.with_single_cert(chain.expect("certificates"), key).expect("they match");
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let address = free_address();
        let (listener, config) = (listen(address), Arc::new(config));
        // It ends with the process; nobody connects once the test is over.
        thread::spawn(move || serve(&listener, &config, name));
        Self { address }
    }
}

fn serve(listener: &TcpListener, config: &Arc<ServerConfig>, name: &'static str) {
    for stream in listener.incoming().flatten() {
        let config = Arc::clone(config);
        thread::spawn(move || {
            stream.set_read_timeout(Some(PATIENCE)).expect("an option can be set");
            let connection = ServerConnection::new(config).expect("a good config");
            let mut stream = StreamOwned::new(connection, stream);
            let mut piece = [0; 64 * 1024];
            if stream.write_all(name.as_bytes()).is_err() {
                return;
            }
            loop {
                match stream.read(&mut piece) {
                    Ok(count @ 1..) if stream.write_all(&piece[..count]).is_ok() => {}
                    Ok(0) => break,
                    Ok(_) | Err(_) => return,
                }
            }
            stream.conn.send_close_notify();
            drop(stream.flush());
        });
    }
}

/// How a client begins.
pub(super) struct Hello {
    connection: ClientConnection,
    pub(super) bytes: Vec<u8>,
}

impl Hello {
    /// The first message for this name; without one the server cannot choose by it. `protocols` make it long.
    pub(super) fn new(authority: &Authority, name: &str, has_sni: bool, protocols: Vec<Vec<u8>>) -> Self {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::pem_file_iter(authority.path()).expect("a file");
        roots.add_parsable_certificates(authority.flatten());
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.enable_sni = has_sni;
        config.alpn_protocols = protocols;
        let name = ServerName::try_from(name.to_owned()).expect("a good name");
        let mut connection = ClientConnection::new(Arc::new(config), name).expect("a good config");
        let mut bytes = Vec::new();
        while connection.wants_write() {
            connection.write_tls(&mut bytes).expect("a vector takes everything");
        }
        Self { connection, bytes }
    }

    /// The same message in records of at most so many bytes.
    pub(super) fn in_records(mut self, most: usize) -> Self {
        let (start, message) = self.bytes.split_at(5);
        let records = message.chunks(most).map(|piece| {
            let length = u16::try_from(piece.len()).expect("a record is short");
            [&start[..3], &length.to_be_bytes(), piece].concat()
        });
        self.bytes = records.flatten().collect();
        self
    }

    /// Goes on after the pieces of the message have been sent one by one.
    pub(super) fn send(self, address: SocketAddr, piece_bytes: usize) -> StreamOwned<ClientConnection, TcpStream> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).expect("evener listens");
        stream.set_nodelay(true).expect("an option can be set");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option can be set");
        for piece in self.bytes.chunks(piece_bytes) {
            stream.write_all(piece).expect("it is sent");
            if piece_bytes < 100 {
                // So that the pieces do not travel as one.
                thread::sleep(Duration::from_micros(200));
            }
        }
        StreamOwned::new(self.connection, stream)
    }
}

/// Reads exactly so many bytes.
#[track_caller]
pub(super) fn read(stream: &mut impl Read, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).expect("so many bytes come");
    bytes
}
