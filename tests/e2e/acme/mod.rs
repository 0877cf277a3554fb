//! `tls = "auto"` by the real program against the real authority `pebble`: both ways of answering, outages, restarts, and
//! what anybody else gets for the path of an answer.
//!
//! How orders go in detail is tested in `evener-acme`, renewal too, which needs a clock of the test's own.

mod metrics;
mod pebble;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pebble::Pebble;
use rustix::process::Signal;

use crate::harness::client::{RawClient, get};
use crate::harness::evener::Folder;
use crate::harness::ports::free_address;
use crate::harness::process::Process;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, recorder};

/// Until when something has happened that waits for a pause of some seconds at most.
const SOON: Duration = Duration::from_secs(15);

/// Evener's addresses and its config, before it runs.
struct Scene {
    folder: Folder,
    tls: SocketAddr,
    http: SocketAddr,
    recorder: Recorder,
}

impl Scene {
    fn new() -> Self {
        let recorder = Recorder::answering(recorder::ok("hello"));
        Self { folder: Folder::new(), tls: free_address(), http: free_address(), recorder }
    }

    /// The plain address is the one that [`Evener`] looks at.
    fn config(&self, acme: &str) -> String {
        format!(
            "state_dir = \"{}/state\"\n{acme}\n[[site]]\nlisten = \"{}\"\nredirect_from = [\"{{listen}}\"]\n\
             hosts = [\"a.test\"]\ntls = \"auto\"\nto = \"{}\"\n",
            self.folder.0.display(),
            self.tls,
            self.recorder.address(),
        )
    }

    /// What `a.test` answers, if its certificate is good.
    fn fetch(&self, root: &Path) -> Option<String> {
        let (url, resolve) =
            (format!("https://a.test:{}/", self.tls.port()), format!("a.test:{}:127.0.0.1", self.tls.port()));
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "5", "--resolve", &resolve, "--cacert"]).arg(root).arg(url);
        let mut process = Process::start(&mut command);
        process.wait_exit(PATIENCE).success().then(|| process.stdout())
    }

    #[track_caller]
    fn await_certificate(&self, pebble: &Pebble) {
        let stored = self.folder.0.join("state/acme/certificates/a.test.pem");
        eventually(PATIENCE, "a certificate is stored", || stored.exists());
        let root = pebble.root(&self.folder.0);
        eventually(PATIENCE, "the certificate is shown", || self.fetch(&root).as_deref() == Some("hello"));
    }
}

#[track_caller]
fn ordered_by(http: bool) {
    let scene = Scene::new();
    // The plain address is known only to evener's harness, so the config names another one besides.
    let dead = free_address();
    let (to_http, to_tls) = if http { (scene.http, dead) } else { (dead, scene.tls) };
    let mut pebble = Pebble::new(to_http, to_tls);
    pebble.start(&scene.folder.0);
    let both = format!("redirect_from = [\"{{listen}}\", \"{}\"]", scene.http);
    let config = scene.config(&pebble.section()).replace("redirect_from = [\"{listen}\"]", &both);
    let evener = Evener::start(&config);
    scene.await_certificate(&pebble);
    let said = evener.process.stderr();
    // The answer of the other way was looked for in vain before.
    assert_eq!(said.contains("no certificate for a.test"), http, "{said}");
    let mode = |name: &str| {
        let path = scene.folder.0.join("state/acme").join(name);
        path.metadata().unwrap_or_else(|error| panic!("{name}: {error}")).permissions().mode() & 0o777
    };
    assert_eq!(mode("certificates/a.test.key"), 0o600);
    // The answers are gone with the order.
    assert_eq!(scene.http_get("/.well-known/acme-challenge/anything").status, 308);
}

impl Scene {
    #[track_caller]
    fn http_get(&self, path: &str) -> crate::harness::message::Response {
        RawClient::connect(self.http).send(get(path).replace("Host: test", "Host: a.test")).response()
    }
}

#[test]
fn a_certificate_is_ordered_by_tls() {
    ordered_by(false);
}

#[test]
fn a_certificate_is_ordered_by_http_where_tls_does_not_work() {
    ordered_by(true);
}

#[test]
fn an_outage_of_the_authority_keeps_nothing_else_from_working() {
    let scene = Scene::new();
    let mut pebble = Pebble::new(free_address(), scene.tls);
    let config = scene.config(&pebble.section());
    let plain = free_address();
    let other = format!("[[site]]\nlisten = \"{plain}\"\nrespond = {{ status = 200, body = \"plain\" }}\n");
    let evener = Evener::start(&format!("{config}{other}"));
    eventually(PATIENCE, "the outage is told", || {
        evener.process.stderr().contains("cannot use the certificate authority")
    });
    assert_eq!(RawClient::connect(plain).send(get("/")).response().status, 200);
    // Without a certificate there is no handshake: a made-up one would teach people to click warnings away.
    assert_eq!(scene.fetch(Path::new("/etc/ssl/certs/ca-certificates.crt")), None);

    // It comes back, and nobody has to do anything.
    pebble.start(&scene.folder.0);
    let began = Instant::now();
    scene.await_certificate(&pebble);
    assert!(began.elapsed() < SOON, "{:?}: {}", began.elapsed(), evener.process.stderr());
}

#[test]
fn a_reload_hurries_what_waits_for_the_authority() {
    let scene = Scene::new();
    let mut pebble = Pebble::new(free_address(), scene.tls);
    let evener = Evener::start(&scene.config(&pebble.section()));
    let told = |count| {
        let said = evener.process.stderr();
        said.matches("cannot use the certificate authority").count() >= count
    };
    eventually(PATIENCE, "the outage is told", || told(1));
    // Each reload is a try of its own, so that the pauses grow.
    for count in 2..=5 {
        evener.signal(Signal::HUP);
        eventually(SOON, "the outage is told again", || told(count));
    }
    pebble.start(&scene.folder.0);
    // By itself it would try again after half a minute.
    let began = Instant::now();
    evener.signal(Signal::HUP);
    scene.await_certificate(&pebble);
    assert!(began.elapsed() < SOON, "{:?}: {}", began.elapsed(), evener.process.stderr());
}

#[test]
fn other_settings_are_tried_at_once() {
    let scene = Scene::new();
    let mut pebble = Pebble::new(free_address(), scene.tls);
    let config = scene.config(&pebble.section());
    let evener = Evener::start(&config);
    eventually(PATIENCE, "the outage is told", || {
        evener.process.stderr().contains("cannot use the certificate authority")
    });
    pebble.start(&scene.folder.0);
    evener.rewrite_config(&config.replace("[acme]\n", "[acme]\nemail = \"ops@example.com\"\n"));
    evener.signal(Signal::HUP);
    scene.await_certificate(&pebble);
}

#[test]
fn a_restart_uses_what_is_stored_and_asks_nobody() {
    let scene = Scene::new();
    let mut pebble = Pebble::new(free_address(), scene.tls);
    pebble.start(&scene.folder.0);
    let config = scene.config(&pebble.section());
    let evener = Evener::start(&config);
    scene.await_certificate(&pebble);
    let root = scene.folder.0.join("pebble-root.pem");
    pebble.stop();
    drop(evener);
    let again = Evener::start(&config);
    assert_eq!(scene.fetch(&root).as_deref(), Some("hello"));
    // What is there is good for a reload, too.
    again.signal(Signal::HUP);
    eventually(PATIENCE, "the reload is told", || again.process.stderr().contains("reloaded"));
    assert_eq!(scene.fetch(&root).as_deref(), Some("hello"));
    assert!(again.process.stderr().matches("no certificate for").count() == 0, "{}", again.process.stderr());
}

/// An account that cannot be kept would be made again at each try and each start.
#[test]
fn nothing_is_asked_of_the_authority_where_nothing_can_be_kept() {
    let scene = Scene::new();
    let mut pebble = Pebble::new(free_address(), scene.tls);
    pebble.start(&scene.folder.0);
    // A file in the place of the folder: nobody can write below it, not even root.
    let state = scene.folder.0.join("state");
    std::fs::write(&state, "").expect("it can be written");
    let config = scene.config(&pebble.section());
    let evener = Evener::start(&config);
    let told = "nothing is asked of the certificate authority";
    eventually(PATIENCE, "two tries", || evener.process.stderr().matches(told).count() >= 2);
    let said = evener.process.stderr();
    let path = state.to_str().expect("temporary folders have plain names");
    for part in [
        &format!("warning[state-dir-not-writable]: the state folder `{path}` cannot be written: Not a directory"),
        "evener.toml:1:13",
        "state_dir = \"",
        "certificates of this are kept there",
        &format!("{path}/acme/certificates cannot be written: Not a directory"),
    ] {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
    assert_eq!(pebble.accounts(), 0, "{said}");
    // Mended, a reload tries at once.
    std::fs::remove_file(&state).expect("it is there");
    evener.signal(Signal::HUP);
    scene.await_certificate(&pebble);
    assert_eq!(pebble.accounts(), 1);
}

#[test]
fn a_token_that_nobody_has_takes_its_normal_route() {
    let recorder = Recorder::answering(recorder::ok("from the server"));
    let config = format!("[[site]]\nlisten = \"{{listen}}\"\nto = \"{}\"\n", recorder.address());
    let evener = Evener::start(&config);
    let path = "/.well-known/acme-challenge/SGVsbG8";
    let response = evener.get(path);
    assert_eq!((response.status, response.text().as_str()), (200, "from the server"));
    assert_eq!(recorder.only_request().target, path);
    // On a plain port that redirects it is redirected like anything else.
    let scene = Scene::new();
    let pebble = Pebble::new(free_address(), scene.tls);
    let evener = Evener::start(&scene.config(&pebble.section()));
    let response = evener.connect().send(get(path).replace("Host: test", "Host: a.test")).response();
    let location = format!("https://a.test:{}{path}", scene.tls.port());
    assert_eq!((response.status, response.field("location")), (308, Some(location.as_str())));
}
