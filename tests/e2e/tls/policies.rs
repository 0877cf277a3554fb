//! Where sites differ in whom they admit: no request slips from one to the other, and no session either.

use rustix::process::Signal;

use super::authority::Order;
use super::client::{Build, Client, ONLY_12, ONLY_13};
use super::scene::{SITE, Scene, run};
use crate::harness::evener::Evener;
use crate::harness::wait::{PATIENCE, eventually};

/// Three sites with one certificate: `open.test` and `also.test` admit anybody, `closed.test` asks for a certificate.
const SITES: &str = r#"
[[site]]
listen = "{listen}"
redirect_from = []
hosts = ["open.test"]
tls = { cert = "{dir}/all.pem", key = "{dir}/all.key" }
respond = { status = 200, body = "open" }

[[site]]
listen = "{listen}"
redirect_from = []
hosts = ["also.test"]
tls = { cert = "{dir}/all.pem", key = "{dir}/all.key" }
respond = { status = 200, body = "also" }

[[site]]
listen = "{listen}"
redirect_from = []
hosts = ["closed.test"]
tls = { cert = "{dir}/all.pem", key = "{dir}/all.key", client_ca = "{dir}/clients.pem" }
respond = { status = 200, body = "closed" }
"#;

fn scene() -> (Scene, Evener) {
    let scene = Scene::new();
    scene.issue("all", &Order::server(&["open.test", "also.test", "closed.test"]));
    let evener = scene.start(SITES);
    (scene, evener)
}

#[test]
fn a_connection_for_one_name_serves_others_of_the_same_policy_only() {
    let (scene, evener) = scene();
    let client = scene.client();
    let mut connection = client.connect(evener.address(), "open.test").expect("anybody may");
    let mut ask = |host: &str| connection.get(host, "/").expect("an answer");
    assert_eq!(ask("open.test").body, "open");
    assert_eq!(ask("also.test").body, "also");
    assert_eq!(ask("OPEN.test.").body, "open");
    for host in ["closed.test", "Closed.Test", "closed.test.", "closed.test:443"] {
        assert_eq!(ask(host).status, 421, "{host}");
    }
    // Where nobody has the name there is no policy either.
    assert_eq!(ask("unknown.test").status, 404);
    // The connection is still good for what it was made for.
    assert_eq!(ask("also.test").body, "also");
    // And the other way round.
    let shown = scene.clients.issue(&Order::client(&["app"], 1));
    let known = Build::trusting(&scene.servers).showing(&shown).done();
    let mut connection = known.connect(evener.address(), "closed.test").expect("it has a certificate");
    assert_eq!(connection.get("closed.test", "/").expect("an answer").body, "closed");
    assert_eq!(connection.get("open.test", "/").expect("an answer").status, 421);
}

#[test]
fn over_http2_as_well() {
    let (scene, evener) = scene();
    let port = evener.address().port();
    let ca = scene.folder.0.join("ca.pem");
    let (url, resolve) = (format!("https://open.test:{port}/"), format!("open.test:{port}:127.0.0.1"));
    let status = |host: &str| {
        let host = format!("Host: {host}");
        let mut arguments = vec!["-sS", "--http2", "--resolve", &resolve, "--cacert", ca.to_str().expect("a name")];
        arguments.extend(["-H", &host, "-w", " %{http_code} %{http_version}", &url]);
        run("curl", &arguments).text
    };
    assert_eq!(status("open.test"), "open 200 2");
    assert_eq!(status("also.test"), "also 200 2");
    assert!(status("closed.test").ends_with(" 421 2"), "{}", status("closed.test"));
}

/// Whether a second connection goes on with the session of the first.
fn resumes(client: &Client, evener: &Evener, first: &str, second: &str) -> bool {
    // An answer, because tickets of TLS 1.3 come with it.
    assert_eq!(client.get(evener.address(), first).status, 200);
    let mut connection = client.connect(evener.address(), second).expect("a handshake");
    let is_resumed = connection.is_resumed();
    assert_eq!(connection.get(second, "/").expect("an answer").status, 200);
    is_resumed
}

#[test]
fn sessions_are_resumed_also_after_a_reload_but_not_with_certificates() {
    let (scene, evener) = scene();
    for versions in [ONLY_12, ONLY_13] {
        let client = Build::trusting(&scene.servers).versions(versions).done();
        assert!(resumes(&client, &evener, "open.test", "open.test"));
        let shown = scene.clients.issue(&Order::client(&["app"], 1));
        let known = Build::trusting(&scene.servers).versions(versions).showing(&shown).done();
        assert!(!resumes(&known, &evener, "closed.test", "closed.test"));

        let client = Build::trusting(&scene.servers).versions(versions).done();
        assert_eq!(client.get(evener.address(), "open.test").status, 200);
        let reloads = || evener.process.stderr().matches("reloaded").count();
        let before = reloads();
        evener.rewrite_config(&scene.fill(&SITES.replace("\"open\"", "\"after\"")));
        evener.signal(Signal::HUP);
        eventually(PATIENCE, "the reload is told", || reloads() > before);
        let mut connection = client.connect(evener.address(), "open.test").expect("a handshake");
        assert!(connection.is_resumed());
        assert_eq!(connection.get("open.test", "/").expect("an answer").body, "after");
        evener.rewrite_config(&scene.fill(SITES));
    }
}

#[test]
fn a_session_ends_where_a_certificate_begins_to_be_asked_for() {
    let scene = Scene::new();
    let evener = scene.start(SITE);
    let client = scene.client();
    assert!(resumes(&client, &evener, "a.test", "a.test"));
    let gated = SITE.replace("site.key\" }", "site.key\", client_ca = \"{dir}/clients.pem\" }");
    evener.rewrite_config(&scene.fill(&gated));
    evener.signal(Signal::HUP);
    eventually(PATIENCE, "the reload is told", || evener.process.stderr().contains("reloaded"));
    let fault = client.try_get(evener.address(), "a.test").expect_err("a ticket is no certificate");
    assert!(fault.contains("alert"), "{fault}");
}
