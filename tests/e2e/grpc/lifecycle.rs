//! Servers that die, and evener that stops, in the middle of calls.

use rustix::process::Signal;

use super::{Caller, check_failure, in_front_of, logged, run, server, server_at};
use crate::harness::client::RawClient;
use crate::harness::wait::{PATIENCE, eventually};

#[test]
fn a_server_killed_in_the_middle_of_a_call_makes_it_unavailable() {
    for request in ["silence", "talk"] {
        let server = server("plain");
        let evener = in_front_of(&[server.address], "");
        let caller = Caller::start(evener.address(), "hang", &["20", request]);
        let count = if request == "talk" { 1 } else { 0 };
        caller.wait_said(count);
        // A call that hears nothing is under way as soon as evener has passed it on.
        eventually(PATIENCE, "the call is at the server", || server.process.sockets() >= 2);
        server.process.signal(Signal::KILL);
        let said = caller.finish();
        check_failure(&said[count], "UNAVAILABLE", 0.0..10.0);
        assert_eq!(said[count]["details"], "Bad Gateway");
        assert_eq!(logged(&evener, "/test.Calls/Hang", "status"), if request == "talk" { 200 } else { 502 });
    }
}

#[test]
fn a_server_that_comes_back_is_called_again() {
    let first = server("first");
    let address = first.address;
    let evener = in_front_of(&[address], "");
    assert_eq!(run(evener.address(), "one", &[])[0]["code"], "OK");
    drop(first);
    check_failure(&run(evener.address(), "one", &[])[0], "UNAVAILABLE", 0.0..5.0);
    let _second = server_at("second", address);
    eventually(PATIENCE, "calls are answered again", || run(evener.address(), "one", &[])[0]["code"] == "OK");
}

#[test]
fn calls_go_on_while_evener_stops() {
    let server = server("plain");
    let mut evener = in_front_of(&[server.address], "");
    let caller = Caller::start(evener.address(), "converse", &["2"]);
    caller.wait_said(1);
    evener.signal(Signal::TERM);
    let address = evener.address();
    eventually(PATIENCE, "nobody new is let in", || RawClient::try_connect(address).is_err());
    let said = caller.finish();
    assert_eq!((&said[1]["code"], &said[1]["whole"]), (&"OK".into(), &true.into()), "{said:?}");
    assert!(evener.process.wait_exit(PATIENCE).success());
}
