//! Connections of which one side has ended: a server that has, a client that has, and tunnels in both directions.

use std::time::Duration;

use crate::harness::client::{End, RawClient, get};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

use super::{SOON, Trial, echo, echo_server, post, upstream};

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

#[test]
fn an_answer_before_a_half_close_arrives_and_its_connection_is_not_used_again() {
    let server = Recorder::per_request(|request| vec![Step::send(echo(request)), Step::HalfClose, Step::ReadToEnd]);
    let trial = Trial::in_front_of(&[server.address()], "");
    let mut client = trial.evener.connect();
    for number in 0..5 {
        let target = format!("/{number}");
        let method = if number == 4 { "POST" } else { "GET" };
        if method == "POST" {
            // Until then evener may not have heard of the end, and a POST that meets it is not repeated.
            eventually(SOON, "evener closes its side too", || server.conversations().iter().all(|one| one.is_over()));
        }
        let request = if method == "POST" { post(&target) } else { get(&target) };
        assert_eq!(client.send(request).response_to(method).text(), format!("{method} {target}"));
    }
    let requests: Vec<usize> = server.conversations().iter().map(|one| one.requests().len()).collect();
    assert_eq!(requests, [1; 5], "one request on each connection");
    eventually(SOON, "evener closes its side too", || server.conversations().iter().all(|one| one.is_over()));
    drop(client);
    trial.end(server).expect_failures(&[]);
}

#[test]
fn a_client_that_has_ended_its_side_gets_its_answers() {
    let server =
        Recorder::per_request(|request| vec![Step::Pause(Duration::from_millis(100)), Step::send(echo(request))]);
    let trial = Trial::in_front_of(&[server.address()], "");
    // Before the answer, after two requests at once, and after a body.
    let requests = [get("/1"), get("/2") + &get("/3"), post("/4")];
    let answers = [&["GET /1"][..], &["GET /2", "GET /3"], &["POST /4"]];
    for (request, answers) in requests.into_iter().zip(answers) {
        let mut client = trial.evener.connect();
        client.send(request).half_close();
        for answer in answers {
            assert_eq!(client.response().text(), *answer);
        }
        client.expect_close();
    }
    trial.end(server).expect_failures(&[]);
}

#[test]
fn a_client_that_ends_its_side_in_the_middle_of_an_answer_gets_the_rest() {
    let server = Recorder::scripted(|_| {
        let head = Step::send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        let rest = Step::send("4\r\nlast\r\n0\r\n\r\n");
        vec![Step::ReadRequest, head, Step::Pause(Duration::from_millis(200)), rest, Step::Hold]
    });
    let trial = Trial::in_front_of(&[server.address()], "");
    let mut client = trial.evener.connect();
    client.send(get("/"));
    eventually(PATIENCE, "the request arrives", || !server.requests().is_empty());
    client.half_close();
    assert_eq!(client.response().text(), "firstlast");
    client.expect_close();
    trial.end(server).expect_failures(&[]);
}

#[test]
fn a_client_that_ends_its_side_in_the_middle_of_its_request_gets_no_answer_of_others() {
    let server = echo_server();
    let trial = Trial::in_front_of(&[server.address()], "");
    let mut in_head = trial.evener.connect();
    in_head.send("GET /1 HTTP/1.1\r\nHo").half_close();
    in_head.expect_close();
    let mut in_body = trial.evener.connect();
    in_body.send("POST /2 HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf").half_close();
    in_body.expect_close();
    assert!(server.requests().is_empty(), "neither was whole");
    trial.end(server).expect_failures(&[("client_gone", 1)]);
}

/// Opens a tunnel to a server that then follows these steps.
#[track_caller]
fn tunnel(limits: &str, steps: Vec<Step>) -> (Trial, Recorder, RawClient) {
    let server = Recorder::scripted(move |_| {
        let mut script = vec![Step::ReadHead, Step::send(SWITCHED)];
        script.extend(steps.clone());
        script
    });
    let trial = Trial::start(&format!("limits = {{ {limits} }}\n{}", upstream(&[server.address()], "")));
    let mut client = trial.evener.connect();
    assert_eq!(client.send(UPGRADE).response().status, 101);
    (trial, server, client)
}

#[test]
fn in_a_tunnel_the_end_of_the_client_reaches_the_server_and_its_answer_comes_back() {
    let (trial, server, mut client) = tunnel("", vec![Step::ReadToEnd, Step::send("after the end"), Step::Close]);
    client.send("the client's").half_close();
    assert_eq!(client.rest(), (b"after the end".to_vec(), End::Close));
    assert!(server.conversation(0).text().ends_with("\r\n\r\nthe client's"));
    trial.end(server).expect_failures(&[]);
}

#[test]
fn in_a_tunnel_the_end_of_the_server_reaches_the_client_and_its_bytes_go_on() {
    let (trial, server, mut client) = tunnel("", vec![Step::send("bye"), Step::HalfClose, Step::ReadToEnd]);
    assert_eq!(client.rest(), (b"bye".to_vec(), End::Close));
    client.send("still here");
    let conversation = server.conversation(0);
    eventually(PATIENCE, "the bytes arrive", || conversation.text().ends_with("still here"));
    assert!(!conversation.is_over());
    client.half_close();
    eventually(SOON, "the tunnel ends", || conversation.is_over());
    drop(client);
    trial.end(server).expect_failures(&[]);
}

#[test]
fn in_a_tunnel_a_reset_is_passed_on_both_ways() {
    let (trial, server, client) = tunnel("", vec![Step::Hold]);
    client.reset();
    eventually(SOON, "the server is told", || server.conversation(0).is_over());
    trial.end(server);

    let (trial, server, mut client) =
        tunnel("", vec![Step::send("part"), Step::Pause(Duration::from_millis(50)), Step::Reset]);
    assert_eq!(client.rest(), (b"part".to_vec(), End::Reset));
    trial.end(server);
}

#[test]
fn a_silent_tunnel_ends_and_a_talking_one_does_not() {
    let pulse = Step::Drip(b"0123456789".to_vec(), Duration::from_millis(200));
    let (trial, server, mut client) = tunnel("tunnel_idle_timeout = \"1s\"", vec![pulse, Step::Hold]);
    let (bytes, _) = client.rest();
    assert_eq!(bytes, b"0123456789", "two seconds of talk");
    eventually(SOON, "the server is told", || server.conversation(0).is_over());
    trial.end(server);
}

#[test]
fn what_follows_an_upgrade_at_once_is_not_lost() {
    let (trial, server, mut client) = {
        let early = Step::send(format!("{SWITCHED}early"));
        let server = Recorder::scripted(move |_| vec![Step::ReadHead, early.clone(), Step::ReadBytes(5), Step::Hold]);
        let trial = Trial::in_front_of(&[server.address()], "");
        let client = trial.evener.connect();
        (trial, server, client)
    };
    client.send(format!("{UPGRADE}hasty"));
    assert_eq!(client.response().status, 101);
    assert_eq!(client.bytes(5), b"early");
    eventually(PATIENCE, "the hasty bytes arrive", || server.conversation(0).text().ends_with("hasty"));
    drop(client);
    eventually(SOON, "the server is told", || server.conversation(0).is_over());
    // A refused upgrade is an ordinary answer, and the connection goes on.
    let refusing = Recorder::answering(ok("no"));
    let ordinary = Trial::in_front_of(&[refusing.address()], "");
    let mut client = ordinary.evener.connect();
    assert_eq!(client.send(UPGRADE).response().text(), "no");
    assert_eq!(client.send(get("/")).response().text(), "no");
    drop(client);
    ordinary.end(refusing).expect_failures(&[]);
    trial.end(server).expect_failures(&[]);
}
