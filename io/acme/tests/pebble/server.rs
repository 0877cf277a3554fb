//! An HTTPS server of the test's own that answers what a function says, one request a connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData as _};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A certificate for 127.0.0.1 and the authority that signed it.
pub(crate) struct Identity {
    pub(crate) ca_pem: String,
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let mut wanted = CertificateParams::default();
        wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().unwrap();
        // Names that differ: otherwise a wrong root is told by its signature.
        let name = ca_key.der_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        wanted.distinguished_name.push(DnType::CommonName, &name[..32]);
        let ca_pem = wanted.self_signed(&ca_key).unwrap().pem();
        let ca = Issuer::new(wanted, ca_key);
        let key = KeyPair::generate().unwrap();
        let wanted = CertificateParams::new([String::from("127.0.0.1")]).unwrap();
        let chain_pem = wanted.signed_by(&key, &ca).unwrap().pem();
        Self { ca_pem, chain_pem, key_pem: key.serialize_pem() }
    }
}

/// A whole answer for a method and a path.
pub(crate) type Script = Box<dyn FnMut(&str, &str) -> Vec<u8> + Send>;

/// Serves on a port of its own for as long as the test process lives. Returns its URL without a path.
pub(crate) fn serve(identity: &Identity, mut script: Script) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(identity.chain_pem.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, Arc::clone(&config), &mut script);
        }
    });
    url
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>, script: &mut Script) {
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config).unwrap(), stream));
    let mut request = String::new();
    if stream.read_line(&mut request).is_err() {
        return;
    }
    let mut body_bytes = 0;
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line == "\r\n" => break,
            Ok(_) => {}
        }
        if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            body_bytes = length.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; body_bytes];
    if stream.read_exact(&mut body).is_err() {
        return;
    }
    let mut words = request.split(' ');
    let answer = script(words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let stream = stream.get_mut();
    let _left = stream.write_all(&answer);
    stream.conn.send_close_notify();
    let _left = stream.flush();
}

/// An answer in JSON.
pub(crate) fn json(fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n{fields}\r\n");
    (head + body).into_bytes()
}
