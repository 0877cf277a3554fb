//! Configs of several files and with variables, and reloads that add and remove listeners.

use std::net::{SocketAddr, TcpStream};

use rustix::process::Signal;

use super::{ask, request};
use crate::harness::Evener;
use crate::harness::client::{RawClient, get};
use crate::harness::ports::free_address;
use crate::harness::recorder::{Recorder, ok};
use crate::harness::wait::{PATIENCE, eventually};

const MAIN: &str = "[[site]]\nlisten = \"{listen}\"\nrespond = { body = \"main\" }\n";

/// Runs with the site above and with whatever will be in `conf.d`.
fn start() -> Evener {
    let evener = Evener::start(MAIN);
    std::fs::create_dir(evener.config_path().with_file_name("conf.d")).expect("a folder can be made");
    evener.rewrite_config(&format!("include = \"conf.d/*.toml\"\n{MAIN}"));
    assert!(reload(&evener).contains("evener: reloaded"), "a pattern may match nothing");
    evener
}

/// Puts a file beside the config, in `conf.d`.
fn include(evener: &Evener, name: &str, text: &str) {
    let folder = evener.config_path().with_file_name("conf.d");
    let text = text.replace("{listen}", &evener.address().to_string());
    std::fs::write(folder.join(name), text).expect("a file can be written");
}

/// Reloads; what it says of it.
#[track_caller]
fn reload(evener: &Evener) -> String {
    let before = evener.process.stderr().len();
    evener.signal(Signal::HUP);
    let said = || evener.process.stderr()[before..].to_owned();
    eventually(PATIENCE, "it has reloaded", || {
        said().contains("evener: reloaded") || said().contains("nothing was changed")
    });
    said()
}

fn site(listen: &str, host: &str, name: &str) -> String {
    format!("[[site]]\nlisten = \"{listen}\"\nhosts = \"{host}\"\nrespond = {{ body = \"{name}\" }}\n")
}

#[test]
fn a_file_that_is_added_brings_its_site_and_one_that_goes_takes_it_away() {
    let evener = start();
    let mut client = evener.connect();
    let mut text = |host: &str| client.send(request("GET", "/", host, "")).response().text();
    assert_eq!(text("a.test"), "main");
    include(&evener, "a.toml", &site("{listen}", "a.test", "a"));
    include(&evener, "b.toml", &site("{listen}", "b.test", "b"));
    include(&evener, "c.toml.off", "no config at all");
    assert_eq!(text("a.test"), "main", "nothing happens by itself");
    reload(&evener);
    assert_eq!((text("a.test"), text("b.test"), text("c.test")), ("a".into(), "b".into(), "main".into()));
    std::fs::remove_file(evener.config_path().with_file_name("conf.d").join("a.toml")).expect("it is there");
    reload(&evener);
    assert_eq!((text("a.test"), text("b.test")), ("main".into(), "b".into()));

    include(&evener, "a.toml", "[[site]]\nlisten = \"{listen}\"\nhosts = \"b.test\"\nrespond = {}\nrespnd = 1\n");
    let said = reload(&evener);
    assert!(said.contains("conf.d/a.toml:") && said.contains("respnd"), "{said}");
    assert_eq!((text("a.test"), text("b.test")), ("main".into(), "b".into()), "nothing was changed");
}

fn refuses(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_err()
}

#[test]
fn a_listener_comes_and_goes_with_its_site_and_its_connections_stay() {
    let evener = start();
    let (second, third) = (free_address(), free_address());
    assert!(refuses(second));
    include(&evener, "a.toml", &site(&second.to_string(), "a.test", "a"));
    reload(&evener);
    let mut old = RawClient::connect(second);
    let ask_a = || request("GET", "/", "a.test", "");
    assert_eq!(old.send(ask_a()).response().text(), "a");
    let mut silent = RawClient::connect(second);

    include(&evener, "a.toml", &site(&third.to_string(), "a.test", "moved"));
    reload(&evener);
    eventually(PATIENCE, "the listener is closed", || refuses(second));
    assert_eq!(RawClient::connect(third).send(ask_a()).response().text(), "moved");
    for client in [&mut old, &mut silent] {
        let response = client.send(ask_a()).response();
        assert_eq!((response.status, response.text().as_str()), (404, "404 Not Found\n"));
    }
    // It may come back, and the connections are served again.
    include(&evener, "b.toml", &site(&second.to_string(), "a.test", "back"));
    reload(&evener);
    assert_eq!(RawClient::connect(second).send(ask_a()).response().text(), "back");
    assert_eq!(old.send(ask_a()).response().text(), "back");
    assert_eq!(evener.get("/").text(), "main");
}

#[test]
fn variables_stand_for_what_they_are_when_the_file_is_read() {
    let recorder = Recorder::answering(ok(""));
    let config = "[[site]]\nlisten = \"{listen}\"\nto = \"${EVENER_TEST_NOBODY_SETS_THIS:-{server}}\"\n\
                  set_headers = { x-path = \"<${PATH}>\", x-none = \"${EVENER_TEST_NOBODY_SETS_THIS:-}x\", x-cost = \"$$5\" }\n";
    let evener = Evener::start(&config.replace("{server}", &recorder.address().to_string()));
    assert_eq!(ask(&evener, "GET", "/", "a.test", "").status, 200);
    let sent = recorder.only_request();
    let path = std::env::var("PATH").expect("tests are found through it");
    assert_eq!(sent.fields.get("x-path"), Some(format!("<{path}>").as_str()));
    assert_eq!((sent.fields.get("x-none"), sent.fields.get("x-cost")), (Some("x"), Some("$5")));

    evener.rewrite_config("[[site]]\nlisten = \"{listen}\"\nto = \"${EVENER_TEST_NOBODY_SETS_THIS}\"\n");
    let said = reload(&evener);
    assert!(said.contains("EVENER_TEST_NOBODY_SETS_THIS"), "{said}");
    assert_eq!(evener.connect().send(get("/")).response().status, 200);
}
