//! How connections end: one direction at a time, by a reset, by silence.

use std::time::{Duration, Instant};

use super::{named, service, told};
use crate::harness::client::{End, RawClient};
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

#[test]
fn a_client_that_has_said_all_gets_its_answer() {
    let server = Recorder::scripted(|_| vec![Step::ReadToEnd, Step::send("answer"), Step::Close]);
    let service = service(&[server.address()], "", "");
    let mut client = service.connect();
    client.send("question").half_close();
    assert_eq!(client.rest(), (b"answer".to_vec(), End::Close));
    assert_eq!(server.conversation(0).text(), "question");
}

#[test]
fn a_server_that_has_said_all_hears_the_client_out() {
    let server = Recorder::scripted(|_| vec![Step::send("greeting"), Step::HalfClose, Step::ReadToEnd]);
    let service = service(&[server.address()], "", "");
    let mut client = service.connect();
    assert_eq!(client.rest(), (b"greeting".to_vec(), End::Close));
    client.send("farewell").half_close();
    eventually(PATIENCE, "the server has it", || server.conversation(0).text() == "farewell");
    eventually(PATIENCE, "and the end", || server.conversation(0).is_over());
}

#[test]
fn what_a_server_sent_before_it_closed_arrives_though_the_client_goes_on_sending() {
    let server = Recorder::scripted(|_| vec![Step::ReadBytes(4), Step::Send(vec![7; 300_000]), Step::Close]);
    let service = service(&[server.address()], "", "");
    let mut client = service.connect();
    client.send("more");
    let got = client.bytes(1_000);
    for _ in 0..50 {
        // The server has closed; sooner or later nobody takes this.
        if client.try_send("and more").is_err() {
            break;
        }
    }
    let (rest, end) = client.rest();
    assert_eq!((got.len() + rest.len(), end), (300_000, End::Close));
}

#[test]
fn a_reset_of_the_server_is_one_for_the_client() {
    let server = Recorder::scripted(|_| vec![Step::ReadBytes(1), Step::send("half an ans"), Step::Reset]);
    let service = service(&[server.address()], "", "");
    let mut client = service.connect();
    let (_, end) = client.send("?").rest();
    assert_eq!(end, End::Reset);
    told(&service.evener, "tunnel_server_reset");
}

#[test]
fn a_reset_of_the_client_is_one_for_the_server() {
    let server = Recorder::scripted(|_| vec![Step::send("hi"), Step::Hold]);
    let service = service(&[server.address()], "", "");
    let mut client = service.connect();
    assert_eq!(client.bytes(2), b"hi");
    client.reset();
    eventually(PATIENCE, "the server knows", || server.conversation(0).is_over());
}

#[test]
fn a_server_that_resets_before_anything_is_said_is_ejected_and_the_others_serve() {
    let bad = Recorder::scripted(|_| vec![Step::Reset]);
    let good = named("good");
    let service = service(&[bad.address(), good.address()], "", "balance = \"round_robin\"");
    eventually(PATIENCE, "the bad one is ejected", || {
        for _ in 0..2 {
            // A reset may come before the client has looked at its connection.
            let Ok(mut client) = RawClient::try_connect(service.address()) else { continue };
            // Of either server; the client says nothing that could be the reason.
            drop(client.try_bytes(4));
        }
        service.evener.process.stderr().contains("is ejected")
    });
    let conversations = bad.conversations().len();
    assert!(conversations >= 5, "{conversations}");
}

#[test]
fn a_server_that_cuts_off_a_client_for_its_words_is_not_ejected() {
    let server = Recorder::scripted(|_| vec![Step::ReadBytes(7), Step::Reset]);
    let service = service(&[server.address()], "", "");
    for _ in 0..12 {
        let mut client = service.connect();
        assert_eq!(client.send("rubbish").rest(), (Vec::new(), End::Reset));
    }
    // Each of them has reached the server, and nobody who comes after them is turned away.
    assert_eq!(server.conversations().len(), 12);
    let text = service.evener.process.stderr();
    assert!(text.contains("(tunnel_server_reset)") && !text.contains("is ejected"), "{text}");
}

#[test]
fn silence_in_both_directions_ends_a_connection_and_bytes_in_one_keep_it() {
    let server = Recorder::scripted(|_| {
        let tick = [Step::Pause(Duration::from_millis(400)), Step::send("tick")];
        let mut steps: Vec<Step> = (0..5).flat_map(|_| tick.clone()).collect();
        steps.push(Step::Hold);
        steps
    });
    let service = service(&[server.address()], "idle_timeout = \"1s\"", "");
    let mut client = service.connect();
    assert_eq!(client.bytes(20), b"tick".repeat(5), "two seconds with a byte every now and then");
    let since = Instant::now();
    client.expect_close();
    let after = since.elapsed();
    assert!(after >= Duration::from_millis(900) && after < Duration::from_secs(10), "{after:?}");
    eventually(PATIENCE, "the server knows", || server.conversation(0).is_over());
}

#[test]
fn a_client_that_takes_nothing_is_cut_after_the_idle_time_and_cannot_take_it_for_the_end() {
    let server = Recorder::scripted(|_| vec![Step::Send(vec![0; 64 << 20]), Step::Close]);
    let service = service(&[server.address()], "idle_timeout = \"1s\"", "");
    let mut client = service.connect();
    assert_eq!(client.bytes(1), [0]);
    eventually(PATIENCE, "the server is cut", || server.conversation(0).is_over());
    let (rest, end) = client.rest();
    assert!(rest.len() < 64 << 20);
    assert_eq!(end, End::Reset);
}
