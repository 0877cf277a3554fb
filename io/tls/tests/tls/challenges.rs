//! Answers to an authority's checks, and to nobody else's.

use crate::wire::{Client, shake};
use crate::workshop::{Authority, Folder, HTTPS, Order, plan, site, tls};
use evener_tls::{Purpose, TlsKeeper};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

#[test]
fn a_token_is_answered_for_its_host_only() {
    let keeper = TlsKeeper::new(std::env::temp_dir());
    let challenges = keeper.challenges();
    assert_eq!(challenges.http_answer("a.example", "token"), None);
    challenges.set_http("A.example", "token", "token.print");
    challenges.set_http("a.example", "other", "other.print");
    let answer = |host, token| challenges.http_answer(host, token);
    assert_eq!(answer("a.EXAMPLE.", "token").as_deref(), Some("token.print"));
    for (host, token) in [("b.example", "token"), ("a.example", "Token"), ("a.example", ""), ("x.a.example", "token")] {
        assert_eq!(answer(host, token), None, "{host} {token}");
    }
    challenges.clear_http("a.example", "token");
    assert_eq!(answer("a.example", "token"), None);
    assert_eq!(answer("a.example", "other").as_deref(), Some("other.print"));
    challenges.clear_http("a.example", "other");
    challenges.clear_http("a.example", "other");
    assert_eq!(answer("a.example", "other"), None);
}

#[test]
fn a_handshake_is_answered_for_its_host_and_protocol_only() {
    let (folder, ca, challenger) = (Folder::new(), Authority::new("ca"), Authority::new("challenger"));
    let files = folder.put("a", &ca.issue(&Order::server(&["a.example", "b.example"])));
    let mut keeper = TlsKeeper::new(folder.0.clone());
    let frontends = keeper.frontends(&plan(&folder, vec![site(&[], tls(&[&files]))])).unwrap();
    let frontend = frontends.get(HTTPS).unwrap();
    let validator = |alpn: &[&'static str]| Client { alpn: alpn.to_vec(), ..Client::of(&challenger) }.config();
    let browser = Client { alpn: vec!["h2"], ..Client::of(&ca) }.config();
    let refused = "server: peer doesn't support any known protocol";
    assert_eq!(shake(frontend, &validator(&["acme-tls/1"]), "a.example").unwrap_err(), refused);

    let issued = challenger.issue(&Order::server(&["a.example"]));
    let certificate = CertificateDer::from_pem_slice(issued.chain.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    keeper.challenges().set_alpn("a.example", &certificate, key.secret_der()).unwrap();
    let shaken = shake(frontend, &validator(&["acme-tls/1"]), "a.example").unwrap();
    assert_eq!((shaken.purpose, shaken.alpn.as_deref()), (Some(Purpose::Challenge), Some("acme-tls/1")));
    assert!(!shake(frontend, &validator(&["acme-tls/1"]), "a.example").unwrap().is_resumed());
    // Nobody else sees it: other protocols, other hosts, both protocols at once.
    assert_eq!(shake(frontend, &browser, "a.example").unwrap().alpn.as_deref(), Some("h2"));
    assert!(shake(frontend, &validator(&["acme-tls/1"]), "b.example").is_err());
    assert!(shake(frontend, &validator(&["acme-tls/1", "h2"]), "a.example").is_err());
    keeper.challenges().clear_alpn("a.example");
    assert!(shake(frontend, &validator(&["acme-tls/1"]), "a.example").is_err());
}
