//! Counters, histograms, times, escapes and diagnostics; the access log and its writer have tests of their own.

use crate::diagnostics::{Diagnostics, Throttle};
use crate::escape::{push_json, push_message, push_plain};
use crate::time::TimeText;
use crate::{Counters, Histogram, Latencies, StatusClass};
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

const REASONS: &[&str] = &["connect_refused", "connect_timeout"];

#[test]
fn totals_are_the_sums_of_all_workers() {
    let counters = Counters::new(2, REASONS);
    for (index, status) in [(0, 200), (1, 204), (1, 301), (0, 404), (1, 503), (1, 101), (0, 0), (0, 999)] {
        let worker = counters.worker(index).unwrap();
        worker.count_request(status);
        worker.connections_accepted.increment();
        worker.connections_open.increment();
        worker.bytes_in.add(10);
        worker.bytes_out.add(100);
        worker.latency.record(1_000_000);
    }
    let [first, second] = [0, 1].map(|index| Arc::clone(counters.worker(index).unwrap()));
    first.connections_open.decrement();
    second.connections_open.decrement();
    first.count_failure(1);
    second.count_failure(1);
    first.retries.increment();
    second.upstream_connects.add(2);
    second.upstream_reuses.add(3);
    first.log_lines_dropped.add(4);
    assert!(counters.worker(2).is_none());

    let totals = counters.totals();
    assert_eq!(totals.connections_accepted, 8);
    assert_eq!(totals.connections_open, 6);
    assert_eq!((totals.bytes_in, totals.bytes_out), (80, 800));
    assert_eq!((totals.retries, totals.upstream_connects, totals.upstream_reuses), (1, 2, 3));
    assert_eq!(totals.log_lines_dropped, 4);
    assert_eq!(totals.requests(StatusClass::Informational), 1);
    assert_eq!(totals.requests(StatusClass::Success), 2);
    assert_eq!(totals.requests(StatusClass::Redirect), 1);
    assert_eq!(totals.requests(StatusClass::ClientError), 1);
    assert_eq!(totals.requests(StatusClass::ServerError), 3);
    assert_eq!(totals.requests_all(), 8);
    assert_eq!(totals.failures(), [("connect_refused", 0), ("connect_timeout", 2)]);
    assert_eq!(totals.latency.count(), 8);
    assert_eq!(totals.latency.sum(), Duration::from_millis(8));
}

#[test]
fn counters_are_read_while_they_are_changed() {
    let counters = Counters::new(1, &[]);
    let worker = Arc::clone(counters.worker(0).unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| (0..100_000).for_each(|_| worker.bytes_in.increment()));
        let mut before = 0;
        while before < 100_000 {
            let now = counters.totals().bytes_in;
            assert!(now >= before && now <= 100_000);
            before = now;
        }
    });
}

fn latencies(values: impl IntoIterator<Item = u64>) -> Latencies {
    let histogram = Histogram::new();
    values.into_iter().for_each(|ns| histogram.record(ns));
    Latencies::of([&histogram].into_iter())
}

#[test]
fn quantiles_are_near_the_truth() {
    let latencies = latencies((1..=10_000).map(|ms| ms * 1_000_000));
    for (share, expected_ms) in [(0.0, 1), (0.5, 5_000), (0.9, 9_000), (0.99, 9_900), (0.999, 9_990), (1.0, 10_000)] {
        let quantile = latencies.quantile(share).as_secs_f64() * 1000.0;
        let error = (quantile / f64::from(expected_ms) - 1.0).abs();
        assert!(error < 0.016, "quantile {share} is {quantile} ms, not {expected_ms} ms");
    }
    assert_eq!(latencies.quantile(-1.0), latencies.quantile(0.0));
    assert_eq!(latencies.quantile(2.0), latencies.quantile(1.0));
    assert_eq!(latencies.quantile(f64::NAN), latencies.quantile(0.0));
}

#[test]
fn an_empty_histogram_has_no_latency() {
    let latencies = latencies([]);
    assert_eq!(latencies.count(), 0);
    assert_eq!(latencies.quantile(0.99), Duration::ZERO);
}

#[test]
fn extreme_latencies_have_a_bucket() {
    let latencies = latencies([0, u64::MAX]);
    assert_eq!(latencies.count(), 2);
    assert_eq!(latencies.quantile(0.5), Duration::from_nanos(128));
    assert!(latencies.quantile(1.0) > Duration::from_secs(70 * 60));
}

#[test]
fn two_readings_give_what_lies_between() {
    let histogram = Histogram::new();
    (0..100).for_each(|_| histogram.record(1_000_000));
    let earlier = Latencies::of([&histogram].into_iter());
    (0..10).for_each(|_| histogram.record(9_000_000));
    let between = Latencies::of([&histogram].into_iter()).since(&earlier);
    assert_eq!(between, latencies([9_000_000; 10]));
    assert_eq!(between.sum(), Duration::from_millis(90));
}

proptest! {
    #[test]
    fn a_latency_comes_back_nearly_as_it_was(ns in 0_u64..1 << 42) {
        let quantile = latencies([ns]).quantile(0.5);
        let error = quantile.as_nanos().abs_diff(u128::from(ns));
        prop_assert!(error <= 128 || error * 64 <= u128::from(ns), "{ns} ns came back as {quantile:?}");
    }

    #[test]
    fn greater_latencies_have_no_smaller_bucket(a in any::<u64>(), b in any::<u64>()) {
        let [low, high] = [a.min(b), a.max(b)].map(|ns| latencies([ns]).quantile(0.5));
        prop_assert!(low <= high);
    }
}

fn times(second: u64, milliseconds: u64) -> (String, String) {
    let time = UNIX_EPOCH + Duration::from_secs(second) + Duration::from_millis(milliseconds);
    let mut text = TimeText::new();
    let (mut rfc3339, mut clf) = (Vec::new(), Vec::new());
    text.push_rfc3339(time, &mut rfc3339);
    text.push_clf(time, &mut clf);
    (String::from_utf8(rfc3339).unwrap(), String::from_utf8(clf).unwrap())
}

#[test]
fn times_are_written_in_utc() {
    let check = |second, milliseconds, rfc3339: &str, clf: &str| {
        assert_eq!(times(second, milliseconds), (rfc3339.to_owned(), clf.to_owned()));
    };
    check(0, 0, "1970-01-01T00:00:00.000Z", "01/Jan/1970:00:00:00 +0000");
    check(951_782_399, 999, "2000-02-28T23:59:59.999Z", "28/Feb/2000:23:59:59 +0000");
    check(951_782_400, 7, "2000-02-29T00:00:00.007Z", "29/Feb/2000:00:00:00 +0000");
    check(951_868_800, 0, "2000-03-01T00:00:00.000Z", "01/Mar/2000:00:00:00 +0000");
    check(971_187_336, 50, "2000-10-10T14:15:36.050Z", "10/Oct/2000:14:15:36 +0000");
    check(1_767_225_599, 0, "2025-12-31T23:59:59.000Z", "31/Dec/2025:23:59:59 +0000");
    check(4_107_542_400, 0, "2100-03-01T00:00:00.000Z", "01/Mar/2100:00:00:00 +0000");
    check(253_402_300_799, 0, "9999-12-31T23:59:59.000Z", "31/Dec/9999:23:59:59 +0000");
    check(253_402_300_800, 0, "9999-12-31T23:59:59.000Z", "31/Dec/9999:23:59:59 +0000");
}

#[test]
fn each_day_follows_the_day_before() {
    // A slow calendar as a witness: 150 years, day by day.
    let (mut year, mut month, mut day) = (1970, 1, 1);
    for days in 0..55_000 {
        assert_eq!(times(days * 86_400 + 1, 0).0, format!("{year:04}-{month:02}-{day:02}T00:00:01.000Z"));
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 => 28 + i32::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        day += 1;
        if day > length {
            (day, month) = (1, month + 1);
        }
        if month > 12 {
            (month, year) = (1, year + 1);
        }
    }
}

#[test]
fn the_remembered_second_is_not_used_for_another() {
    let mut text = TimeText::new();
    let mut out = Vec::new();
    for milliseconds in [1_999, 2_000, 1_001, 86_401_000] {
        text.push_rfc3339(UNIX_EPOCH + Duration::from_millis(milliseconds), &mut out);
        out.push(b' ');
    }
    let expected =
        "1970-01-01T00:00:01.999Z 1970-01-01T00:00:02.000Z 1970-01-01T00:00:01.001Z 1970-01-02T00:00:01.000Z ";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    let mut out = Vec::new();
    text.push_rfc3339(UNIX_EPOCH - Duration::from_secs(5), &mut out);
    assert_eq!(out, b"1970-01-01T00:00:00.000Z");
}

fn plain(text: &[u8]) -> String {
    let mut out = Vec::new();
    push_plain(text, &mut out);
    String::from_utf8(out).unwrap()
}

fn json(text: &[u8]) -> String {
    let mut out = Vec::new();
    push_json(text, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn plain_text_is_escaped() {
    let check = |text: &[u8], expected| assert_eq!(plain(text), expected);
    check(b"", "-");
    check(b"/a?b=%20", "/a?b=%20");
    check(b"a\r\n127.0.0.1 - -", r"a\x0d\x0a127.0.0.1 - -");
    check(b"\"a\\b\"", r"\x22a\x5cb\x22");
    check(b"\x1b[31m\0\x7f\t", r"\x1b[31m\x00\x7f\x09");
    check("ä\u{9b}".as_bytes(), r"\xc3\xa4\xc2\x9b");
    check(b"\xff", r"\xff");
}

#[test]
fn json_text_is_escaped() {
    let check = |text: &[u8], expected| assert_eq!(json(text), expected);
    check(b"", r#""""#);
    check(b"/a?b", r#""/a?b""#);
    check(b"a\r\n\t\"\\/", r#""a\r\n\t\"\\/""#);
    check(b"\x1b\0\x7f", r#""\u001b\u0000\u007f""#);
    check("ä€😀\u{9b}\n\"".as_bytes(), "\"ä€😀\\u009b\\n\\\"\"");
    check(b"a\xffb\xe2\x82c", "\"a\u{fffd}b\u{fffd}c\"");
}

#[test]
fn very_long_text_is_cut() {
    let text = "x".repeat(8192);
    assert_eq!(plain(text.as_bytes()), text);
    assert_eq!(plain(format!("{text}y").as_bytes()), format!("{text}..."));
    assert_eq!(json(format!("{text}y").as_bytes()), format!("\"{text}...\""));
}

proptest! {
    #[test]
    fn no_text_breaks_a_plain_line(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let line = plain(&text);
        prop_assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"'));
    }

    #[test]
    fn json_readers_get_the_text_back(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let line = json(&text);
        let read: String = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(read, String::from_utf8_lossy(&text).into_owned());
        prop_assert!(!line.chars().any(char::is_control));
    }

    #[test]
    fn json_readers_get_unicode_back(text in any::<String>()) {
        let read: String = serde_json::from_str(&json(text.as_bytes())).unwrap();
        prop_assert_eq!(read, text);
    }
}

#[test]
fn a_throttle_lets_one_pass_per_interval() {
    let now = Instant::now();
    let at = |ms| now + Duration::from_millis(ms);
    let throttle = Throttle::new(Duration::from_secs(1), now);
    assert_eq!(throttle.admit(at(0)), Some(0));
    assert_eq!(throttle.admit(at(0)), None);
    assert_eq!(throttle.admit(at(999)), None);
    assert_eq!(throttle.admit(at(1_000)), Some(2));
    assert_eq!(throttle.admit(at(1_500)), None);
    assert_eq!(throttle.admit(at(9_000)), Some(1));
    // A clock that stands before its start is its start.
    assert_eq!(throttle.admit(now - Duration::from_secs(5)), None);
}

#[test]
fn a_throttle_lets_only_one_of_many_threads_pass() {
    let now = Instant::now();
    let throttle = Throttle::new(Duration::from_secs(3600), now);
    let passed = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..1000).filter_map(|_| throttle.admit(now)).count())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert_eq!(passed, 1);
    assert_eq!(throttle.admit(now + Duration::from_secs(3600)), Some(3999));
}

#[test]
fn each_reason_has_its_own_message() {
    let diagnostics = Diagnostics::new(REASONS, Duration::from_secs(1));
    let now = Instant::now() + Duration::from_secs(1);
    let line = |reason, now| diagnostics.line(reason, format_args!("server a\r\nb refused the connection"), now);
    let first = line("connect_refused", now).unwrap();
    assert_eq!(first, "evener: server a\\r\\nb refused the connection (connect_refused)\n");
    assert_eq!(line("connect_refused", now), None);
    assert!(line("connect_timeout", now).is_some());
    assert!(line("something_new", now).is_some());
    assert_eq!(line("something_else", now), None);
    let later = line("connect_refused", now + Duration::from_secs(1)).unwrap();
    assert!(later.ends_with("(connect_refused; 1 more of this reason since the last message)\n"), "{later}");
}

#[test]
fn messages_keep_letters_and_lose_control_characters() {
    let mut out = String::new();
    push_message("ä\"\\\u{1b}[0m\u{9b}\n", &mut out);
    assert_eq!(out, "ä\"\\\\u{1b}[0m\\u{9b}\\n");
}
