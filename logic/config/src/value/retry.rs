//! Which failures lead to another attempt, and when a second copy of a request is sent.

use super::{Fault, closest, duration, quote};
use evener_plan::{HedgeAfter, RetryOn};

const WORDS: [&str; 4] = ["connect", "reset", "timeout", "500-if-worse"];

/// What other programs call failures, without hyphens, and what to write.
const OTHER_WORDS: &[(&[&str], &str)] = &[
    (&["error"], "\"connect\" and \"reset\""),
    (&["connect_failure", "conn_failure", "refused", "connection_refused"], "\"connect\""),
    (&["empty_response", "disconnect", "closed", "reset_before_request"], "\"reset\""),
    (&["response_timeout", "time_out"], "\"timeout\""),
    (&["5xx", "all_retryable_errors"], "the statuses that are meant, such as \"502\", \"503\" and \"504\""),
    (&["gateway_error"], "\"502\", \"503\" and \"504\""),
];

/// `connect`, `reset`, `timeout`, `500-if-worse` or a status from 400 to 599.
pub(crate) fn retry_on(text: &str) -> Result<RetryOn, Fault> {
    match text {
        "connect" => return Ok(RetryOn::Connect),
        "reset" => return Ok(RetryOn::Reset),
        "timeout" => return Ok(RetryOn::Timeout),
        "500-if-worse" => return Ok(RetryOn::WorseThanPool),
        _ => {}
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return match text.parse() {
            Ok(status @ 400..=599) => Ok(RetryOn::Status(status)),
            _ => Err(Fault::new("out-of-range", format!("{} is no status of a failure", quote(text)))
                .help("write a status from 400 to 599")),
        };
    }
    let fault = Fault::new("unknown-word", format!("{} is no failure that evener knows", quote(text)));
    let plain = text.to_ascii_lowercase().replace('-', "_");
    if let Some((_, meant)) = OTHER_WORDS.iter().find(|(words, _)| words.contains(&plain.as_str())) {
        return Err(fault.help(format!("write {meant}")));
    }
    if let Some(status) = plain.strip_prefix("http_").filter(|status| retry_on(status).is_ok()) {
        return Err(fault.help(format!("write \"{status}\"")));
    }
    Err(match closest(text, WORDS) {
        Some(near) => fault.help(format!("did you mean \"{near}\"?")),
        None => fault.help("write \"connect\", \"reset\", \"timeout\", \"500-if-worse\" or a status such as \"502\""),
    })
}

/// `p95`, `p99.9` or a duration.
pub(crate) fn hedge_after(text: &str) -> Result<HedgeAfter, Fault> {
    let Some(number) = text.strip_prefix('p') else {
        return duration(text).map(HedgeAfter::Fixed).map_err(|fault| meant_quantile(text, fault));
    };
    match per_thousand(number) {
        Some(quantile @ 500..=999) => Ok(HedgeAfter::Quantile(f64::from(quantile) / 1000.0)),
        _ => Err(meant_quantile(text, Fault::new("bad-quantile", format!("{} is not from p50 to p99.9", quote(text))))),
    }
}

/// `95` or `99.9` in thousandths; two digits before the point and at most one behind it.
fn per_thousand(percent: &str) -> Option<u16> {
    let (whole, tenth) = percent.split_once('.').unwrap_or((percent, "0"));
    let is_short = whole.len() == 2 && tenth.len() == 1;
    let is_digits = whole.bytes().chain(tenth.bytes()).all(|byte| byte.is_ascii_digit());
    format!("{whole}{tenth}").parse().ok().filter(|_| is_short && is_digits)
}

fn meant_quantile(text: &str, fault: Fault) -> Fault {
    let bare = text.trim_start_matches(['p', 'P']).trim_end_matches('%').trim();
    let is_marked = text.starts_with(['p', 'P']) || text.ends_with('%');
    match (bare, per_thousand(bare)) {
        ("999", _) if is_marked => fault.help("write \"p99.9\""),
        (_, Some(500..=999)) if is_marked => fault.help(format!("write \"p{bare}\"")),
        _ if is_marked => fault.help("write \"p50\" to \"p99.9\", or a duration such as \"50ms\""),
        _ => fault,
    }
}
