//! The page, and whether the document tells of the same families.

use super::*;
use evener_observe::Counters;
use std::collections::BTreeSet;
use std::future::Future;
use std::path::Path;

/// Runs a future that has nothing to wait for.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn measured() -> Measured {
    let counters = Counters::new(1, &["client_left"]);
    let host = |name: &str, seconds| (name.to_owned(), at(seconds));
    Measured {
        totals: counters.totals(),
        started_at: at(1_800_000_000),
        certificates: vec![report("/etc/a.pem", &["a.test", "b.test"], CertificateSource::File, 1_900_000_000)],
        orders: Orders {
            done: 2,
            failed: 3,
            authority_failed: 4,
            next: BTreeMap::from([host("a.test", 1_850_000_000), host("b.test", 1_840_000_000)]),
        },
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn report(subject: &str, names: &[&str], source: CertificateSource, end: u64) -> CertificateReport {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateReport { subject: subject.to_owned(), names, key: String::from("RSA"), not_after: at(end), source }
}

#[track_caller]
fn has(page: &str, line: &str) {
    assert!(page.lines().any(|own| own == line), "{line} is not in\n{page}");
}

#[test]
fn the_page_has_what_was_measured() {
    let page = page(&measured());
    has(&page, &format!("evener_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")));
    has(&page, "evener_process_start_time_seconds 1800000000");
    has(&page, "evener_client_failures_total{reason=\"client_left\"} 0");
    has(
        &page,
        "evener_tls_certificate_expiry_timestamp_seconds{name=\"a.test\",source=\"file\",file=\"/etc/a.pem\"} 1900000000",
    );
    has(&page, "evener_tls_certificates_omitted 0");
    has(&page, "evener_acme_orders_total{result=\"ok\"} 2");
    has(&page, "evener_acme_orders_total{result=\"failed\"} 3");
    has(&page, "evener_acme_authority_failures_total 4");
    has(&page, "evener_acme_next_attempt_timestamp_seconds{name=\"b.test\"} 1840000000");
}

#[test]
fn certificates_are_told_apart_or_the_first_to_end_counts() {
    let mut measured = measured();
    measured.certificates = vec![
        // A second key for a certificate's path, and two of the internal authority whose first name is the same.
        report("/a.pem", &["a.test"], CertificateSource::File, 30),
        report("/a.pem", &["a.test"], CertificateSource::File, 20),
        report("/b.pem", &["a.test"], CertificateSource::File, 40),
        report("/b.pem", &["a.test"], CertificateSource::Upstream, 50),
        report("/state/acme/a.test.pem", &["a.test"], CertificateSource::Acme, 60),
        report("internal", &["a.test", "b.test"], CertificateSource::Internal, 80),
        report("internal", &["a.test", "c.test"], CertificateSource::Internal, 70),
        report("/no \"name\".pem", &[], CertificateSource::File, 0),
    ];
    let page = page(&measured);
    let series: Vec<&str> = page.lines().filter(|line| line.starts_with(&format!("{}{{", EXPIRY.name))).collect();
    let expected = [
        "{name=\"/no \\\"name\\\".pem\",source=\"file\",file=\"/no \\\"name\\\".pem\"} 0",
        "{name=\"a.test\",source=\"acme\",file=\"\"} 60",
        "{name=\"a.test\",source=\"file\",file=\"/a.pem\"} 20",
        "{name=\"a.test\",source=\"file\",file=\"/b.pem\"} 40",
        "{name=\"a.test\",source=\"internal\",file=\"\"} 70",
        "{name=\"a.test\",source=\"upstream\",file=\"/b.pem\"} 50",
    ];
    assert_eq!(series, expected.map(|line| format!("{}{line}", EXPIRY.name)));
}

#[test]
fn the_number_of_series_has_a_bound_and_the_first_to_end_are_in() {
    let mut measured = measured();
    let number_of = |page: &str, name: &str| page.lines().filter(|line| line.starts_with(&format!("{name}{{"))).count();
    let name = |number: u64| format!("{}.test", number * 7919 % 1500);
    measured.certificates =
        (0..1500).map(|number| report("", &[&name(number)], CertificateSource::Acme, 1_000_000 + number)).collect();
    measured.orders.next = (0..1500).map(|number| (name(number), at(1_000_000 + number))).collect();
    let page = page(&measured);
    assert_eq!((number_of(&page, EXPIRY.name), number_of(&page, NEXT_ATTEMPT.name)), (1000, 1000));
    has(&page, "evener_tls_certificates_omitted 500");
    for family in [EXPIRY.name, NEXT_ATTEMPT.name] {
        let labels = |number| match family == EXPIRY.name {
            true => format!("{{name=\"{}\",source=\"acme\",file=\"\"}}", name(number)),
            false => format!("{{name=\"{}\"}}", name(number)),
        };
        has(&page, &format!("{family}{} 1000000", labels(0)));
        has(&page, &format!("{family}{} 1000999", labels(999)));
        assert!(!page.contains(&format!("{family}{} ", labels(1000))));
    }
}

#[test]
fn the_document_tells_of_each_family() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let document = std::fs::read_to_string(path).expect("the document is there");
    // | `name` | type | labels | meaning |
    let rows = document.lines().filter(|line| line.starts_with("| `evener_"));
    let told: BTreeSet<(String, String, BTreeSet<String>)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 4, "{row}");
            let labels =
                cells[2].split(',').map(|label| label.trim().trim_matches('`')).filter(|label| !label.is_empty());
            (cells[0].trim_matches('`').to_owned(), cells[1].to_owned(), labels.map(str::to_owned).collect())
        })
        .collect();
    let page = page(&measured());
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let made: BTreeSet<(String, String, BTreeSet<String>)> = types
        .map(|(name, kind)| {
            let series = page.lines().find(|line| line.starts_with(name)).expect("each family has a series");
            let labels = series.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
            let names = labels.split(',').filter_map(|label| label.split_once('=')).map(|(label, _)| label.to_owned());
            (name.to_owned(), kind.to_owned(), names.collect())
        })
        .collect();
    assert_eq!(told, made);
}
