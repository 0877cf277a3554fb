//! Who a server is: several behind one address are not taken for each other, whoever was spoken to first, and what is
//! believed follows the files.

use std::io::{BufRead, BufReader, Write};
use std::sync::mpsc;

use rustix::process::Signal;

use super::authority::{Authority, Order};
use super::client::{Build, Client};
use super::scene::Scene;
use super::server::Server;
use crate::harness::client::{RawClient, get};
use crate::harness::evener::Evener;
use crate::harness::message::Response;
use crate::harness::ports::{free_address, listen};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};

/// One server under two names, each an upstream of its own.
const TWO: &str = r#"
workers = 1
[[site]]
listen = "{listen}"
trusted_proxies = ["127.0.0.1"]
[[site.route]]
path = "/name/"
to = "name"
[[site.route]]
path = "/address/"
to = "address"
"#;

const NAME: &str = "[upstream.name]\nservers = [\"localhost:{port}\"]\ntls = {tls}\n";
const ADDRESS: &str = "[upstream.address]\nservers = [\"127.0.0.1:{port}\"]\ntls = {tls}\n";
const TRUSTING: &str = "{ ca = \"{dir}/ca.pem\" }";
const BLIND: &str = "{ verify = false }";

fn fill(config: &str, server: &Server, tls: &str) -> String {
    config.replace("{tls}", tls).replace("{port}", &server.address.port().to_string())
}

#[track_caller]
fn ask(evener: &Evener, path: &str) -> Response {
    evener.connect().send(get(path)).response()
}

#[test]
fn a_connection_to_one_server_is_none_to_another_at_its_address() {
    let scene = Scene::new();
    let own = scene.servers.issue(&Order::server(&["localhost"]));
    for config in [format!("{TWO}{NAME}{ADDRESS}"), format!("{TWO}{ADDRESS}{NAME}")] {
        let server = Server::start(&own, "known", None);
        let evener = scene.start(&fill(&config, &server, TRUSTING));
        for _ in 0..4 {
            assert_eq!(ask(&evener, "/name/").text(), "known");
            let other = ask(&evener, "/address/");
            assert_eq!((other.status, other.field("x-evener-reason")), (502, Some("upstream_tls")));
        }
        assert!(server.visits().iter().all(|visit| visit.name.as_deref() == Some("localhost")));
        // Also where nobody is verified each is asked for by its own name.
        let server = Server::start(&own, "blind", None);
        let evener = scene.start(&fill(&config, &server, BLIND));
        for path in ["/name/", "/address/", "/name/", "/address/"] {
            assert_eq!(ask(&evener, path).text(), "blind");
        }
        let names: Vec<Option<String>> = server.visits().into_iter().map(|visit| visit.name).collect();
        let name = Some(String::from("localhost"));
        assert_eq!(names, [name.clone(), None, name, None]);
    }
}

#[test]
fn servers_of_one_upstream_are_told_apart_too() {
    let scene = Scene::new();
    let server = Server::start(&scene.servers.issue(&Order::server(&["localhost"])), "blind", None);
    let config = "workers = 1\n[[site]]\nlisten = \"{listen}\"\nto = \"both\"\n[upstream.both]\n\
                  servers = [\"localhost:{port}\", \"127.0.0.1:{port}\"]\nbalance = \"round_robin\"\ntls = {tls}\n";
    let evener = scene.start(&fill(config, &server, BLIND));
    for _ in 0..6 {
        assert_eq!(ask(&evener, "/").status, 200);
    }
    let visits = server.visits();
    assert_eq!(visits.iter().filter(|visit| visit.name.is_some()).count(), 3, "{visits:?}");
}

#[test]
fn a_server_with_another_name_proves_it_after_a_reload() {
    let scene = Scene::new();
    let server = Server::start(&scene.servers.issue(&Order::server(&["localhost"])), "known", None);
    let config = "workers = 1\n[[site]]\nlisten = \"{listen}\"\ntrusted_proxies = [\"127.0.0.1\"]\nto = \"one\"\n\
                  [upstream.one]\nservers = [\"localhost:{port}\"]\ntls = {tls}\n";
    let evener = scene.start(&fill(config, &server, TRUSTING));
    assert_eq!(ask(&evener, "/").text(), "known");
    evener.rewrite_config(&scene.fill(&fill(&config.replace("localhost:", "127.0.0.1:"), &server, TRUSTING)));
    evener.signal(Signal::HUP);
    eventually(PATIENCE, "the reload is told", || evener.process.stderr().contains("reloaded"));
    eventually(PATIENCE, "the new name counts", || ask(&evener, "/").field("x-evener-reason") == Some("upstream_tls"));
    assert_eq!(server.visits().len(), 1);
}

#[test]
fn what_is_believed_follows_the_file() {
    let scene = Scene::new();
    let foreign = Authority::new("foreign");
    scene.write("ca.pem", &foreign.pem);
    let server = Server::start(&scene.servers.issue(&Order::server(&["localhost"])), "known", None);
    let evener = scene.start(&fill(&format!("{TWO}{NAME}{ADDRESS}"), &server, TRUSTING));
    let reason = || ask(&evener, "/name/").field("x-evener-reason").map(str::to_owned);
    assert_eq!(reason().as_deref(), Some("upstream_tls"));
    // Wrong becomes right.
    scene.write("ca.pem", &scene.servers.pem);
    eventually(PATIENCE, "the server is believed", || ask(&evener, "/name/").text() == "known");
    let said = evener.process.stderr();
    assert!(said.contains("ca.pem: the new content is in use") && !said.contains("reloaded"), "{said}");
    // Right becomes wrong: what was opened before is not used any more either.
    scene.write("ca.pem", &foreign.pem);
    eventually(PATIENCE, "the server is believed no more", || reason().as_deref() == Some("upstream_tls"));
    let visits = server.visits().len();
    for _ in 0..4 {
        assert_eq!(reason().as_deref(), Some("upstream_tls"));
    }
    assert_eq!(server.visits().len(), visits);
}

#[test]
fn requests_under_way_end_whatever_becomes_of_the_file() {
    const INNER: &str = r#"
[[site]]
listen = "{listen}"
redirect_from = []
tls = { cert = "{dir}/site.pem", key = "{dir}/site.key" }
[[site.route]]
path = "/slow/"
to = "{slow}"
[[site.route]]
respond = { status = 200, body = "quick" }
"#;
    const OUTER: &str = r#"
workers = 1
[[site]]
listen = "{listen}"
trusted_proxies = ["127.0.0.1"]
to = "inner"
[upstream.inner]
servers = ["localhost:{port}"]
protocol = "{protocol}"
tls = { ca = "{dir}/ca.pem" }
"#;
    for protocol in ["http1", "h2"] {
        let scene = Scene::new();
        scene.issue("site", &Order::server(&["localhost"]));
        let slow = free_address();
        let (listener, (leave, awaited), (tell, reached)) = (listen(slow), mpsc::channel(), mpsc::channel());
        let answering = std::thread::spawn(move || {
            let (stream, _) = listener.accept()?;
            let mut lines = BufReader::new(&stream).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            tell.send(()).map_err(std::io::Error::other)?;
            awaited.recv_timeout(PATIENCE).map_err(std::io::Error::other)?;
            (&stream).write_all(ok("late").as_bytes())
        });
        let inner = scene.start(&INNER.replace("{slow}", &slow.to_string()));
        let config = OUTER.replace("{protocol}", protocol).replace("{port}", &inner.address().port().to_string());
        let evener = scene.start(&config);
        assert_eq!(ask(&evener, "/quick").text(), "quick");
        let mut waiting = evener.connect();
        waiting.send(get("/slow/"));
        reached.recv_timeout(PATIENCE).expect("the request comes");
        scene.write("ca.pem", &Authority::new("foreign").pem);
        let is_over = || ask(&evener, "/quick").field("x-evener-reason") == Some("upstream_tls");
        eventually(PATIENCE, "the server is believed no more", is_over);
        leave.send(()).expect("it waits for this");
        assert_eq!(waiting.response().text(), "late", "{protocol}");
        answering.join().expect("no panic").expect("an answer that was sent");
    }
}

#[test]
fn a_new_certificate_of_ours_is_shown_without_a_reload() {
    let scene = Scene::new();
    let first = scene.clients.issue(&Order::client(&["first"], 1));
    scene.put("own", &first);
    let own = scene.servers.issue(&Order::server(&["localhost"]));
    let server = Server::start(&own, "known", Some(&scene.clients));
    let tls = "{ ca = \"{dir}/ca.pem\", cert = \"{dir}/own.pem\", key = \"{dir}/own.key\" }";
    let evener = scene.start(&fill(&format!("{TWO}{NAME}{ADDRESS}"), &server, tls));
    let shown = || {
        assert_eq!(ask(&evener, "/name/").text(), "known");
        server.visits().pop().and_then(|visit| visit.shown).expect("a certificate")
    };
    let is_shown = |issued| shown() == super::client::chain(issued)[0].to_vec();
    assert!(is_shown(&first));
    let second = scene.clients.issue(&Order::client(&["second"], 2));
    scene.put("own", &second);
    eventually(PATIENCE, "the new one is shown", || is_shown(&second));
}

/// Two services without HTTP, to one server by its name and by its address.
fn services(scene: &Scene, server: &Server, tls: &str, second: std::net::SocketAddr) -> Evener {
    let tcp = format!(
        "workers = 1\n[[tcp]]\nlisten = \"{{listen}}\"\nto = \"name\"\n[[tcp]]\nlisten = \"{second}\"\nto = \"address\"\n"
    );
    scene.start(&fill(&format!("{tcp}{NAME}{ADDRESS}"), server, tls))
}

/// Whether the service leads to a server; evener speaks TLS to it, not the client.
fn is_answered(address: std::net::SocketAddr) -> bool {
    let Ok(mut client) = RawClient::try_connect(address) else { return false };
    client.try_send(get("/")).is_ok() && client.try_response_to("GET").is_ok_and(|response| response.status == 200)
}

#[test]
fn services_without_http_know_their_servers_too() {
    let scene = Scene::new();
    let server = Server::start(&scene.servers.issue(&Order::server(&["localhost"])), "known", None);
    let second = free_address();
    let evener = services(&scene, &server, TRUSTING, second);
    for _ in 0..2 {
        assert!(is_answered(evener.address()));
        assert!(!is_answered(second), "the certificate has no address");
    }
    // What is believed follows the file.
    scene.write("ca.pem", &Authority::new("foreign").pem);
    eventually(PATIENCE, "the server is believed no more", || !is_answered(evener.address()));
    scene.write("ca.pem", &scene.servers.pem);
    eventually(PATIENCE, "the server is believed again", || is_answered(evener.address()));
    let blind = free_address();
    let evener = services(&scene, &server, BLIND, blind);
    let before = server.visits().len();
    assert!(is_answered(evener.address()) && is_answered(blind));
    let names: Vec<Option<String>> = server.visits().split_off(before).into_iter().map(|visit| visit.name).collect();
    assert_eq!(names, [Some(String::from("localhost")), None]);
}

#[test]
fn the_certificate_of_a_trusted_proxy_is_not_its_clients() {
    let scene = Scene::new();
    let config = r#"
[[site]]
listen = "{listen}"
redirect_from = []
trusted_proxies = ["127.0.0.1"]
to = "{server}"
[site.tls]
cert = "{dir}/site.pem"
key = "{dir}/site.key"
client_ca = "{dir}/clients.pem"
"#;
    let evener = scene.start(config);
    let own = scene.clients.issue(&Order::client(&["proxy"], 1));
    let proxy: Client = Build::trusting(&scene.servers).showing(&own).done();
    let mut connection = proxy.connect(evener.address(), "a.test").expect("a handshake");
    assert_eq!(connection.get("a.test", "/").expect("an answer").status, 200);
    connection.send("GET / HTTP/1.1\r\nHost: a.test\r\nX-Client-Cert-Subject: CN=far\r\n\r\n").expect("it is sent");
    assert_eq!(connection.answer().expect("an answer").status, 200);
    let told = |index: usize| {
        let fields = scene.recorder.requests()[index].fields.0.clone();
        let of_certificate = |(name, _): &(String, String)| name.to_ascii_lowercase().starts_with("x-client-cert");
        fields.into_iter().filter(of_certificate).map(|(_, value)| value).collect::<Vec<_>>()
    };
    assert!(told(0).is_empty(), "{:?}", told(0));
    assert_eq!(told(1), ["CN=far"]);
}
