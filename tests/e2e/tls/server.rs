//! A server that speaks TLS and remembers who came: what name was asked for, which certificate shown, which protocol
//! agreed on. One thread a connection; it answers every request alike.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::authority::{Authority, Issued};
use super::client::{chain, key};
use crate::harness::ports;
use crate::harness::recorder::ok;
use crate::harness::wait::PATIENCE;

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visit {
    pub(crate) name: Option<String>,
    pub(crate) shown: Option<Vec<u8>>,
}

/// The running server. It stops when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    visits: Arc<Mutex<Vec<Visit>>>,
    is_over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// One that shows this certificate, answers with this body, and lets in only those whom `clients` vouches for.
    pub(crate) fn start(own: &Issued, body: &str, clients: Option<&Authority>) -> Self {
        Self::offering(own, body, clients, &[])
    }

    /// The same that agrees to one of these protocols (ALPN); what it speaks is HTTP/1.1.
    pub(crate) fn offering(own: &Issued, body: &str, clients: Option<&Authority>, protocols: &[&str]) -> Self {
        let builder = ServerConfig::builder();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                let root = CertificateDer::from_pem_slice(authority.pem.as_bytes()).expect("PEM");
                roots.add(root).expect("a certificate");
                let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("a verifier");
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain(own), key(own)).expect("a fitting key");
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let config = Arc::new(config);
        let address = ports::free_address();
        let listener = ports::listen(address);
        let (visits, is_over) = (Arc::<Mutex<Vec<Visit>>>::default(), Arc::<AtomicBool>::default());
        let (seen, over, answer) = (Arc::clone(&visits), Arc::clone(&is_over), ok(body));
        let accepting = std::thread::spawn(move || accept(&listener, &config, &seen, &over, &answer));
        Self { address, visits, is_over, accepting: Some(accepting) }
    }

    pub(crate) fn visits(&self) -> Vec<Visit> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // The accepting thread wakes up for this connection, sees the flag and goes.
        drop(TcpStream::connect_timeout(&self.address, PATIENCE));
        if let Some(accepting) = self.accepting.take() {
            accepting.join().expect("the accepting thread ends without a panic");
        }
    }
}

fn accept(
    listener: &TcpListener,
    config: &Arc<ServerConfig>,
    visits: &Arc<Mutex<Vec<Visit>>>,
    is_over: &AtomicBool,
    answer: &str,
) {
    for socket in listener.incoming().flatten() {
        if is_over.load(Ordering::Acquire) {
            return;
        }
        let (config, visits, answer) = (Arc::clone(config), Arc::clone(visits), answer.to_owned());
        std::thread::spawn(move || {
            // Whoever leaves ends it.
            drop(serve(socket, config, &visits, &answer));
        });
    }
}

fn serve(
    socket: TcpStream,
    config: Arc<ServerConfig>,
    visits: &Mutex<Vec<Visit>>,
    answer: &str,
) -> std::io::Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    let session = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(session, socket);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let name = stream.conn.server_name().map(str::to_owned);
        let shown = stream.conn.peer_certificates().and_then(|chain| chain.first()).map(|own| own.to_vec());
        visits.lock().unwrap_or_else(PoisonError::into_inner).push(Visit { name, shown });
        stream.write_all(answer.as_bytes())?;
        stream.flush()?;
    }
}
