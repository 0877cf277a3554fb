//! Points in time as certificates have them: seconds since 1970, written for people and for header fields.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_parser::time::ASN1Time;

/// Seconds since 1970, negative before it.
pub(crate) fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
    }
}

/// The point in time that lies so many seconds after 1970; 1970 for one before it.
pub(crate) fn system_time(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// `2026-11-22`.
pub(crate) fn day(seconds: i64) -> String {
    let text = rfc3339(seconds);
    text.split('T').next().unwrap_or(&text).to_owned()
}

/// `2026-11-22T03:28:00Z`.
pub(crate) fn rfc3339(seconds: i64) -> String {
    let Ok(time) = ASN1Time::from_timestamp(seconds) else { return String::from("9999-12-31T23:59:59Z") };
    let t = time.to_datetime();
    let (date, clock) = (t.date(), t.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}

/// A day in seconds.
pub(crate) const DAY: i64 = 24 * 3600;
