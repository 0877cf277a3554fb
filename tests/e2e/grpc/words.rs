//! The words of gRPC to the byte, over HTTP/1.1, where they are the same: what a call is told of a failure, and what the
//! balancer learns from an answer.

use std::time::Duration;

use crate::harness::evener::listed;
use crate::harness::message::Response;
use crate::harness::ports::free_address;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

const CALL: &str =
    "POST /a.B/C HTTP/1.1\r\nHost: test\r\nContent-Type: application/grpc+proto\r\nContent-Length: 0\r\n";

fn call(evener: &Evener, more: &str) -> Response {
    evener.connect().send(format!("{CALL}{more}\r\n")).response()
}

/// The status of a call, its message, and the reason code.
#[track_caller]
fn check_call(response: &Response, status: &str, message: &str, reason: Option<&str>) {
    assert_eq!((response.status, response.body.len()), (200, 0), "{response:?}");
    assert_eq!(response.field("content-type"), Some("application/grpc"));
    let told = (response.field("grpc-status"), response.field("grpc-message"), response.field("x-evener-reason"));
    assert_eq!(told, (Some(status), Some(message), reason));
}

#[test]
fn failures_have_the_status_of_a_call() {
    let config = format!(
        "[[site]]\nlisten = \"{{listen}}\"\nhosts = [\"test\"]\ntrusted_proxies = [\"127.0.0.1/32\"]\nto = [\"{}\"]\n",
        free_address()
    );
    let evener = Evener::start(&config);
    check_call(&call(&evener, ""), "14", "Bad Gateway", Some("connect_refused"));
    // Any other request is answered as before.
    let plain = evener.connect().send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n").response();
    assert_eq!((plain.status, plain.field("grpc-status")), (502, None));
    let elsewhere = CALL.replace("Host: test", "Host: elsewhere");
    let response = evener.connect().send(format!("{elsewhere}\r\n")).response();
    check_call(&response, "12", "Not Found", None);
    // One whose head is refused is a call as far as it was read.
    let response = call(&evener, "Content-Length: 1\r\n");
    check_call(&response, "13", "Bad Request", None);
}

#[test]
fn a_silent_server_is_left_at_the_deadline_of_the_client_and_not_blamed() {
    let server = Recorder::per_request(|_| vec![Step::Pause(Duration::from_secs(20))]);
    let config = format!("workers = 1\n[[site]]\nlisten = \"{{listen}}\"\nto = [\"{}\"]\n", server.address());
    let evener = Evener::start(&config);
    for _ in 0..8 {
        check_call(&call(&evener, "grpc-timeout: 40m\r\n"), "4", "Gateway Timeout", None);
    }
    // Eight time-outs of the server's own doing would have ejected it.
    assert_eq!(server.requests().len(), 8);
    assert!(!evener.process.stderr().contains("ejected"), "{}", evener.process.stderr());
}

/// What a server makes of a time that is out of form, evener does not know.
#[test]
fn a_time_out_of_form_goes_on_as_it_is() {
    let server = Recorder::answering(ok(""));
    let evener = Evener::start(&format!("[[site]]\nlisten = \"{{listen}}\"\nto = [\"{}\"]\n", server.address()));
    // What the server was told with this call.
    let told = |number: &str, timeout: &str| {
        call(&evener, &format!("x-number: {number}\r\n{timeout}"));
        let requests = server.requests();
        let request = requests.iter().find(|request| request.fields.get("x-number") == Some(number));
        request.expect("the call has come").fields.get("grpc-timeout").map(str::to_owned)
    };
    for value in ["soon", "123456789m", "0S", "2S, 1S"] {
        assert_eq!(told(value, &format!("grpc-timeout: {value}\r\n")).as_deref(), Some(value));
    }
    assert_eq!(told("none", ""), None);
}

#[test]
fn a_server_that_calls_itself_unavailable_is_ejected() {
    let unavailable =
        "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\ngrpc-status: 14\r\n\r\n";
    let (bad, good) = (Recorder::answering(unavailable), Recorder::answering(ok("")));
    let servers = listed(&[bad.address(), good.address()]);
    let config = format!(
        "workers = 1\n[[site]]\nlisten = \"{{listen}}\"\nto = \"u\"\n\
         [upstream.u]\nservers = [{servers}]\nbalance = \"round_robin\"\n"
    );
    let evener = Evener::start(&config);
    eventually(PATIENCE, "it is ejected", || {
        call(&evener, "");
        evener.process.stderr().contains("is ejected")
    });
    let line = evener.process.stderr();
    assert!(line.contains(&bad.address().to_string()) && !line.contains(&good.address().to_string()), "{line}");
}
