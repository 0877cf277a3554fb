//! ClientHellos of a real client, rustls: with a post-quantum key, of TLS 1.2, in small records; and a real server as
//! the judge of what is read from them after random damage.

#[expect(dead_code, reason = "PROXY headers are checked elsewhere")]
mod checks;

use checks::read_hello;
use evener_preamble::hello::{Hello, HelloProgress};
use proptest::prelude::*;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::server::Acceptor;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use std::sync::Arc;

/// The first flight of a client.
fn flight(
    name: &'static str,
    alpn: &[&str],
    versions: &[&'static SupportedProtocolVersion],
    fragment_bytes: Option<usize>,
) -> Vec<u8> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .expect("the versions are supported")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config.max_fragment_size = fragment_bytes;
    let name = ServerName::try_from(name).expect("the name is one");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("the config is right");
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).expect("memory takes everything");
    }
    bytes
}

fn hello(name: Option<&str>, alpn: &[&str], versions: &[u16]) -> Hello {
    Hello {
        server_name: name.map(str::to_owned),
        alpn: alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect(),
        versions: versions.to_vec(),
    }
}

fn check(bytes: &[u8], expected: &Hello) {
    for step in [1, 536, bytes.len()] {
        let result = read_hello(bytes, step);
        assert_eq!(result, Ok(HelloProgress::Complete(expected.clone())), "in steps of {step}");
    }
    for end in 0..bytes.len() {
        assert_eq!(read_hello(&bytes[..end], end.max(1)), Ok(HelloProgress::NeedMore), "the first {end} bytes");
    }
}

#[test]
fn a_client_with_a_post_quantum_key_is_longer_than_a_segment() {
    let bytes = flight("App.example.com", &["h2", "http/1.1"], &[&TLS13, &TLS12], None);
    assert!(bytes.len() > 1460, "{} bytes", bytes.len());
    check(&bytes, &hello(Some("app.example.com"), &["h2", "http/1.1"], &[0x0304, 0x0303]));
}

#[test]
fn a_client_of_tls_1_2() {
    let bytes = flight("old.example.com", &[], &[&TLS12], None);
    let Ok(HelloProgress::Complete(read)) = read_hello(&bytes, bytes.len()) else { panic!("it is complete") };
    assert_eq!(read.server_name.as_deref(), Some("old.example.com"));
    assert!(read.versions.contains(&0x0303) && !read.versions.contains(&0x0304));
}

#[test]
fn a_client_that_asks_for_an_address_sends_no_name() {
    let bytes = flight("192.0.2.1", &["http/1.1"], &[&TLS13], None);
    check(&bytes, &hello(None, &["http/1.1"], &[0x0304]));
}

#[test]
fn a_client_that_cuts_its_records() {
    for fragment_bytes in [40, 64, 100, 333, 1000] {
        let bytes = flight("cut.example.com", &["h2"], &[&TLS13], Some(fragment_bytes));
        let records = record_starts(&bytes);
        assert!(records > 1, "there is one record at {fragment_bytes}");
        check(&bytes, &hello(Some("cut.example.com"), &["h2"], &[0x0304]));
    }
}

fn record_starts(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let [_, _, _, high, low, rest @ ..] = bytes {
        bytes = &rest[usize::from(u16::from_be_bytes([*high, *low]))..];
        count += 1;
    }
    count
}

/// Name and protocols as a server of rustls reads them; `None` when it does not accept the ClientHello.
fn as_server(mut bytes: &[u8]) -> Option<(Option<String>, Vec<Vec<u8>>)> {
    let mut acceptor = Acceptor::default();
    loop {
        if let Some(accepted) = acceptor.accept().ok()? {
            let hello = accepted.client_hello();
            let protocols = hello.alpn().map(|protocols| protocols.map(<[u8]>::to_vec).collect());
            return Some((hello.server_name().map(str::to_ascii_lowercase), protocols.unwrap_or_default()));
        }
        if bytes.is_empty() || acceptor.read_tls(&mut bytes).is_err() {
            return None;
        }
    }
}

fn check_with_server(bytes: &[u8]) {
    checks::client_hello(bytes);
    let ours = read_hello(bytes, bytes.len().max(1));
    if let (Ok(HelloProgress::Complete(ours)), Some((name, protocols))) = (ours, as_server(bytes)) {
        let name = name.map(|name| name.trim_end_matches('.').to_owned());
        assert_eq!((ours.server_name, ours.alpn), (name, protocols));
    }
}

#[test]
fn both_read_the_same_from_what_is_whole() {
    let bytes = flight("same.example.com", &["h2", "x"], &[&TLS13, &TLS12], Some(200));
    assert_eq!(as_server(&bytes), Some((Some("same.example.com".into()), vec![b"h2".to_vec(), b"x".to_vec()])));
    check_with_server(&bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn both_read_the_same_from_what_is_damaged(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        is_small in any::<bool>(),
    ) {
        let fragment_bytes = is_small.then_some(300);
        let mut bytes = flight("damaged.example.com", &["h2", "http/1.1"], &[&TLS13, &TLS12], fragment_bytes);
        for (index, byte) in damage {
            *index.get_mut(&mut bytes) = byte;
        }
        check_with_server(&bytes);
    }
}
