//! The last line of a run: what it has done, in numbers.

use evener_observe::{StatusClass, Totals};
use std::fmt::Write as _;

/// Requests by status class and failures by reason.
pub(crate) fn summary(totals: &Totals) -> String {
    let mut text = format!(
        "served {} requests on {} connections (2xx {}, 3xx {}, 4xx {}, 5xx {})",
        totals.requests_all(),
        totals.connections_accepted,
        totals.requests(StatusClass::Success),
        totals.requests(StatusClass::Redirect),
        totals.requests(StatusClass::ClientError),
        totals.requests(StatusClass::ServerError),
    );
    if totals.upstream_failures > 0 {
        write!(text, "; {} attempts at servers failed", totals.upstream_failures)
            .expect("writing to a string cannot fail");
    }
    let failed: Vec<String> = totals
        .failures()
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    if !failed.is_empty() {
        write!(text, "; failures: {}", failed.join(", ")).expect("writing to a string cannot fail");
    }
    text
}
