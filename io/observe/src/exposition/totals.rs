//! What the workers have counted, as families.
//!
//! Names are promises to whoever has alerts on them: a new one is added, an old one is not changed.

use super::{Exposition, Family, Kind, Value};
use crate::counters::{StatusClass, Totals};
use std::time::Duration;

impl Totals {
    /// Writes all families of the totals.
    pub fn expose(&self, page: &mut Exposition) {
        let plain = |page: &mut Exposition, all: &[(Family, u64)]| {
            for (family, count) in all {
                page.family(family).put(&[], Value::Count(*count));
            }
        };
        let mut requests = page.family(&REQUESTS);
        for (class, name) in CLASSES {
            requests.put(&[("class", name)], Value::Count(self.requests(class)));
        }
        page.family(&DURATION).put_histogram(&self.latency, &BOUNDS);
        let mut failures = page.family(&FAILURES);
        for (reason, count) in self.failures() {
            failures.put(&[("reason", reason)], Value::Count(*count));
        }
        plain(page, &self.of_clients());
        let mut handshakes = page.family(&HANDSHAKES);
        handshakes.put(&[("result", "ok")], Value::Count(self.handshakes_done));
        handshakes.put(&[("result", "failed")], Value::Count(self.handshakes_failed));
        plain(page, &self.of_upstreams());
        plain(page, &[(LINES_DROPPED, self.log_lines_dropped)]);
    }

    fn of_clients(&self) -> [(Family, u64); 4] {
        [
            (counter("evener_client_connections_total", "Connections that clients opened."), self.connections_accepted),
            (gauge("evener_client_connections_open", "Connections of clients that are open."), self.connections_open),
            (counter("evener_client_received_bytes_total", "Bytes that clients sent."), self.bytes_in),
            (counter("evener_client_sent_bytes_total", "Bytes that were sent to clients."), self.bytes_out),
        ]
    }

    fn of_upstreams(&self) -> [(Family, u64); 7] {
        [
            (
                counter("evener_upstream_connections_total", "Connections that were opened to servers."),
                self.upstream_connects,
            ),
            (
                counter("evener_upstream_reuses_total", "Requests that went over a connection that was open already."),
                self.upstream_reuses,
            ),
            (
                counter(
                    "evener_upstream_failures_total",
                    "Attempts at a server that failed before it answered, also if another server took the request.",
                ),
                self.upstream_failures,
            ),
            (counter("evener_upstream_retries_total", "Attempts after the first one, each of them."), self.retries),
            (
                counter(
                    "evener_upstream_queued_total",
                    "Requests that waited in the queue because every server was at its bound.",
                ),
                self.queued,
            ),
            (
                counter(
                    "evener_upstream_hedges_total",
                    "Requests that were sent a second time because the answer was late.",
                ),
                self.hedges,
            ),
            (counter("evener_upstream_ejections_total", "Times that a server was ejected."), self.ejections),
        ]
    }
}

const fn counter(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: Kind::Counter, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: Kind::Gauge, help }
}

const REQUESTS: Family = counter("evener_exchange_requests_total", "Requests that were answered, by status class.");
const DURATION: Family = Family {
    name: "evener_exchange_duration_seconds",
    kind: Kind::Histogram,
    help: "Time from the first byte of a request to the last of its response.",
};
const FAILURES: Family = counter(
    "evener_client_failures_total",
    "Requests, connections and sessions of clients that failed, by reason code.",
);
const HANDSHAKES: Family = counter("evener_tls_handshakes_total", "Handshakes of TLS with clients, by result.");
const LINES_DROPPED: Family = counter(
    "evener_log_lines_dropped_total",
    "Lines that are missing in the access log because its writer did not keep up.",
);

const CLASSES: [(StatusClass, &str); 5] = [
    (StatusClass::Informational, "1xx"),
    (StatusClass::Success, "2xx"),
    (StatusClass::Redirect, "3xx"),
    (StatusClass::ClientError, "4xx"),
    (StatusClass::ServerError, "5xx"),
];

/// From what evener itself takes to what a person waits for: about two and a half times a step.
const BOUNDS: [Duration; 19] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
];
