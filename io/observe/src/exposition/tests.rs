//! Pages that a scraper takes, judged by a strict reader of their own.

use super::*;
use crate::counters::Counters;
use std::collections::{HashMap, HashSet};

/// A page as a strict scraper reads it: the type of each family, and all series with their values as text.
struct Page {
    types: HashMap<String, String>,
    series: HashMap<String, String>,
}

/// Reads a page and fails on whatever a scraper may refuse.
fn read(text: &str) -> Page {
    assert!(text.is_empty() || text.ends_with('\n'), "the last line has an end");
    let mut page = Page { types: HashMap::new(), series: HashMap::new() };
    let mut done: HashSet<String> = HashSet::new();
    let (mut helped, mut family) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a name and a text");
            assert!(!help.is_empty() && done.insert(name.to_owned()), "{line}");
            helped = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a type");
            assert!(name == helped && ["counter", "gauge", "histogram"].contains(&kind), "{line}");
            page.types.insert(name.to_owned(), kind.to_owned());
            family = name.to_owned();
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a series and a value");
            let name = series.split('{').next().unwrap();
            check_labels(&series[name.len()..]);
            let suffix = name.strip_prefix(family.as_str()).unwrap_or_else(|| panic!("{line} is not of {family}"));
            let suffixes: &[&str] =
                if page.types[&family] == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(suffixes.contains(&suffix), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let old = page.series.insert(series.to_owned(), value.to_owned());
            assert!(old.is_none(), "{series} stands there twice");
        }
    }
    page
}

/// `{name="text",name="text"}` with each name once, or nothing.
fn check_labels(text: &str) {
    if text.is_empty() {
        return;
    }
    let mut rest = text.strip_prefix('{').expect("a brace");
    let mut names = HashSet::new();
    loop {
        let (name, after) = rest.split_once("=\"").expect("a name and a quote");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && names.insert(name), "{text}");
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next().expect("a closing quote") {
                (at, '"') => break at,
                (_, '\\') => assert!(matches!(characters.next(), Some((_, '\\' | '"' | 'n'))), "{text}"),
                _ => {}
            }
        };
        match &after[end + 1..] {
            "}" => return,
            more => rest = more.strip_prefix(',').expect("a comma"),
        }
    }
}

const NAMES: Family = Family { name: "evener_test_names_total", kind: Kind::Counter, help: "a \\ \"quoted\"\nhelp" };
const TIMES: Family = Family { name: "evener_test_times_seconds", kind: Kind::Gauge, help: "times" };

#[test]
fn text_is_escaped_and_numbers_are_exact() {
    let mut page = Exposition::new();
    page.family(&NAMES)
        .put(&[("name", "a\"b\\c\nd"), ("other", "ü")], Value::Count(u64::MAX))
        .put(&[("name", "")], Value::Count(0));
    page.family(&TIMES)
        .put(&[("kind", "whole")], Value::Seconds(Duration::from_secs(1_900_000_000)))
        .put(&[("kind", "part")], Value::Seconds(Duration::new(3, 70)));
    let text = page.into_text();
    assert_eq!(
        text,
        "# HELP evener_test_names_total a \\\\ \"quoted\"\\nhelp\n\
         # TYPE evener_test_names_total counter\n\
         evener_test_names_total{name=\"a\\\"b\\\\c\\nd\",other=\"ü\"} 18446744073709551615\n\
         evener_test_names_total{name=\"\"} 0\n\
         # HELP evener_test_times_seconds times\n\
         # TYPE evener_test_times_seconds gauge\n\
         evener_test_times_seconds{kind=\"whole\"} 1900000000\n\
         evener_test_times_seconds{kind=\"part\"} 3.000000070\n"
    );
    assert_eq!(read(&text).series.len(), 4);
}

#[test]
#[should_panic(expected = "stands there already")]
fn a_family_stands_there_once() {
    let mut page = Exposition::new();
    page.family(&TIMES);
    page.family(&TIMES);
}

#[test]
fn totals_are_a_page_that_is_strictly_right() {
    let counters = Counters::new(2, &["client_left", "upstream_refused"]);
    let (one, other) = (counters.worker(0).unwrap(), counters.worker(1).unwrap());
    for (worker, status) in [(one, 200), (one, 503), (other, 204), (other, 101)] {
        worker.count_request(status);
    }
    other.count_failure(1);
    one.connections_accepted.add(5);
    one.connections_open.add(2);
    other.handshakes_done.add(3);
    one.handshakes_failed.add(4);
    for ns in [0, 40_000, 90_000, 90_000, 30_000_000, 200_000_000_000] {
        one.latency.record(ns);
    }

    let mut page = Exposition::new();
    counters.totals().expose(&mut page);
    let text = page.into_text();
    let page = read(&text);
    let is = |series: &str, value: &str| {
        assert_eq!(page.series.get(series).map(String::as_str), Some(value), "{series}\n{text}")
    };
    is("evener_exchange_requests_total{class=\"1xx\"}", "1");
    is("evener_exchange_requests_total{class=\"2xx\"}", "2");
    is("evener_exchange_requests_total{class=\"3xx\"}", "0");
    is("evener_exchange_requests_total{class=\"5xx\"}", "1");
    is("evener_client_failures_total{reason=\"upstream_refused\"}", "1");
    is("evener_client_failures_total{reason=\"client_left\"}", "0");
    is("evener_client_connections_total", "5");
    is("evener_client_connections_open", "2");
    is("evener_tls_handshakes_total{result=\"ok\"}", "3");
    is("evener_tls_handshakes_total{result=\"failed\"}", "4");
    is("evener_exchange_duration_seconds_bucket{le=\"0.00005\"}", "2");
    is("evener_exchange_duration_seconds_bucket{le=\"0.0001\"}", "4");
    is("evener_exchange_duration_seconds_bucket{le=\"0.025\"}", "4");
    is("evener_exchange_duration_seconds_bucket{le=\"0.05\"}", "5");
    is("evener_exchange_duration_seconds_bucket{le=\"60\"}", "5");
    is("evener_exchange_duration_seconds_bucket{le=\"+Inf\"}", "6");
    is("evener_exchange_duration_seconds_count", "6");
    is("evener_exchange_duration_seconds_sum", "200.030220000");
    for (name, kind) in &page.types {
        assert!(name.starts_with("evener_"), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
    }
}

#[test]
fn buckets_grow_and_end_in_the_count() {
    let counters = Counters::new(1, &[]);
    (0..5000_u64).for_each(|n| counters.worker(0).unwrap().latency.record(n * n * n));
    let mut page = Exposition::new();
    counters.totals().expose(&mut page);
    let text = page.into_text();
    let page = read(&text);
    let buckets: Vec<u64> = text
        .lines()
        .filter(|line| line.contains("_bucket{"))
        .map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
        .collect();
    assert!(buckets.is_sorted() && buckets.len() > 10, "{buckets:?}");
    assert_eq!(buckets.last(), Some(&5000));
    assert_eq!(page.series["evener_exchange_duration_seconds_count"], "5000");
    // The cube of 1000 is a second.
    let second: u64 = page.series["evener_exchange_duration_seconds_bucket{le=\"1\"}"].parse().unwrap();
    assert!(second.abs_diff(1001) < 10, "{second}");
}
