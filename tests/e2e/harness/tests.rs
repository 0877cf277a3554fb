//! The harness tested without evener: client and recorder face to face, and the servers alone.
//! A tool that cannot fail proves nothing, so these tests also make it fail.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::client::{End, RawClient, get};
use super::content::{ContentCheck, content, sha256};
use super::evener::Folder;
use super::message::Framing;
use super::ports::free_address;
use super::process::Process;
use super::python::{PythonServer, run_script};
use super::recorder::{Recorder, Step, ok};
use super::wait::{PATIENCE, eventually};

const MOMENT: Duration = Duration::from_millis(100);

#[test]
fn ports_are_never_handed_out_twice() {
    let mut addresses: Vec<_> = (0..120).map(|_| free_address()).collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 120);
}

#[test]
#[should_panic(expected = "waited 10ms in vain: the impossible")]
fn waiting_ends() {
    eventually(Duration::from_millis(10), "the impossible", || false);
}

#[test]
fn the_recorder_answers_and_keeps_every_byte() {
    let recorder = Recorder::answering(ok("hello"));
    let mut client = RawClient::connect(recorder.address());
    let first = client.send(get("/a")).response();
    assert_eq!((first.status, first.reason.as_str(), first.text().as_str()), (200, "OK", "hello"));
    assert_eq!((first.version.as_str(), first.framing), ("HTTP/1.1", Framing::Length(5)));
    let post = "POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nt: 1\r\n\r\n";
    client.send(post).response();
    assert_eq!(recorder.text(), get("/a") + post);

    let requests = recorder.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("GET", "/a"));
    assert_eq!((requests[0].version.as_str(), requests[0].framing), ("HTTP/1.1", Framing::Empty));
    assert_eq!(requests[0].fields.0, [("Host".to_owned(), "test".to_owned())]);
    assert_eq!((requests[1].text().as_str(), requests[1].trailers.get("T")), ("abc", Some("1")));
    let conversation = recorder.conversation(0);
    assert_eq!(conversation.length(), conversation.bytes().len());
    drop(client);
    eventually(PATIENCE, "the conversation is over", || conversation.is_over());
}

#[test]
fn the_recorder_can_answer_each_request_differently() {
    let recorder = Recorder::per_request(|request| match request.target.as_str() {
        "/reset" => vec![Step::send("half"), Step::Pause(MOMENT), Step::Reset],
        "/close" => vec![Step::send("HTTP/1.0 200 OK\r\n\r\nuntil the end"), Step::Close],
        other => vec![Step::send(ok(other))],
    });
    let mut client = RawClient::connect(recorder.address());
    assert_eq!(client.send(get("/x")).response().text(), "/x");
    let response = client.send(get("/close")).response();
    assert_eq!((response.framing, response.text().as_str()), (Framing::UntilClose, "until the end"));

    let mut client = RawClient::connect(recorder.address());
    assert_eq!(client.send(get("/reset")).bytes(4), b"half");
    assert_eq!(client.rest(), (Vec::new(), End::Reset));
    assert_eq!(recorder.conversation(1).requests().len(), 1);
}

#[test]
fn the_recorder_follows_its_script_step_by_step() {
    let recorder = Recorder::scripted(|number| match number {
        0 => vec![
            Step::ReadHead,
            Step::send("HTTP/1.1 100 Continue\r\n\r\n"),
            Step::ReadBytes(3),
            Step::Pause(MOMENT),
            Step::Drip(ok("slow").into_bytes(), Duration::from_millis(1)),
            Step::HalfClose,
            Step::ReadToEnd,
        ],
        1 => vec![Step::Hold],
        _ => vec![Step::Close],
    });
    let mut client = RawClient::connect(recorder.address());
    client.send("PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
    let response = client.response_to("PUT");
    assert_eq!((response.text().as_str(), response.interim[0].status), ("slow", 100));
    client.expect_close();
    client.send("after").half_close();
    let conversation = recorder.conversation(0);
    eventually(PATIENCE, "the recorder reads to the end", || conversation.is_over());
    assert!(conversation.text().ends_with("abcafter"), "{}", conversation.text());

    let mut silent = RawClient::connect(recorder.address());
    silent.send("anything").expect_silence(MOMENT);
    silent.reset();
    eventually(PATIENCE, "the reset arrives", || recorder.conversation(1).is_over());
    RawClient::connect(recorder.address()).expect_close();
}

#[test]
fn a_stopped_recorder_refuses_and_can_come_back() {
    let mut recorder = Recorder::answering(ok("a"));
    let mut client = RawClient::connect(recorder.address());
    client.send(get("/")).response();
    recorder.stop();
    client.expect_close();
    let refused = TcpStream::connect(recorder.address()).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let again = Recorder::per_request_at(recorder.address(), |_| vec![Step::send(ok("b"))]);
    assert_eq!(RawClient::connect(again.address()).send(get("/")).response().text(), "b");
    assert_eq!(again.only_request().target, "/");
}

/// The plain reader refuses a response; the message says why.
fn check_refused(response: &'static str, why: &str) {
    let recorder = Recorder::scripted(move |_| vec![Step::ReadRequest, Step::send(response), Step::Close]);
    let mut client = RawClient::connect(recorder.address());
    let error = client.send(get("/")).try_response_to("GET").expect_err(response);
    assert!(error.to_string().contains(why), "{response:?}: {error}");
}

#[test]
fn the_plain_reader_refuses_what_is_not_whole_or_not_clear() {
    check_refused("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour", "closed in the middle");
    check_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "closed in");
    check_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", "line end");
    check_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "chunk size");
    check_refused("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "unclear");
    check_refused("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na", "unclear");
    check_refused("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na", "unclear");
    check_refused("HTTP/1.1 2000 OK\r\n\r\n", "status line");
    check_refused("HTTP/2 200 OK\r\n\r\n", "status line");
    check_refused("HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n", "field name");
    check_refused("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "without a colon");
}

#[test]
fn responses_without_a_body_end_with_their_head() {
    let recorder = Recorder::per_request(|request| {
        let head = match request.target.as_str() {
            "/204" => "HTTP/1.1 204 No Content\r\n\r\n",
            "/304" => "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            _ => "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        };
        vec![Step::send(head)]
    });
    let mut client = RawClient::connect(recorder.address());
    assert_eq!(client.send(get("/204")).response().status, 204);
    assert_eq!(client.send(get("/304")).response().field("content-length"), Some("9"));
    let head = "HEAD / HTTP/1.1\r\n\r\n";
    assert_eq!(client.send(head).next_response().status, 103);
    assert_eq!(client.response_to("HEAD").status, 200);
    assert_eq!(client.send(head).response_to("HEAD").interim.len(), 1);
}

#[test]
fn a_client_that_waits_too_long_gives_up() {
    let recorder = Recorder::scripted(|_| vec![Step::Freeze(PATIENCE)]);
    let mut client = RawClient::connect(recorder.address()).with_patience(MOMENT);
    let error = client.send(get("/")).try_response_to("GET").expect_err("nobody answers");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let mebibyte = content(0, 1 << 20);
    let error = (0..100).find_map(|_| client.try_send(&mebibyte).err());
    assert_eq!(error.expect("nobody reads").kind(), ErrorKind::TimedOut);
    assert_eq!(recorder.conversation(0).length(), 0);
}

#[test]
fn the_content_check_notices_one_wrong_byte() {
    let mut bytes = content(70_000, 200_000);
    let mut check = ContentCheck::default();
    check.take(&content(0, 70_000));
    check.take(&bytes);
    assert_eq!(check.length(), 270_000);
    bytes[150_000] ^= 1;
    let outcome = std::panic::catch_unwind(|| {
        let mut check = ContentCheck::default();
        check.take(&content(0, 70_000));
        check.take(&bytes);
    });
    assert!(outcome.is_err());
    // What Python makes with the same rule.
    assert_eq!(content(0, 3), [60, 94, 129]);
}

#[test]
fn a_process_is_watched_signalled_and_ended() {
    let script = "echo out; echo err >&2; while :; do sleep 0.01; done";
    let mut process = Process::start(Command::new("sh").args(["-c", script]));
    eventually(PATIENCE, "both outputs", || process.stdout() == "out\n" && process.stderr() == "err\n");
    assert!(process.is_running());
    // The shell starts programs meanwhile, so that the two are not of the same moment.
    let rss = process.rss_bytes();
    assert!(rss > 0 && process.peak_rss_bytes() > rss / 2);
    assert!(process.open_fds() >= 3);
    assert!(process.processor_time() < PATIENCE);
    process.signal(Signal::TERM);
    assert!(!process.wait_exit(PATIENCE).success());
    assert!(!process.is_running());
}

#[test]
fn the_echo_server_does_what_the_suites_rely_on() {
    let server = PythonServer::echo("alpha");
    let mut client = RawClient::connect(server.address);
    assert_eq!(client.send(get("/")).response().text(), "alpha");
    assert_eq!(client.send(get("/status/418")).response().status, 418);
    assert_eq!(client.send(get("/slow?seconds=0.05")).response().text(), "alpha");

    let mut check = ContentCheck::default();
    let length = 300_000;
    client.send(get(&format!("/download?bytes={length}")));
    let response = client.response_into(&mut |piece| check.take(piece));
    assert_eq!((response.framing, check.length()), (Framing::Chunked, length));

    client.send("POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for offset in (0..length).step_by(50_000) {
        client.try_send_chunk(&content(offset, 50_000)).expect("the server reads");
    }
    client.try_send_chunk(b"").expect("the server reads");
    let upload = client.response_to("POST").json();
    assert_eq!(upload["bytes"], length);
    assert_eq!(upload["sha256"], sha256(length).as_str());
    assert_eq!(upload["transfer_encoding"], "chunked");

    let report = run_script("websocket.py", &[&format!("ws://{}/ws", server.address)]);
    assert!(report.contains("\"echoed\": 5"), "{report}");
}

#[test]
fn the_file_server_closes_after_each_answer() {
    let folder = Folder::new();
    std::fs::write(folder.0.join("a.txt"), content(0, 5_000)).expect("a file can be written");
    let server = PythonServer::files(&folder.0);
    let mut client = RawClient::connect(server.address);
    let response = client.send(get("/a.txt")).response();
    assert_eq!((response.version.as_str(), response.body.len()), ("HTTP/1.0", 5_000));
    client.expect_close();
    let example = Path::new("/nonexistent/app.py");
    assert!(std::panic::catch_unwind(|| PythonServer::script(example)).is_err());
}
