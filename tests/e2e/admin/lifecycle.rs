//! The listener over a unix socket, over reloads, and while the program ends.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use super::{Page, SITE, ask, config, request, start};
use crate::harness::client::{RawClient, get};
use crate::harness::evener::{Evener, Folder, evener};
use crate::harness::ports::free_address;
use crate::harness::process::Process;
use crate::harness::recorder::{Recorder, Step, ok};
use crate::harness::wait::{PATIENCE, eventually};

/// A path for a socket, and what a config writes for it.
fn socket(folder: &Folder) -> (PathBuf, String) {
    let path = folder.0.join("admin.sock");
    let written = format!("unix:{}", path.display());
    (path, written)
}

/// What curl gets over a socket, if anything.
fn curl(socket: &Path, url: &str) -> Option<String> {
    let mut command = Command::new("curl");
    command.args(["-sS", "--fail", "--max-time", "10", "--unix-socket"]).arg(socket).arg(url);
    let mut process = Process::start(&mut command);
    process.wait_exit(PATIENCE).success().then(|| process.stdout())
}

/// Starts evener with a socket and waits until it is ready.
#[track_caller]
fn start_at(path: &Path, written: &str) -> Evener {
    let evener = Evener::start(&config(written));
    eventually(PATIENCE, "it is ready", || curl(path, "http://localhost/readyz").is_some());
    evener
}

#[test]
fn a_unix_socket_is_for_its_user_and_goes_with_the_program() {
    let folder = Folder::new();
    let (path, written) = socket(&folder);
    let mut evener = start_at(&path, &written);
    assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
    // Any host: browsers do not come this way.
    assert!(curl(&path, "http://evener.example/metrics").expect("a page").contains("evener_build_info"));
    assert_eq!(curl(&path, "http://localhost/readyz").as_deref(), Some("ready\n"));
    evener.signal(Signal::TERM);
    assert!(evener.process.wait_exit(PATIENCE).success());
    assert!(!path.exists());
}

#[test]
fn a_socket_that_is_left_over_is_replaced_and_one_in_use_is_not() {
    let folder = Folder::new();
    let (path, written) = socket(&folder);
    let mut first = start_at(&path, &written);
    first.process.kill();
    assert!(path.exists(), "nobody could take it away");
    let second = start_at(&path, &written);
    assert_eq!(curl(&path, "http://localhost/healthz").as_deref(), Some("ok\n"));

    let third = folder.0.join("third.toml");
    let text = config(&written).replace("{listen}", &free_address().to_string());
    fs::write(&third, text).expect("it can be written");
    let ended = evener(&["run", third.to_str().expect("temporary folders have plain names")]);
    assert!(!ended.status.success());
    let expected = format!("cannot listen on {written} for `admin`: another program answers there");
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    assert_eq!(curl(&path, "http://localhost/healthz").as_deref(), Some("ok\n"));
    drop(second);
}

/// Puts another config in place and waits for what is said about it.
#[track_caller]
fn reload(evener: &Evener, config: &str, expected: &str) {
    let before = evener.process.stderr().len();
    evener.rewrite_config(config);
    evener.signal(Signal::HUP);
    eventually(PATIENCE, expected, || evener.process.stderr()[before..].contains(expected));
}

#[track_caller]
fn is_refused(address: SocketAddr) {
    eventually(PATIENCE, "nobody listens there", || TcpStream::connect(address).is_err());
}

#[test]
fn a_reload_moves_the_listener_and_lets_answers_come_to_their_end() {
    let folder = Folder::new();
    let (path, written) = socket(&folder);
    let (first, second) = (free_address(), free_address());
    let evener = start(&config(first), first);
    let mut under_way = RawClient::connect(first);
    let whole = request("GET", "/metrics", "");
    let (start, rest) = whole.split_at(20);
    under_way.send(start);
    // The answer to another one tells that the first has been accepted.
    assert_eq!(ask(first, "/readyz").text(), "ready\n");

    reload(&evener, &config(second), "evener: reloaded");
    assert!(evener.process.stderr().contains(&format!("metrics are at http://{second}/metrics")));
    assert_eq!(ask(second, "/readyz").text(), "ready\n");
    is_refused(first);
    let response = under_way.send(rest).response();
    assert_eq!((response.status, response.field("connection")), (200, Some("close")));
    assert!(response.text().ends_with('\n'));

    reload(&evener, &config(&written), "evener: reloaded");
    is_refused(second);
    assert_eq!(curl(&path, "http://localhost/healthz").as_deref(), Some("ok\n"));
    reload(&evener, SITE, "evener: reloaded");
    eventually(PATIENCE, "the socket is gone", || !path.exists());
    // What was counted stays over all of this.
    evener.get("/");
    reload(&evener, &config(first), "evener: reloaded");
    assert!(Page::fetch(first).value("evener_exchange_requests_total{class=2xx}") >= 1.0);
}

#[test]
fn an_address_that_cannot_be_had_leaves_everything_as_it_was() {
    let folder = Folder::new();
    let (path, written) = socket(&folder);
    let admin = free_address();
    let taken = TcpListener::bind(free_address()).expect("it is free");
    let address = taken.local_addr().expect("it is bound");
    let evener = start(&config(admin), admin);
    let other = SITE.replace("hello", "changed");
    reload(
        &evener,
        &format!("admin = \"{address}\"\n{other}"),
        &format!(
            "cannot reload: cannot listen on {address} for `admin`: Address already in use (another program listens \
             there; `ss -ltnp` shows which); nothing was changed"
        ),
    );
    let answering = UnixListener::bind(&path).expect("it is free");
    reload(&evener, &format!("admin = \"{written}\"\n{other}"), "another program answers there; nothing was changed");
    assert_eq!(ask(admin, "/readyz").text(), "ready\n");
    assert_eq!(evener.get("/").text(), "hello");
    drop(answering);
    // Nobody answers any more.
    reload(&evener, &format!("admin = \"{written}\"\n{other}"), "evener: reloaded");
    assert_eq!(evener.get("/").text(), "changed");
    is_refused(admin);
}

#[test]
fn a_start_without_the_address_fails() {
    let folder = Folder::new();
    let file = folder.0.join("evener.toml");
    let taken = TcpListener::bind(free_address()).expect("it is free");
    let address = taken.local_addr().expect("it is bound");
    let text = config(address).replace("{listen}", &free_address().to_string());
    fs::write(&file, text).expect("it can be written");
    let ended = evener(&["run", file.to_str().expect("temporary folders have plain names")]);
    assert!(!ended.status.success());
    assert!(ended.stderr.contains(&format!("cannot listen on {address} for `admin`")), "{}", ended.stderr);
}

#[test]
fn who_drains_is_alive_but_not_ready() {
    let admin = free_address();
    let recorder = Recorder::scripted(|_| vec![Step::ReadHead, Step::ReadBody, Step::send(ok("at last"))]);
    let config = format!("admin = \"{admin}\"\n[[site]]\nlisten = \"{{listen}}\"\nto = \"{}\"\n", recorder.address());
    let mut evener = start(&config, admin);
    let mut client = evener.connect();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nha");
    eventually(PATIENCE, "the request is at the server", || recorder.conversation(0).text().ends_with("ha"));
    assert_eq!((ask(admin, "/readyz").status, ask(admin, "/healthz").status), (200, 200));
    evener.signal(Signal::TERM);
    eventually(PATIENCE, "it is not ready", || ask(admin, "/readyz").status == 503);
    assert_eq!(ask(admin, "/readyz").text(), "draining\n");
    assert_eq!(ask(admin, "/healthz").text(), "ok\n");
    assert_eq!(Page::fetch(admin).value("evener_client_connections_open{}"), 1.0);
    // What has begun comes to its end, and with it the program.
    assert_eq!(client.send("lf").response().text(), "at last");
    assert!(evener.process.wait_exit(PATIENCE).success());
    is_refused(admin);
}

#[test]
fn clients_that_say_nothing_do_not_hold_up_the_end() {
    let admin = free_address();
    let mut evener = start(&config(admin), admin);
    let _silent: Vec<RawClient> = (0..100).map(|_| RawClient::connect(admin)).collect();
    let mut resting = RawClient::connect(evener.address());
    assert_eq!(resting.send(get("/")).response().text(), "hello");
    evener.signal(Signal::TERM);
    assert!(evener.process.wait_exit(std::time::Duration::from_secs(8)).success());
}

#[test]
fn a_socket_whose_file_somebody_took_away_is_back_after_a_reload() {
    let folder = Folder::new();
    let (path, written) = socket(&folder);
    let evener = start_at(&path, &written);
    fs::remove_file(&path).expect("it is there");
    reload(&evener, &config(&written), "reloaded");
    assert_eq!(curl(&path, "http://localhost/readyz").as_deref(), Some("ready\n"));
    // One that is there stays.
    reload(&evener, &config(&written), "reloaded");
    assert_eq!(curl(&path, "http://localhost/readyz").as_deref(), Some("ready\n"));
}
