//! Certificates that change under way: files are swapped without touching a connection, what is broken never replaces
//! what works, and no mistake opens a door.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use super::authority::Order;
use super::check::place;
use super::scene::{SITE, Scene, run};
use crate::harness::wait::{PATIENCE, eventually, pause_unless};

#[test]
fn a_certificate_is_swapped_under_load() {
    let scene = Scene::new();
    let old = scene.issue("site", &Order::server(&["a.test"]));
    let evener = scene.start(SITE);
    let address = evener.address();
    let mut kept = scene.client().connect(address, "a.test").expect("a handshake");
    assert_eq!(kept.get("a.test", "/").expect("an answer").status, 200);
    let (is_over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let load = || {
            let client = scene.client();
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(client.get(address, "a.test").status, 200);
                served.fetch_add(1, Ordering::Relaxed);
            }
        };
        let (first, second) = (scope.spawn(load), scope.spawn(load));
        // The load ends also when something here fails.
        let swapped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            assert!(scene.shows(address, "a.test", &old));
            let new = scene.issue("site", &Order { serial: 8, ..Order::server(&["a.test"]) });
            eventually(PATIENCE, "the new certificate is shown", || scene.shows(address, "a.test", &new));
            // A key without its certificate, and then nonsense: the new one stays.
            let other = scene.servers.issue(&Order::server(&["a.test"]));
            scene.write("site.key", &other.key);
            eventually(PATIENCE, "the mismatch is told", || evener.process.stderr().contains("does not match"));
            assert!(scene.shows(address, "a.test", &new));
            scene.write("site.pem", "no certificate");
            eventually(PATIENCE, "the nonsense is told", || evener.process.stderr().contains("is not PEM"));
            assert!(scene.shows(address, "a.test", &new));
            scene.put("site", &other);
            eventually(PATIENCE, "the whole pair is shown", || scene.shows(address, "a.test", &other));
        }));
        is_over.store(true, Ordering::Relaxed);
        first.join().expect("no request failed");
        second.join().expect("no request failed");
        swapped.expect("every swap");
    });
    assert!(served.load(Ordering::Relaxed) > 20, "{served:?}");
    assert_eq!(kept.get("a.test", "/").expect("the connection was not touched").status, 200);
    let said = evener.process.stderr();
    assert!(
        said.contains("what was read before stays in use") && said.contains("the new certificate is in use"),
        "{said}"
    );
}

#[test]
fn a_reload_with_a_missing_certificate_changes_nothing() {
    let scene = Scene::new();
    let evener = scene.start(SITE);
    let gated = SITE.replace("site.key\" }", "site.key\", client_ca = \"{dir}/clients.pem\" }");
    let refused = |config: &str, why: &str| {
        let before = evener.process.stderr().len();
        evener.rewrite_config(&scene.fill(config));
        evener.signal(Signal::HUP);
        let said = || evener.process.stderr()[before..].to_owned();
        eventually(PATIENCE, "the reload is refused", || said().contains("nothing was changed"));
        assert!(said().contains(why), "{}", said());
    };
    refused(&SITE.replace("/site.pem", "/absent.pem"), "absent.pem");
    refused(&SITE.replace("/site.key", "/absent.key"), "absent.key");
    refused(&gated.replace("/clients.pem", "/absent.pem"), "absent.pem");
    assert_eq!(scene.client().get(evener.address(), "a.test").status, 200);

    // A gate that is there stays, whatever becomes of its files.
    evener.rewrite_config(&scene.fill(&gated));
    evener.signal(Signal::HUP);
    eventually(PATIENCE, "the reload is told", || evener.process.stderr().contains("reloaded"));
    let is_shut = || scene.client().try_get(evener.address(), "a.test").is_err();
    assert!(is_shut());
    std::fs::remove_file(scene.folder.0.join("clients.pem")).expect("it is there");
    refused(&gated, "clients.pem");
    assert!(is_shut());
    pause_unless(Duration::from_millis(2500), || !is_shut());
    assert!(is_shut(), "the files were looked at again meanwhile");
}

/// What is told of a file in this text: its place in the config, the line with a caret below, and what to do.
#[track_caller]
fn told<'a>(said: &'a str, path: &str, config: &str, file: &str, problem: &str) -> &'a str {
    let quoted = config.lines().find_map(|line| line.split('"').find(|part| part.ends_with(file)));
    let quoted = format!("\"{}\"", quoted.unwrap_or_else(|| panic!("no {file} in {config}")));
    let place = place(path, config, &quoted);
    let block = said.split("\n\n").find(|block| block.contains(file) && block.contains(problem));
    let block = block.unwrap_or_else(|| panic!("nothing of {file}:\n{said}"));
    assert!(block.contains(&place), "{place} is not in\n{block}");
    assert!(block.contains("^^^^") && block.contains("help: "), "{block}");
    block
}

#[test]
fn a_reload_with_a_foreign_key_is_refused_with_its_place() {
    let scene = Scene::new();
    let own = scene.issue("site", &Order::server(&["a.test"]));
    let evener = scene.start(SITE);
    scene.issue("other", &Order { serial: 9, ..Order::server(&["a.test"]) });
    let before = evener.process.stderr().len();
    let config = scene.fill(&SITE.replace("/site.key", "/other.key"));
    evener.rewrite_config(&config);
    evener.signal(Signal::HUP);
    let said = || evener.process.stderr()[before..].to_owned();
    eventually(PATIENCE, "the reload is refused", || said().contains("nothing was changed"));
    let (said, path) = (said(), evener.config_path().display().to_string());
    let config = std::fs::read_to_string(&path).expect("the config is there");
    let block = told(&said, &path, &config, "/site.pem", "does not match the certificate");
    assert!(block.contains("error[bad-certificate]") && block.contains("the key"), "{block}");
    assert!(said.contains("\n1 error\n"), "{said}");
    assert!(scene.shows(evener.address(), "a.test", &own));
}

#[test]
fn what_stands_in_nobodys_way_is_told_with_its_place_too() {
    let scene = Scene::new();
    let over = scene.issue("site", &Order { years: (2020, 2021), ..Order::server(&["a.test"]) });
    let evener = scene.start(SITE);
    let path = evener.config_path().display().to_string();
    let config = std::fs::read_to_string(&path).expect("the config is there");
    let told_once = |said: &str| {
        let block = told(said, &path, &config, "/site.pem", "certificate 1 expired on 2021-01-01");
        assert!(block.contains("warning") && !said.contains("error["), "{said}");
        assert_eq!(said.matches("bad-certificate").count(), 1, "{said}");
    };
    told_once(evener.process.stderr().split("listening on").next().unwrap_or_default());
    let before = evener.process.stderr().len();
    evener.signal(Signal::HUP);
    eventually(PATIENCE, "the reload is told", || evener.process.stderr()[before..].contains("reloaded"));
    told_once(&evener.process.stderr()[before..]);
    // It serves all the same.
    let address = evener.address().to_string();
    let shown = run("openssl", &["s_client", "-connect", &address, "-servername", "a.test", "-showcerts"]);
    let body = over.chain.lines().nth(1).expect("the first line of base64");
    assert!(shown.text.contains(body), "{}", shown.text);
}

#[test]
fn a_start_without_a_certificate_fails_and_says_all_that_is_wrong() {
    let scene = Scene::new();
    std::fs::remove_file(scene.folder.0.join("site.key")).expect("it is there");
    let config = SITE.replace("{listen}", &scene.second.to_string());
    let gated = config.replace("site.key\" }", "site.key\", client_ca = \"{dir}/absent.pem\" }");
    let config = scene.fill(&gated);
    let path = scene.write("evener.toml", &config);
    let ended = crate::harness::evener::evener(&["run", &path]);
    assert_eq!(ended.status.code(), Some(1));
    told(&ended.stderr, &path, &config, "/site.key", "cannot be read: No such file");
    told(&ended.stderr, &path, &config, "/absent.pem", "cannot be read: No such file");
    assert!(ended.stderr.contains("\n2 errors\n"), "{}", ended.stderr);
    // A check says the same.
    let checked = crate::harness::evener::evener(&["check", &path]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(ended.stderr.contains(&checked.stderr), "{}\n---\n{}", ended.stderr, checked.stderr);
}
