//! What client and evener agree on: version, key exchange, protocol.

use rustls::ProtocolVersion;

use super::client::{Build, ONLY_12, ONLY_13};
use super::scene::{SITE, Scene, run};

#[test]
fn both_versions_are_spoken_and_the_newer_first() {
    let scene = Scene::new();
    let evener = scene.start(SITE);
    let connect = |build: Build<'_>| build.done().connect(evener.address(), "a.test").expect("a handshake");
    let trusting = || Build::trusting(&scene.servers);
    assert_eq!(connect(trusting()).version(), ProtocolVersion::TLSv1_3);
    assert_eq!(connect(trusting().versions(ONLY_12)).version(), ProtocolVersion::TLSv1_2);
    for versions in [ONLY_12, ONLY_13] {
        let mut connection = connect(trusting().versions(versions));
        for _ in 0..3 {
            let answer = connection.get("a.test", "/").expect("an answer");
            assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
        }
    }
    // Older ones are not, whatever the client's library allows itself.
    let address = evener.address().to_string();
    let old = run("openssl", &["s_client", "-connect", &address, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"]);
    assert!(!old.is_good && old.text.contains("Cipher is (NONE)"), "{}", old.text);
}

#[test]
fn the_oldest_version_is_a_setting() {
    let scene = Scene::new();
    let evener = scene.start(&SITE.replace("site.key\" }", "site.key\", min_version = \"1.3\" }"));
    let old = Build::trusting(&scene.servers).versions(ONLY_12).done();
    let fault = old.connect(evener.address(), "a.test").err().expect("1.2 is too old here");
    assert!(fault.to_string().contains("ProtocolVersion"), "{fault}");
    assert_eq!(scene.client().get(evener.address(), "a.test").status, 200);
}

#[test]
fn the_key_exchange_withstands_quantum_computers_where_the_client_can() {
    let scene = Scene::new();
    let evener = scene.start(SITE);
    let connection = scene.client().connect(evener.address(), "a.test").expect("a handshake");
    assert_eq!(connection.exchange(), "X25519MLKEM768");
    // OpenSSL 3.0 cannot.
    let address = evener.address().to_string();
    let other = run("openssl", &["s_client", "-connect", &address, "-servername", "a.test", "-groups", "X25519"]);
    assert!(other.text.contains("X25519"), "{}", other.text);
}

#[test]
fn the_protocol_is_agreed_on() {
    let scene = Scene::new();
    let evener = scene.start(SITE);
    let agreed = |protocols: &[&str]| {
        let client = Build::trusting(&scene.servers).protocols(protocols).done();
        client.connect(evener.address(), "a.test").map(|connection| connection.protocol())
    };
    assert_eq!(agreed(&["http/1.1", "h2"]).expect("a handshake"), Some(String::from("h2")));
    assert_eq!(agreed(&["http/1.1"]).expect("a handshake"), Some(String::from("http/1.1")));
    assert_eq!(agreed(&[]).expect("a handshake"), None);
    let fault = agreed(&["spdy/3"]).expect_err("nothing in common, RFC 7301 §3.2");
    assert!(fault.to_string().contains("NoApplicationProtocol"), "{fault}");
    let without = scene.start(&SITE.replace("redirect_from = []", "redirect_from = []\nhttp2 = false"));
    let client = Build::trusting(&scene.servers).protocols(&["h2", "http/1.1"]).done();
    let connection = client.connect(without.address(), "a.test").expect("a handshake");
    assert_eq!(connection.protocol().as_deref(), Some("http/1.1"));
}
