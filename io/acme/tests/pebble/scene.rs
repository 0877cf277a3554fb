//! A stage that remembers what it was told, with the two responders that show its answers.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use evener_acme::{Certificate, Challenge, Notice, Stage};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// What is shown and what was told.
#[derive(Debug, Default)]
struct Memory {
    http: BTreeMap<(String, String), String>,
    alpn: BTreeMap<String, Arc<CertifiedKey>>,
    /// Every answer that ever was shown.
    shown: Vec<(String, Challenge)>,
    certificates: Vec<Certificate>,
    notices: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Scene {
    memory: Arc<Mutex<Memory>>,
    pub(crate) http_port: u16,
    pub(crate) tls_port: u16,
}

/// Which of the responders answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    Both,
    HttpOnly,
}

impl Scene {
    pub(crate) fn new(answers: Answers) -> Arc<Self> {
        let memory = Arc::default();
        let http_port = serve(Arc::clone(&memory), answer_http);
        let tls_port = match answers {
            Answers::Both => serve(Arc::clone(&memory), answer_tls),
            Answers::HttpOnly => serve(Arc::clone(&memory), |_stream, _memory| ()),
        };
        Arc::new(Self { memory, http_port, tls_port })
    }

    fn look<T>(&self, look: impl FnOnce(&mut Memory) -> T) -> T {
        look(&mut self.memory.lock().unwrap())
    }

    pub(crate) fn certificates(&self) -> Vec<Certificate> {
        self.look(|memory| memory.certificates.clone())
    }

    pub(crate) fn has(&self, host: &str) -> bool {
        self.look(|memory| memory.certificates.iter().any(|certificate| certificate.host() == host))
    }

    pub(crate) fn notices(&self) -> Vec<String> {
        self.look(|memory| memory.notices.clone())
    }

    pub(crate) fn was_told(&self, part: &str) -> bool {
        self.look(|memory| memory.notices.iter().any(|notice| notice.contains(part)))
    }

    pub(crate) fn shown(&self) -> Vec<(String, Challenge)> {
        self.look(|memory| memory.shown.clone())
    }

    /// How many answers are shown now.
    pub(crate) fn answers(&self) -> usize {
        self.look(|memory| memory.http.len() + memory.alpn.len())
    }
}

impl Stage for Scene {
    fn set_http(&self, host: &str, token: &str, key_authorization: &str) {
        self.look(|memory| {
            memory.shown.push((host.to_owned(), Challenge::Http));
            memory.http.insert((host.to_owned(), token.to_owned()), key_authorization.to_owned());
        });
    }

    fn clear_http(&self, host: &str, token: &str) {
        self.look(|memory| memory.http.remove(&(host.to_owned(), token.to_owned())));
    }

    fn set_alpn(&self, host: &str, certificate_der: &[u8], key_der: &[u8]) {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key_der.to_vec()));
        let chain = vec![CertificateDer::from(certificate_der.to_vec())];
        let certified = CertifiedKey::new(chain, any_supported_type(&key).unwrap());
        self.look(|memory| {
            memory.shown.push((host.to_owned(), Challenge::TlsAlpn));
            memory.alpn.insert(host.to_owned(), Arc::new(certified));
        });
    }

    fn clear_alpn(&self, host: &str) {
        self.look(|memory| memory.alpn.remove(host));
    }

    fn installed(&self, certificate: &Certificate) -> bool {
        self.look(|memory| memory.certificates.push(certificate.clone()));
        true
    }

    fn tell(&self, notice: Notice) {
        assert_eq!(notice.is_failure(), !matches!(notice.reason(), "acme_account" | "acme_ordered"));
        self.look(|memory| memory.notices.push(format!("{}: {notice}", notice.reason())));
    }
}

/// Answers each connection on a port of its own for as long as the test process lives.
fn serve(memory: Arc<Mutex<Memory>>, answer: fn(TcpStream, &Arc<Mutex<Memory>>)) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            answer(stream, &memory);
        }
    });
    port
}

fn answer_http(stream: TcpStream, memory: &Arc<Mutex<Memory>>) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    let fields: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let host = fields.iter().find_map(|field| field.strip_prefix("Host: ")).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let token = path.strip_prefix("/.well-known/acme-challenge/").unwrap_or_default();
    let known = memory.lock().unwrap().http.get(&(host.to_owned(), token.to_owned())).cloned();
    let (status, body) = known.map_or(("404 Not Found", String::new()), |body| ("200 OK", body));
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    let _left = (&stream).write_all(answer.as_bytes());
}

fn answer_tls(mut stream: TcpStream, memory: &Arc<Mutex<Memory>>) {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Resolver(Arc::clone(memory))));
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
    while connection.is_handshaking() {
        if connection.complete_io(&mut stream).is_err() {
            return;
        }
    }
    connection.send_close_notify();
    let _left = connection.complete_io(&mut stream);
}

#[derive(Debug)]
struct Resolver(Arc<Mutex<Memory>>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_challenge = hello.alpn().is_some_and(|mut names| names.any(|name| name == b"acme-tls/1"));
        let host = hello.server_name().filter(|_host| is_challenge)?;
        self.0.lock().unwrap().alpn.get(host).cloned()
    }
}
