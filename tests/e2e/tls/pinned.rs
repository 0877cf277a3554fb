//! A server with a certificate that the real `openssl req -x509` made, which the upstream names as its `ca`: believed as
//! far as that very certificate goes.

use super::authority::Issued;
use super::scene::{Scene, run};
use super::server::Server;
use crate::harness::client::get;
use crate::harness::evener::{Evener, evener};
use crate::harness::wait::{PATIENCE, eventually};

/// Makes a certificate for `localhost` as manuals tell people to, writes it as `name.pem`, and gives it with its key.
#[track_caller]
fn made(scene: &Scene, name: &str) -> Issued {
    let path = |kind: &str| scene.folder.0.join(format!("{name}.{kind}")).display().to_string();
    let (certificate, key) = (path("pem"), path("key"));
    let made = run(
        "openssl",
        &[
            &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost"][..],
            &["-addext", "subjectAltName=DNS:localhost", "-out", &certificate, "-keyout", &key],
        ]
        .concat(),
    );
    assert!(made.is_good, "{}", made.text);
    let read = |path| std::fs::read_to_string(path).expect("it was written");
    Issued { chain: read(certificate), key: read(key) }
}

/// The same, but over since yesterday.
#[track_caller]
fn made_over(scene: &Scene, name: &str) -> Issued {
    let fresh = made(scene, name);
    let path = |kind: &str| scene.folder.0.join(format!("{name}.{kind}")).display().to_string();
    let (certificate, key) = (path("pem"), path("key"));
    let days = ["x509", "-in", &certificate, "-signkey", &key, "-days", "-1", "-out", &certificate];
    let aged = run("openssl", &days);
    assert!(aged.is_good, "{}", aged.text);
    let chain = std::fs::read_to_string(certificate).expect("it was written");
    assert_ne!(chain, fresh.chain);
    Issued { chain, ..fresh }
}

/// An evener with an upstream of this one server and these settings of TLS.
#[track_caller]
fn start(scene: &Scene, server: &Server, tls: &str) -> Evener {
    let port = server.address.port();
    scene.start(&format!(
        "[[site]]\nlisten = \"{{listen}}\"\ntrusted_proxies = [\"127.0.0.1\"]\nto = \"pool\"\n\
         [upstream.pool]\nservers = [\"localhost:{port}\"]\ntls = {tls}\n"
    ))
}

#[track_caller]
fn refused(scene: &Scene, own: &Issued, tls: &str, why: &str) {
    let server = Server::start(own, "secret", None);
    let evener = start(scene, &server, tls);
    let response = evener.connect().send(get("/")).response();
    assert_eq!((response.status, response.field("x-evener-reason")), (502, Some("upstream_tls")));
    assert!(server.visits().is_empty(), "no request before the server is known");
    eventually(PATIENCE, why, || evener.process.stderr().contains(why));
}

#[test]
fn a_server_with_the_very_certificate_is_believed() {
    let scene = Scene::new();
    let own = made(&scene, "own");
    let server = Server::start(&own, "hello from it", None);
    // It stands among others as well as alone.
    scene.write("both.pem", &format!("{}{}", scene.servers.pem, own.chain));
    for file in ["own.pem", "both.pem"] {
        let evener = start(&scene, &server, &format!("{{ ca = \"{{dir}}/{file}\" }}"));
        let response = evener.connect().send(get("/")).response();
        assert_eq!((response.status, response.text().as_str()), (200, "hello from it"), "{}", evener.process.stderr());
    }
    let config = "[[site]]\nto = \"p\"\n[upstream.p]\nservers = [\"localhost:1\"]\ntls = { ca = \"{dir}/own.pem\" }\n";
    let ended = evener(&["check", &scene.write("check.toml", &scene.fill(config))]);
    assert!(ended.status.success(), "{}", ended.stderr);
}

#[test]
fn being_in_the_file_is_not_enough() {
    let scene = Scene::new();
    let own = made(&scene, "own");
    let named = "{ ca = \"{dir}/own.pem\", sni = \"other.test\" }";
    refused(&scene, &own, named, "certificate not valid for name \"other.test\"");
    let over = made_over(&scene, "over");
    refused(&scene, &over, "{ ca = \"{dir}/over.pem\" }", "certificate expired");
}

#[test]
fn another_certificate_of_the_same_make_is_not_believed() {
    let scene = Scene::new();
    made(&scene, "own");
    let stranger = made(&scene, "stranger");
    refused(&scene, &stranger, "{ ca = \"{dir}/own.pem\" }", "which is not one of those in `ca`");
    // Nor by those who trust the machine.
    refused(&scene, &stranger, "true", "invalid peer certificate");
}
