//! Probes of servers under TLS: whom they trust, and what they say when they do not.

use super::*;
use crate::pool::Security;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::future::Future;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub(super) type TlsStream = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;

/// A server that proves the name `app.local`, and whoever trusts it. These are the protocols of either.
pub(super) fn trusting(client: &[&str], server: &[&str]) -> (Security, Arc<ServerConfig>) {
    let params = CertificateParams::new(["app.local".to_owned()]).unwrap();
    security(params, client, server)
}

fn security(params: CertificateParams, client: &[&str], server: &[&str]) -> (Security, Arc<ServerConfig>) {
    let alpn = |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>();
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn(client);
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let chain = vec![certificate.der().clone()];
    let mut own = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key.into()).unwrap();
    own.alpn_protocols = alpn(server);
    let name = ServerName::try_from("app.local").unwrap();
    (Security { config: Arc::new(config), name }, Arc::new(own))
}

/// Takes connections one after the other and does that with each whose handshake is good. Gives the outcome of each.
pub(super) async fn serve_tls<F: Future<Output = ()> + Send>(
    config: Arc<ServerConfig>,
    connections: usize,
    then: impl Fn(TlsStream) -> F + Send + 'static,
) -> (Server, JoinHandle<Vec<Result<(), String>>>) {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let server = tcp(&[listener.local_addr().unwrap()]);
    let task = tokio::spawn(async move {
        let mut outcomes = Vec::new();
        while outcomes.len() < connections {
            let (stream, _) = listener.accept().await.unwrap();
            match TlsAcceptor::from(Arc::clone(&config)).accept(stream).await {
                Ok(stream) => {
                    then(stream).await;
                    outcomes.push(Ok(()));
                }
                Err(error) => outcomes.push(Err(error.to_string())),
            }
        }
        outcomes
    });
    (server, task)
}

/// Reads a request and answers 200.
async fn answer_ok(mut stream: TlsStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
    }
    assert!(request.starts_with(b"GET /health HTTP/1.1\r\n"), "{request:?}");
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready").await.unwrap();
    stream.flush().await.unwrap();
}

async fn ignore(_: TlsStream) {}

fn tcp_only() -> Health {
    Health { probe: Probe::Tcp, ..get("/") }
}

#[tokio::test]
async fn a_good_server_is_asked_under_tls() {
    let (security, config) = trusting(&["http/1.1"], &["h2", "http/1.1"]);
    let (server, task) = serve_tls(config, 2, answer_ok).await;
    let text = get_text("ready");
    let Probe::Http { status, body, .. } = text.probe else { unreachable!("it asks over HTTP") };
    let asked = Probe::Http { path: "/health".into(), host: None, status, body };
    for health in [get("/health"), Health { probe: asked, ..get("/") }] {
        probe(&server, &health, Protocol::Http1, Some(security.clone())).await.unwrap();
    }
    assert_eq!(task.await.unwrap(), [Ok(()), Ok(())]);
}

#[tokio::test]
async fn a_server_that_speaks_of_no_protocol_speaks_the_first_one() {
    let (security, config) = trusting(&["h2", "http/1.1"], &[]);
    let (server, task) = serve_tls(config, 1, answer_ok).await;
    probe(&server, &get("/health"), Protocol::Auto, Some(security)).await.unwrap();
    task.await.unwrap();
}

#[tokio::test]
async fn a_connection_is_not_enough_under_tls() {
    let (security, config) = trusting(&["http/1.1"], &["http/1.1"]);
    let (server, task) = serve_tls(config, 1, ignore).await;
    probe(&server, &tcp_only(), Protocol::Http1, Some(security.clone())).await.unwrap();
    task.await.unwrap();
    // It takes connections, and says nothing.
    let (_listener, address) = listen();
    let hasty = Health { timeout: Duration::from_millis(200), ..tcp_only() };
    let fault = probe(&tcp(&[address]), &hasty, Protocol::Http1, Some(security)).await.unwrap_err();
    assert_eq!(fault.to_string(), "did not end the handshake of TLS within 200ms");
}

/// What a check without a request finds wrong, and what the server hears of it.
async fn found(security: Security, config: Arc<ServerConfig>) -> (String, String) {
    let (server, task) = serve_tls(config, 1, ignore).await;
    let fault = probe(&server, &tcp_only(), Protocol::Http1, Some(security)).await.unwrap_err();
    assert!(fault.is_of_connecting());
    let cause = fault.cause().expect("TLS tells the cause").to_string();
    let heard = task.await.unwrap().remove(0).unwrap_err();
    (format!("{fault}: {cause}"), heard)
}

#[tokio::test]
async fn a_certificate_must_be_good() {
    let (own, config) = trusting(&[], &[]);
    let name = ServerName::try_from("other.local").unwrap();
    let (fault, heard) = found(Security { name, ..own.clone() }, Arc::clone(&config)).await;
    assert!(fault.starts_with("failed the handshake of TLS: invalid peer certificate"), "{fault}");
    assert!(fault.contains("not valid for name \"other.local\""), "{fault}");
    assert!(heard.contains("certificate") || heard.contains("Certificate"), "{heard}");

    let (stranger, _) = trusting(&[], &[]);
    let (fault, _) = found(stranger, config).await;
    assert!(fault.contains("invalid peer certificate"), "{fault}");

    let mut expired = CertificateParams::new(["app.local".to_owned()]).unwrap();
    expired.not_before = date_time_ymd(2020, 1, 1);
    expired.not_after = date_time_ymd(2021, 1, 1);
    let (own, config) = security(expired, &[], &[]);
    let (fault, _) = found(own, config).await;
    assert!(fault.contains("certificate expired"), "{fault}");
}

#[tokio::test]
async fn a_certificate_that_was_good_before_is_looked_at_again() {
    let (own, config) = trusting(&["http/1.1"], &["http/1.1"]);
    let (server, task) = serve_tls(config, 2, |stream| async move {
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
        // Tickets have gone out before it, so that the next probe could resume.
        answer_ok(stream).await;
    })
    .await;
    for _ in 0..2 {
        probe(&server, &get("/health"), Protocol::Http1, Some(own.clone())).await.unwrap();
    }
    task.await.unwrap();
}

#[tokio::test]
async fn a_server_without_tls_is_named_as_such() {
    let (security, _) = trusting(&[], &[]);
    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.6\r\n"] {
        let (listener, address) = listen();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            // Until the probe closes.
            let _left = stream.read_to_end(&mut Vec::new());
        });
        let server = tcp(&[address]);
        let outcome = probe(&server, &get("/"), Protocol::Http1, Some(security.clone())).await;
        assert_eq!(outcome.unwrap_err().to_string(), "does not speak TLS");
        thread.join().unwrap();
    }
    let (listener, address) = listen();
    let thread = std::thread::spawn(move || drop(listener.accept()));
    let outcome = probe(&tcp(&[address]), &get("/"), Protocol::Http1, Some(security)).await;
    assert_eq!(outcome.unwrap_err().to_string(), "failed the handshake of TLS");
    thread.join().unwrap();
}

#[tokio::test]
async fn silence_after_the_handshake_ends_with_the_time_out() {
    let (security, config) = trusting(&["http/1.1"], &["http/1.1"]);
    let (server, task) = serve_tls(config, 1, |mut stream| async move {
        // Until the probe closes.
        while stream.read(&mut [0; 100]).await.is_ok_and(|count| count > 0) {}
    })
    .await;
    let hasty = Health { timeout: Duration::from_millis(300), ..get("/") };
    let fault = probe(&server, &hasty, Protocol::Http1, Some(security)).await.unwrap_err();
    assert_eq!(fault.to_string(), "got no answer within 300ms");
    task.await.unwrap();
}

#[tokio::test]
async fn a_server_must_choose_http2_where_it_is_asked_for() {
    for offered in [&["http/1.1"][..], &[]] {
        let (security, config) = trusting(&["h2", "http/1.1"], offered);
        for health in [get("/"), tcp_only()] {
            let (server, task) = serve_tls(Arc::clone(&config), 1, ignore).await;
            let outcome = probe(&server, &health, Protocol::Http2, Some(security.clone())).await;
            assert_eq!(outcome.unwrap_err().to_string(), "did not choose HTTP/2");
            task.await.unwrap();
        }
    }
}
