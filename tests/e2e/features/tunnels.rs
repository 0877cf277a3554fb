//! Upgrades: what passes in a tunnel, what stands in the log of it, how long it may be idle.

use std::time::{Duration, Instant};

use super::request;
use crate::harness::client::RawClient;
use crate::harness::content::{ContentCheck, content};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

const OFFER: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: a\r\n\r\n";

fn in_front_of(recorder: &Recorder, limits: &str) -> Evener {
    Evener::start(&format!(
        "[log]\naccess = \"./access.log\"\nformat = \"{{target}} {{status}} {{bytes_in}} {{bytes_out}} {{reason}}\"\n\
         {limits}\n[[site]]\nlisten = \"{{listen}}\"\nto = \"web\"\n\
         [[site.route]]\npath = \"/app/\"\nto = \"web\"\nstrip_prefix = \"/app\"\nset_headers = {{ x-set = \"1\" }}\n\
         [upstream.web]\nservers = [\"{}\"]\nidle_timeout = \"1s\"\nresponse_timeout = \"1s\"\n",
        recorder.address()
    ))
}

#[track_caller]
fn open(evener: &Evener, target: &str) -> RawClient {
    let mut client = evener.connect();
    let response = client.send(request("GET", target, "test", OFFER)).response();
    assert_eq!((response.status, response.field("upgrade")), (101, Some("websocket")));
    assert_eq!(response.field("sec-websocket-accept"), Some("a"));
    client
}

const LENGTH: usize = 1 << 20;

#[test]
fn a_tunnel_carries_a_mebibyte_each_way_and_is_logged_with_its_bytes() {
    let recorder = Recorder::scripted(|_| {
        vec![Step::ReadHead, Step::send(SWITCH), Step::Send(content(0, LENGTH)), Step::ReadToEnd]
    });
    let evener = in_front_of(&recorder, "");
    let mut client = open(&evener, "/app/ws?x=1");
    let received = recorder.conversation(0).length();
    client.send(content(0, LENGTH));
    let mut check = ContentCheck::default();
    check.take(&client.bytes(LENGTH));
    client.half_close();
    client.expect_close();
    eventually(PATIENCE, "the server has it all", || recorder.conversation(0).length() == received + LENGTH);
    let mut check = ContentCheck::default();
    check.take(&recorder.conversation(0).bytes()[received..]);
    let sent = recorder.only_request();
    assert_eq!((sent.target.as_str(), sent.fields.get("x-set")), ("/ws?x=1", Some("1")));
    assert_eq!((sent.fields.get("upgrade"), sent.fields.get("connection")), (Some("websocket"), Some("Upgrade")));
    assert_eq!(sent.fields.get("sec-websocket-key"), Some("k"));
    let path = evener.config_path().with_file_name("access.log");
    let log = || std::fs::read_to_string(&path).unwrap_or_default();
    eventually(PATIENCE, "its line", || !log().is_empty());
    assert_eq!(log(), format!("/app/ws?x=1 101 {LENGTH} {LENGTH} -\n"));
}

#[test]
fn only_the_idle_time_of_tunnels_bounds_a_tunnel() {
    let recorder = Recorder::scripted(|_| {
        vec![
            Step::ReadHead,
            Step::send(SWITCH),
            Step::Pause(Duration::from_millis(1_500)),
            Step::send("late"),
            Step::Hold,
        ]
    });
    let limits = "[limits]\nidle_timeout = \"1s\"\nhead_timeout = \"1s\"\ntunnel_idle_timeout = \"2s\"";
    let evener = in_front_of(&recorder, limits);
    let mut client = open(&evener, "/");
    assert_eq!(client.bytes(4), b"late");
    let since = Instant::now();
    client.expect_close();
    let after = since.elapsed();
    assert!((Duration::from_millis(1_700)..Duration::from_secs(6)).contains(&after), "{after:?}");
    eventually(PATIENCE, "the server's side ends as well", || recorder.conversation(0).is_over());
}

#[test]
fn an_upgrade_that_the_server_does_not_take_leaves_both_connections_in_use() {
    let recorder = Recorder::per_request(|_| vec![Step::send(ok("plain"))]);
    let evener = in_front_of(&recorder, "");
    let mut client = evener.connect();
    for _ in 0..3 {
        assert_eq!(client.send(request("GET", "/", "test", OFFER)).response().text(), "plain");
    }
    assert_eq!(recorder.conversations().len(), 1);
}
