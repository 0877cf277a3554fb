//! Servers that ask to be spared: `Retry-After` with 429 or 503 (RFC 9110 §10.2.3, RFC 6585 §4).

use super::{Way, place};
use crate::state::Session;
use evener_http::field_value;
use std::time::{Duration, SystemTime};

impl Way<'_> {
    /// Spares the server if the answer in the session asks for it.
    pub(super) fn spare(&self, session: &Session, server: usize) {
        let fields = &session.response.head().fields;
        let value = field_value(session.answer.filled(), fields, b"retry-after");
        if let Some(wait) = value.and_then(|value| read_wait(value, SystemTime::now())) {
            self.balanced().balancer.spare(server, wait, place::moment());
        }
    }
}

/// Seconds, or a date. A date that has passed is no wait.
fn read_wait(value: &[u8], now: SystemTime) -> Option<Duration> {
    let text = str::from_utf8(value).ok()?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    httpdate::parse_http_date(text).ok()?.duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use super::read_wait;
    use std::time::{Duration, SystemTime};

    #[test]
    fn seconds_and_dates_are_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(read_wait(text.as_bytes(), now), seconds.map(Duration::from_secs), "{text}");
        };
        check("0", Some(0));
        check("120", Some(120));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(7));
        check("Sun, 06 Nov 1994 08:49:07 GMT", None);
        check("99999999999999999999999", None);
        check("-1", None);
        check("1.5", None);
        check("soon", None);
        check("", None);
    }
}
