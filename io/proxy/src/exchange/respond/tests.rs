//! The table of faults, and answers of evener's own to the byte.

use super::*;
use crate::exchange::{message_reasons, reasons};
use crate::state::{EntranceFault, PassFault, TooMany};
use evener_http::{BodyFault, RequestFault, ResponseFault};
use evener_tls::HandshakeFault;
use evener_wire::{Loss, Reason};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

fn own_faults() -> Vec<(Fault, u16, &'static str)> {
    use ClientFault as C;
    use UpstreamFault as U;
    let io_error = || io::Error::from(io::ErrorKind::Other);
    let client = [
        (C::HeadTimeout, 408, "head_timeout"),
        (C::BodyTooSlow, 408, "body_too_slow"),
        (C::BodyTooLarge, 413, "body_too_large"),
        (C::NoSite, 404, "no_site"),
        (C::NoRoute, 404, "no_route"),
        (C::MethodNotAllowed, 405, "method_not_allowed"),
        (C::AmbiguousPath, 400, "ambiguous_path"),
        (C::PathClimbs, 400, "path_climbs"),
        (C::NoForm, 400, "h2_malformed"),
        (C::NoFormAtServer, 400, "no_form_in_h2"),
        (C::Misdirected, 421, "misdirected_host"),
        (C::TakesBack, 429, "h2_taken_back"),
        (C::Floods, 429, "h2_flood"),
        (C::Deadline, 504, "grpc_deadline"),
        (C::ReadsTooSlowly, 499, "client_reads_too_slowly"),
        (C::Gone, 499, "client_gone"),
    ];
    let upstream = [
        (U::Connect(ConnectFault::Refused(io_error())), 502, "connect_refused"),
        (U::Connect(ConnectFault::TimedOut), 504, "connect_timeout"),
        (U::Connect(ConnectFault::Handshake(HandshakeFault::UnknownName)), 502, "upstream_tls"),
        (U::Connect(ConnectFault::Protocol(io_error())), 502, "upstream_h2"),
        (U::Connect(ConnectFault::Exhausted(io_error())), 503, "descriptors_exhausted"),
        (U::Closed, 502, "upstream_closed"),
        (U::Stream(Loss::Refused), 502, "upstream_refused_stream"),
        (U::Stream(Loss::Reset(Reason::CANCEL)), 502, "upstream_reset_stream"),
        (U::Stream(Loss::Malformed(Reason::PROTOCOL_ERROR)), 502, "upstream_malformed_h2"),
        (U::Stream(Loss::Broken(Reason::PROTOCOL_ERROR)), 502, "upstream_broken_h2"),
        (U::NoWebSocket, 502, "upstream_no_websocket"),
        (U::ResponseTimeout, 504, "response_timeout"),
        (U::BodyTimeout, 504, "response_body_timeout"),
        (U::RouteTimeout, 504, "route_timeout"),
        (U::Body(BodyFault::Truncated), 502, "response_truncated"),
        (U::Body(BodyFault::BadChunkSize), 502, "response_body_broken"),
        (U::BadSwitch, 502, "bad_protocol_switch"),
        (U::TooManyInterim, 502, "too_many_interim_responses"),
        (U::NoServer, 503, "no_server"),
    ];
    let client = client.map(|(fault, status, reason)| (Fault::Client(fault), status, reason));
    let upstream = upstream.map(|(fault, status, reason)| (Fault::Upstream(fault), status, reason));
    let own = [
        (Fault::Own(OwnFault::TooMany(TooMany::Connections)), 503, "too_many_connections"),
        (Fault::Own(OwnFault::TooMany(TooMany::OfAddress)), 503, "too_many_connections_of_address"),
        (Fault::Own(OwnFault::QueueFull), 503, "queue_full"),
        (Fault::Own(OwnFault::QueueTimeout), 503, "queue_timeout"),
        (Fault::Own(OwnFault::Stopped), 503, "stopped"),
    ];
    client.into_iter().chain(upstream).chain(own).collect()
}

/// Those of the codec, with what it says of them itself.
fn codec_faults() -> Vec<(Fault, u16, &'static str)> {
    let requests = RequestFault::ALL.iter().map(|fault| (Fault::Request(*fault), fault.status(), fault.reason()));
    let bodies = BodyFault::ALL.iter().map(|fault| (Fault::Body(*fault), fault.status(), fault.reason()));
    let responses =
        ResponseFault::ALL.iter().map(|fault| (Fault::Upstream(UpstreamFault::Response(*fault)), 502, fault.reason()));
    requests.chain(bodies).chain(responses).collect()
}

#[test]
fn every_fault_has_its_status_and_its_reason() {
    for (fault, status, reason) in own_faults().into_iter().chain(codec_faults()) {
        assert_eq!((status_of(&fault), fault.reason()), (status, reason), "{fault:?}");
        assert_ne!(phrase(status), if status == 499 { "" } else { "Other" }, "{fault:?}");
    }
    // What failed in the handshake may come out only after it (TLS 1.3): it is the same to people.
    let late = Fault::Upstream(UpstreamFault::Tls(io::ErrorKind::InvalidData.into()));
    assert_eq!((status_of(&late), late.reason()), (502, "upstream_tls"));
}

#[test]
fn reasons_are_sorted_and_each_stands_for_one_fault() {
    let listed = reasons();
    assert!(listed.windows(2).all(|pair| pair[0] < pair[1]), "{listed:?}");
    let mut by_reason: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, _, reason) in own_faults().into_iter().chain(codec_faults()) {
        *by_reason.entry(reason).or_default() += 1;
    }
    assert!(by_reason.values().all(|count| *count == 1), "{by_reason:?}");
    // Every fault is counted, and no counter is of a fault that cannot be. Some faults come before any exchange.
    let of_exchanges: HashSet<&str> = by_reason.into_keys().collect();
    let before: HashSet<&str> = EntranceFault::reasons().chain(PassFault::ALL.map(PassFault::reason)).collect();
    assert_eq!(of_exchanges.union(&before).copied().collect::<HashSet<_>>(), listed.iter().copied().collect());
}

/// The rows of the page for people: code and status.
fn page() -> Vec<(&'static str, &'static str)> {
    let rows = include_str!("../../../../../docs/reasons.md").lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    let read = |cells: Vec<&'static str>| {
        let [code, status, meaning, remedy] = cells.as_slice() else { panic!("a row has four cells: {cells:?}") };
        assert!(meaning.ends_with(['.', ')']) && remedy.ends_with(". |") || remedy.ends_with("? |"), "{cells:?}");
        (code.trim_end_matches('`'), *status)
    };
    cells.map(read).collect()
}

#[test]
fn the_page_of_reasons_has_every_code_with_its_status() {
    let page = page();
    let mut named: Vec<&str> = page.iter().map(|(code, _)| *code).collect();
    named.sort_unstable();
    let of_log = ["log_reopen_failed", "log_write_failed"];
    let mut given: Vec<&str> = message_reasons().iter().copied().chain(of_log).collect();
    given.sort_unstable();
    let missing: Vec<&&str> = given.iter().filter(|code| !named.contains(code)).collect();
    let stale: Vec<&&str> = named.iter().filter(|code| !given.contains(code)).collect();
    assert!(missing.is_empty() && stale.is_empty(), "docs/reasons.md lacks {missing:?} and has for nothing {stale:?}");
    assert_eq!(named, given, "a code stands twice in docs/reasons.md");
    let statuses: HashMap<&str, String> =
        own_faults().into_iter().chain(codec_faults()).map(|(_, status, code)| (code, status.to_string())).collect();
    for (code, status) in page {
        assert_eq!(status, statuses.get(code).map_or("—", String::as_str), "the status of {code}");
    }
}

#[track_caller]
fn check(answer: &Answer<'_>, wanted: BodyWanted, expected: &str) {
    let mut out = b"before".to_vec();
    write_answer(answer, wanted, &mut out);
    assert_eq!(String::from_utf8_lossy(&out), format!("before{expected}"));
}

#[test]
fn an_answer_has_the_body_and_the_length_that_belong_to_it() {
    let hello = Answer { status: 200, content_type: "text/plain", body: b"hello", fields: b"", then: Then::KeepAlive };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n";
    check(&hello, BodyWanted::Yes, &format!("{head}hello"));
    // RFC 9110 §9.3.2: the same fields, and no body.
    check(&hello, BodyWanted::No, head);
    let empty = Answer { body: b"", fields: b"Location: /x\r\n", status: 308, ..hello };
    let head = "HTTP/1.1 308 Permanent Redirect\r\nContent-Length: 0\r\nLocation: /x\r\n\r\n";
    check(&empty, BodyWanted::Yes, head);
    check(&empty, BodyWanted::No, head);
    for (status, line) in [(204, "204 No Content"), (304, "304 Not Modified")] {
        let bare = Answer { status, content_type: "text/plain", body: b"never", fields: b"", then: Then::Close };
        for wanted in [BodyWanted::Yes, BodyWanted::No] {
            check(&bare, wanted, &format!("HTTP/1.1 {line}\r\nConnection: close\r\n\r\n"));
        }
    }
    let unknown = Answer { status: 299, content_type: "", body: b"", fields: b"", then: Then::Close };
    check(&unknown, BodyWanted::Yes, "HTTP/1.1 299 Other\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

#[test]
fn the_answer_to_a_fault_tells_its_reason_only_to_whom_it_may() {
    let check = |shows_reason, wanted, expected: &str| {
        let mut out = Vec::new();
        let fault = Fault::Upstream(UpstreamFault::NoServer);
        write_fault(&fault, b"A: b\r\n", shows_reason, wanted, Then::Close, 2, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    };
    let begin = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 24\r\n";
    let plain = format!("{begin}A: b\r\nRetry-After: 1\r\nConnection: close\r\n\r\n");
    check(false, BodyWanted::No, &plain);
    check(false, BodyWanted::Yes, &format!("{plain}503 Service Unavailable\n"));
    let told = format!("{begin}A: b\r\nRetry-After: 1\r\nx-evener-reason: no_server\r\nConnection: close\r\n\r\n");
    check(true, BodyWanted::No, &told);
}

#[test]
fn the_client_of_a_call_is_told_in_the_status_of_the_call() {
    let check = |fault: Fault, shows_reason, expected: &str| {
        let mut out = Vec::new();
        write_call_fault(&fault, shows_reason, Then::KeepAlive, &mut out);
        let text = String::from_utf8(out).expect("it is text");
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Type: application/grpc\r\n";
        assert_eq!(text, format!("{head}{expected}\r\n"));
    };
    let unavailable = "grpc-status: 14\r\ngrpc-message: Service Unavailable\r\n";
    check(UpstreamFault::NoServer.into(), false, unavailable);
    check(UpstreamFault::NoServer.into(), true, &format!("{unavailable}x-evener-reason: no_server\r\n"));
}

#[test]
fn every_fault_has_its_status_of_a_call() {
    for (fault, status, reason) in own_faults().into_iter().chain(codec_faults()) {
        let mut out = Vec::new();
        write_call_status(&fault, true, &mut out);
        let text = String::from_utf8(out).expect("it is text");
        let expected = match status {
            400 => 13,
            404 => 12,
            // Nothing reached a server.
            504 if reason == "connect_timeout" => 14,
            408 | 504 => 4,
            413 => 8,
            429 | 502 | 503 => 14,
            _ => 2,
        };
        assert!(text.starts_with(&format!("grpc-status: {expected}\r\ngrpc-message: ")), "{fault:?}: {text}");
        // Nothing would have to be percent-encoded.
        assert!(text.bytes().all(|byte| byte != b'%' && (matches!(byte, b' '..=b'~' | b'\r' | b'\n'))), "{text}");
    }
}
