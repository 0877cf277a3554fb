//! `retry`: which failures of which requests are repeated at another server, and how often.
//!
//! The first server is always asked first (`first`). Between failures it answers well, so that it is not ejected.

use super::{answer, ask, failing, got, in_front_of, named};
use crate::harness::client::get;
use crate::harness::evener::Evener;
use crate::harness::ports::free_address;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

/// A failing server, a good one behind it, and evener with these settings of `retry`.
fn pair(retry: &str) -> (Recorder, Recorder, Evener) {
    pair_of(failing("first"), retry)
}

fn pair_of(first: Recorder, retry: &str) -> (Recorder, Recorder, Evener) {
    let second = named("second");
    let evener = in_front_of(&[first.address(), second.address()], &format!("balance = \"first\"\n{retry}"));
    (first, second, evener)
}

/// What becomes of a request for this target, after one that goes well.
#[track_caller]
fn try_one(evener: &Evener, method: &str, target: &str) -> (u16, String) {
    assert_eq!(evener.get("/well").text(), "first");
    let lines = if matches!(method, "GET" | "HEAD") { "" } else { "Content-Length: 4\r\n" };
    let body = if lines.is_empty() { "" } else { "body" };
    let message = super::request(method, target, lines) + body;
    let response = evener.connect().send(message).response_to(method);
    (response.status, response.text())
}

/// How often a server has got this request.
fn executed(server: &Recorder, method: &str, target: &str) -> usize {
    got(server).iter().filter(|request| **request == format!("{method} {target}")).count()
}

#[test]
fn what_may_be_executed_twice_is_repeated_after_502_503_and_504() {
    let (first, second, evener) = pair("");
    let mut repeated = 0;
    for status in [502, 503, 504] {
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
            let target = format!("/{status}");
            let text = if method == "HEAD" { "" } else { "second" };
            assert_eq!(try_one(&evener, method, &target), (200, text.to_owned()), "{method} {target}");
            repeated += 1;
            assert_eq!(second.requests().len(), repeated);
            for server in [&first, &second] {
                assert_eq!(executed(server, method, &target), 1, "{method} {target}");
            }
        }
    }
}

#[test]
fn what_must_not_be_executed_twice_gets_the_first_servers_answer() {
    let (first, second, evener) = pair("");
    for status in [502, 503, 504] {
        for method in ["POST", "PATCH", "INVENTED"] {
            let target = format!("/{status}");
            assert_eq!(try_one(&evener, method, &target), (status, "first".to_owned()), "{method} {target}");
            assert_eq!(executed(&first, method, &target), 1, "{method} {target}");
        }
    }
    assert_eq!(second.requests().len(), 0);
}

#[test]
fn what_never_reached_a_server_does_not_count_as_an_attempt() {
    let (second, third) = (failing("second"), named("third"));
    let evener = in_front_of(&[free_address(), second.address(), third.address()], "balance = \"first\"");
    assert_eq!(evener.get("/well").text(), "second");
    let response = evener.get("/503");
    assert_eq!((response.status, response.text()), (200, "third".to_owned()));
    assert_eq!((executed(&second, "GET", "/503"), executed(&third, "GET", "/503")), (1, 1));
}

#[test]
fn other_statuses_are_the_servers_answer() {
    let (_first, second, evener) = pair("");
    for status in [400, 404, 408, 429, 501, 505, 507] {
        let target = format!("/{status}");
        assert_eq!(try_one(&evener, "GET", &target), (status, "first".to_owned()));
    }
    assert_eq!(second.requests().len(), 0);
}

#[test]
fn a_500_is_repeated_while_the_others_do_better() {
    let (_first, second, evener) = pair("");
    assert_eq!(try_one(&evener, "GET", "/500"), (200, "second".to_owned()));
    assert_eq!(second.requests().len(), 1);
    // A POST is not, however bad the server is.
    assert_eq!(try_one(&evener, "POST", "/500"), (500, "first".to_owned()));
    assert_eq!(second.requests().len(), 1);
}

#[test]
fn a_500_of_every_server_is_the_applications_and_not_repeated() {
    let servers = [failing("first"), failing("second")];
    let evener = in_front_of(&servers.each_ref().map(Recorder::address), "balance = \"round_robin\"");
    let asked = || servers.iter().map(|server| server.requests().len()).sum::<usize>();
    // It takes a moment until it is known that both fail alike, and on a busy machine one of them may seem slower. A server
    // that was ejected in that moment may still be tried, which is repeated.
    eventually(PATIENCE, "hardly a failure is repeated", || {
        let before = asked();
        (0..40).for_each(|_| assert_eq!(ask(&evener, "GET", "/500", "").status, 500));
        asked() <= before + 45
    });
}

/// Its answer to `/reset` is a reset, to `/close` a close, and to `/hold` silence.
fn breaking() -> Recorder {
    Recorder::per_request(|request| match request.target.as_str() {
        "/reset" => vec![Step::Reset],
        "/close" => vec![Step::Close],
        "/hold" => vec![Step::Hold],
        "/half" => vec![Step::send("HTTP/1.1 200 OK\r\nContent-Le"), Step::Close],
        "/nonsense" => vec![Step::send("SSH-2.0-server\r\n\r\n"), Step::Close],
        _ => vec![Step::send(ok("first"))],
    })
}

#[test]
fn a_lost_connection_is_repeated_elsewhere_if_that_does_no_harm() {
    for target in ["/reset", "/close", "/half", "/nonsense"] {
        // On a connection that had carried a request, and on a new one.
        for is_warm in [true, false] {
            let (first, second, evener) = pair_of(breaking(), "");
            for method in ["GET", "PUT", "DELETE"] {
                if is_warm {
                    assert_eq!(evener.get("/well").text(), "first");
                }
                let put = super::request(method, target, "Content-Length: 4\r\n") + "body";
                let response = evener.connect().send(put).response_to(method);
                assert_eq!((response.status, response.text().as_str()), (200, "second"), "{method} {target}");
            }
            assert!(second.requests().iter().all(|request| request.text() == "body"));
            let before = first.requests().len();
            let response = evener.connect().send(super::request("POST", target, "")).response_to("POST");
            assert_eq!((response.status, response.field("x-evener-reason").is_some()), (502, true));
            assert_eq!((first.requests().len(), second.requests().len()), (before + 1, 3));
        }
    }
}

#[test]
fn a_late_answer_is_repeated_only_if_the_config_says_so() {
    let (first, second, evener) = pair_of(breaking(), "response_timeout = \"200ms\"");
    assert_eq!(ask(&evener, "GET", "/hold", "").status, 504);
    assert_eq!((first.requests().len(), second.requests().len()), (1, 0));

    let keys = "response_timeout = \"200ms\"\nretry = { on = \"timeout\" }";
    let (first, second, evener) = pair_of(breaking(), keys);
    assert_eq!(ask(&evener, "GET", "/hold", "").text(), "second");
    assert_eq!(ask(&evener, "POST", "/hold", "").status, 504);
    assert_eq!((got(&first), got(&second)), (vec!["GET /hold".into(), "POST /hold".into()], vec!["GET /hold".into()]));
    eventually(PATIENCE, "the server hears that it is not waited for", || {
        first.conversations().iter().all(|conversation| conversation.is_over())
    });
}

#[test]
fn without_attempts_an_answer_is_an_answer_and_a_refusal_is_passed_over() {
    for retry in ["retry = \"off\"", "retry = { attempts = 0 }"] {
        let (_first, second, evener) = pair_of(failing("first"), retry);
        assert_eq!(try_one(&evener, "GET", "/503"), (503, "first".to_owned()));
        assert_eq!(second.requests().len(), 0);
        let (_first, second, evener) = pair_of(breaking(), retry);
        assert_eq!(ask(&evener, "GET", "/reset", "").status, 502);
        assert_eq!(second.requests().len(), 0);
        // What has reached nobody may go anywhere, a POST too.
        let second = named("second");
        let evener = in_front_of(&[free_address(), second.address()], &format!("balance = \"first\"\n{retry}"));
        assert_eq!(ask(&evener, "GET", "/", "").text(), "second");
        assert_eq!(ask(&evener, "POST", "/", "").text(), "second");
    }
}

#[test]
fn as_many_servers_are_asked_as_attempts_say() {
    for (attempts, expected) in [(0, (503, "first")), (1, (503, "second")), (2, (200, "third")), (9, (200, "third"))] {
        let servers = [failing("first"), failing("second"), named("third")];
        let keys = format!("balance = \"first\"\nretry = {{ attempts = {attempts} }}");
        let evener = in_front_of(&servers.each_ref().map(Recorder::address), &keys);
        let response = ask(&evener, "GET", "/503", "");
        assert_eq!((response.status, response.text().as_str()), expected, "{attempts}");
    }
    // More attempts than servers: each is asked once.
    let servers = [failing("first"), failing("second")];
    let evener = in_front_of(&servers.each_ref().map(Recorder::address), "retry = { attempts = 9 }");
    assert_eq!(ask(&evener, "GET", "/503", "").status, 503);
    assert_eq!(servers.map(|server| server.requests().len()), [1, 1]);
}

#[test]
fn the_list_of_failures_is_what_is_repeated() {
    for (on, repeated, passed) in [
        ("[429, 500]", [429, 500], [502, 503]),
        ("[\"404\", \"503\"]", [404, 503], [500, 504]),
        ("\"503\"", [503, 503], [502, 504]),
    ] {
        let (_first, _second, evener) = pair(&format!("retry = {{ on = {on} }}"));
        for status in repeated {
            assert_eq!(try_one(&evener, "GET", &format!("/{status}")).1, "second", "{status} with {on}");
        }
        for status in passed {
            assert_eq!(try_one(&evener, "GET", &format!("/{status}")), (status, "first".to_owned()), "{on}");
        }
    }
    let (_first, second, evener) = pair_of(breaking(), "retry = { on = \"503\" }");
    assert_eq!(ask(&evener, "GET", "/reset", "").status, 502);
    assert_eq!(second.requests().len(), 0);
    let (_first, second, evener) = pair_of(breaking(), "retry = { on = \"reset\" }");
    assert_eq!(ask(&evener, "GET", "/reset", "").text(), "second");
    assert_eq!(second.requests().len(), 1);
}

#[test]
fn a_refusal_is_passed_on_if_connect_is_not_in_the_list() {
    let second = named("second");
    let keys = "balance = \"first\"\nretry = { on = \"503\" }";
    let evener = in_front_of(&[free_address(), second.address()], keys);
    let response = ask(&evener, "GET", "/", "");
    assert_eq!((response.status, response.field("x-evener-reason")), (502, Some("connect_refused")));
    assert_eq!(second.requests().len(), 0);
}

#[test]
fn what_the_client_has_seen_of_an_answer_cannot_be_taken_back() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let first = Recorder::per_request(move |request| match request.target.as_str() {
        "/cut" => vec![Step::send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst"), Step::Reset],
        "/hint" => vec![Step::send(early), Step::send(answer(503, "first"))],
        _ => vec![Step::send(early), Step::Reset],
    });
    let (_first, second, evener) = pair_of(first, "");
    let mut client = evener.connect();
    client.send(get("/cut"));
    assert!(client.try_response_to("GET").is_err(), "half an answer is no answer");
    assert_eq!(second.requests().len(), 0);
    // A hint binds nobody to the answer that follows it; the next server's may be another one.
    let response = ask(&evener, "GET", "/hint", "");
    assert!(matches!((response.status, response.text().as_str()), (503, "first") | (200, "second")), "{response:?}");
    assert_eq!(response.interim.len(), 1);
}
