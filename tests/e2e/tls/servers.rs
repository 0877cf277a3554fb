//! TLS towards servers: nobody is believed unseen, the right name is asked for, and a failure leads to another server.

use super::authority::{Authority, Order};
use super::client::chain;
use super::scene::Scene;
use super::server::Server;
use crate::harness::client::get;
use crate::harness::evener::Evener;
use crate::harness::message::Response;
use crate::harness::wait::{PATIENCE, eventually};

const FRONT: &str = r#"
[[site]]
listen = "{listen}"
trusted_proxies = ["127.0.0.1"]
to = "pool"
[upstream.pool]
balance = "first"
health = "off"
"#;

#[track_caller]
fn start(scene: &Scene, servers: &[&Server], tls: &str) -> Evener {
    let list: Vec<String> = servers.iter().map(|server| format!("\"localhost:{}\"", server.address.port())).collect();
    let text = format!("{FRONT}servers = [{}]\ntls = {tls}\n", list.join(", "));
    scene.start(&text.replace("health = \"off\"\n", ""))
}

#[track_caller]
fn ask(evener: &Evener) -> Response {
    evener.connect().send(get("/")).response()
}

#[test]
fn a_server_is_believed_only_with_a_good_certificate() {
    let scene = Scene::new();
    let good = Server::start(&scene.servers.issue(&Order::server(&["localhost"])), "good", None);
    let trusted = start(&scene, &[&good], "{ ca = \"{dir}/ca.pem\" }");
    assert_eq!((ask(&trusted).status, ask(&trusted).text().as_str()), (200, "good"));
    assert_eq!(good.visits()[0].name.as_deref(), Some("localhost"));
    assert_eq!(good.visits()[0].shown, None);

    let foreign = Authority::new("foreign").issue(&Order::server(&["localhost"]));
    let named = scene.servers.issue(&Order::server(&["other.test"]));
    let over = scene.servers.issue(&Order { years: (2020, 2021), ..Order::server(&["localhost"]) });
    for bad in [foreign, named, over] {
        let server = Server::start(&bad, "bad", None);
        let evener = start(&scene, &[&server], "{ ca = \"{dir}/ca.pem\" }");
        let response = ask(&evener);
        assert_eq!((response.status, response.field("x-evener-reason")), (502, Some("upstream_tls")));
        assert!(server.visits().is_empty(), "no request before the server is known");
        // Nobody looks, if that is spelled out.
        let blind = start(&scene, &[&server], "{ verify = false }");
        assert_eq!((ask(&blind).status, ask(&blind).text().as_str()), (200, "bad"));
    }
    // The system's authorities know nothing of ours.
    let evener = start(&scene, &[&good], "true");
    assert_eq!(ask(&evener).field("x-evener-reason"), Some("upstream_tls"));
}

#[test]
fn another_server_is_tried_if_one_is_not_believed() {
    let scene = Scene::new();
    let bad = Server::start(&Authority::new("foreign").issue(&Order::server(&["localhost"])), "bad", None);
    let good = Server::start(&scene.servers.issue(&Order::server(&["localhost"])), "good", None);
    let evener = start(&scene, &[&bad, &good], "{ ca = \"{dir}/ca.pem\" }");
    for _ in 0..10 {
        let response = evener
            .connect()
            .send(get("/").replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"))
            .response();
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "good"),
            "nothing was sent, so all may be repeated"
        );
    }
    assert!(bad.visits().is_empty());
}

#[test]
fn the_name_and_the_own_certificate_are_settings() {
    let scene = Scene::new();
    let own = scene.clients.issue(&Order::client(&["evener"], 3));
    scene.put("own", &own);
    let server = Server::start(&scene.servers.issue(&Order::server(&["inner.test"])), "known", Some(&scene.clients));
    let evener = start(
        &scene,
        &[&server],
        "{ ca = \"{dir}/ca.pem\", sni = \"inner.test\", cert = \"{dir}/own.pem\", key = \"{dir}/own.key\" }",
    );
    let response = ask(&evener);
    assert_eq!((response.status, response.text().as_str()), (200, "known"));
    let visit = server.visits().remove(0);
    assert_eq!(visit.name.as_deref(), Some("inner.test"));
    assert_eq!(visit.shown, Some(chain(&own)[0].to_vec()));
}

#[test]
fn a_server_that_takes_no_certificate_of_ours_is_told_with_its_reason() {
    let scene = Scene::new();
    scene.put("foreign", &Authority::new("foreign").issue(&Order::client(&["evener"], 3)));
    let own = scene.servers.issue(&Order::server(&["localhost"]));
    let none = "{ ca = \"{dir}/ca.pem\" }";
    let foreign = "{ ca = \"{dir}/ca.pem\", cert = \"{dir}/foreign.pem\", key = \"{dir}/foreign.key\" }";
    for (protocol, offered) in [("http1", "http/1.1"), ("h2", "h2")] {
        let server = Server::offering(&own, "known", Some(&scene.clients), &[offered]);
        for (tls, alert) in [(none, "certificate required"), (foreign, "unknown ca")] {
            let evener = start(&scene, &[&server], &format!("{tls}\nprotocol = \"{protocol}\""));
            for method in ["GET", "POST"] {
                let request = get("/").replace("GET", method).replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n");
                let response = evener.connect().send(request).response();
                let found = (response.status, response.field("x-evener-reason"));
                assert_eq!(found, (502, Some("upstream_tls")), "{protocol} {alert}");
            }
            let words = format!("the alert `{alert}`");
            eventually(PATIENCE, &words, || evener.process.stderr().contains(&words));
        }
        assert!(server.visits().is_empty());
    }
}
