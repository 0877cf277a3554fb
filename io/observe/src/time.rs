//! Times as text, in UTC. It knows no other zone and no leap seconds.

use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Writes times and remembers the text of the last second: most lines fall into the same one as the line before.
#[derive(Debug, Clone)]
pub(crate) struct TimeText {
    second: u64,
    /// `2026-01-31T23:59:58`, without a fraction.
    rfc3339: [u8; 19],
    /// `31/Jan/2026:23:59:58 +0000`.
    clf: [u8; 26],
}

impl TimeText {
    pub(crate) fn new() -> Self {
        Self { second: 0, rfc3339: rfc3339(0), clf: clf(0) }
    }

    /// Appends the form of RFC 3339 with milliseconds: `2026-01-31T23:59:58.123Z`.
    pub(crate) fn push_rfc3339(&mut self, time: SystemTime, out: &mut Vec<u8>) {
        let milliseconds = self.turn_to(time);
        out.extend_from_slice(&self.rfc3339);
        let [hundreds, tens, ones] = [milliseconds / 100, milliseconds / 10, milliseconds].map(digit);
        out.extend_from_slice(&[b'.', hundreds, tens, ones, b'Z']);
    }

    /// Appends the form of the common log format: `31/Jan/2026:23:59:58 +0000`.
    pub(crate) fn push_clf(&mut self, time: SystemTime, out: &mut Vec<u8>) {
        self.turn_to(time);
        out.extend_from_slice(&self.clf);
    }

    /// Remembers the second of `time` and gives its milliseconds. A clock before 1970 counts as 1970.
    fn turn_to(&mut self, time: SystemTime) -> u64 {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let second = since.as_secs().min(SECOND_MAX);
        if second != self.second {
            *self = Self { second, rfc3339: rfc3339(second), clf: clf(second) };
        }
        u64::from(since.subsec_millis())
    }
}

/// The last second of the year 9999: later years would not fit.
const SECOND_MAX: u64 = 253_402_300_799;

fn rfc3339(second: u64) -> [u8; 19] {
    let (year, month, day) = civil(second / 86_400);
    let mut text = *b"0000-00-00T00:00:00";
    put_two(&mut text[0..2], year / 100);
    put_two(&mut text[2..4], year % 100);
    put_two(&mut text[5..7], month);
    put_two(&mut text[8..10], day);
    put_clock(&mut text[11..19], second);
    text
}

fn clf(second: u64) -> [u8; 26] {
    let (year, month, day) = civil(second / 86_400);
    let mut text = *b"00/Jan/0000:00:00:00 +0000";
    put_two(&mut text[0..2], day);
    text[3..6].copy_from_slice(MONTHS[(month as usize - 1) % 12]);
    put_two(&mut text[7..9], year / 100);
    put_two(&mut text[9..11], year % 100);
    put_clock(&mut text[12..20], second);
    text
}

/// Year, month and day of a number of days since 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    // The calendar repeats every 400 years of 146,097 days. Years are counted from March, so that a leap day is the
    // last day of its year and months follow one rule: (153 * month + 2) / 5 days come before a month.
    let since_march_0000 = days + 719_468;
    let (era, day_of_era) = (since_march_0000 / 146_097, since_march_0000 % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Writes `23:59:58` into eight bytes.
fn put_clock(text: &mut [u8], second: u64) {
    put_two(&mut text[0..2], second / 3_600 % 24);
    put_two(&mut text[3..5], second / 60 % 60);
    put_two(&mut text[6..8], second % 60);
}

fn put_two(text: &mut [u8], number: u64) {
    text.copy_from_slice(&[digit(number / 10), digit(number)]);
}

/// The last digit of a number.
fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}
