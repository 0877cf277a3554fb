//! The time that a client gives a call: read, and told to a server less what has passed of it.
//! The clock, and whose time is the shortest, are the caller's business.

use std::time::Duration;

/// Reads `TimeoutValue TimeoutUnit`: a positive number of at most eight digits, and one letter.
pub(super) fn read(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let is_number = (1..=DIGITS_MAX).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let number = digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(digit.wrapping_sub(b'0')));
    if !is_number || number == 0 {
        return None;
    }
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

/// Lowers the `grpc-timeout` in a written head to what is left of it. A value out of form stays as it is, and so do one
/// that is not longer, and one of which next to nothing has passed.
pub fn lower_grpc_timeout(head: &mut Vec<u8>, left: Duration) {
    let mut start = 0;
    while let Some(length) = head[start..].windows(2).position(|pair| pair == b"\r\n") {
        let line = &head[start..start + length];
        if let Some(place) = value_in(line)
            && let Some(timeout) = read(&line[place.clone()])
            && is_worth_telling(timeout, left)
        {
            let text = write(left);
            let end = start + place.start + text.len();
            head.splice(start + place.start..start + place.end, text.into_bytes());
            start = end;
        } else {
            start += length;
        }
        start += 2;
    }
}

/// Where the value stands in a line that is the field.
fn value_in(line: &[u8]) -> Option<std::ops::Range<usize>> {
    let (name, value) = line.split_at_checked(NAME.len())?;
    let [b':', rest @ ..] = value else { return None };
    if !name.eq_ignore_ascii_case(NAME) {
        return None;
    }
    let trimmed = rest.trim_ascii_start();
    let start = line.len() - trimmed.len();
    Some(start..start + trimmed.trim_ascii_end().len())
}

/// A value of its own for each call would drive others out of the tables of HPACK, so that calls which are passed on at
/// once keep theirs.
fn is_worth_telling(timeout: Duration, left: Duration) -> bool {
    let passed = timeout.saturating_sub(left);
    passed >= NEGLIGIBLE || passed > timeout / 10
}

/// The longest value that the form has and that is not longer than `left`: in the finest unit that it fits, but never
/// zero, which the form does not have.
fn write(left: Duration) -> String {
    let nanoseconds = left.as_nanos().max(1);
    let fitting =
        UNITS.iter().map(|(unit, length)| (unit, nanoseconds / length)).find(|(_, number)| *number <= NUMBER_MAX);
    match fitting {
        Some((unit, number)) => format!("{number}{unit}"),
        None => format!("{NUMBER_MAX}H"),
    }
}

const NAME: &[u8] = b"grpc-timeout";
const DIGITS_MAX: usize = 8;
const NUMBER_MAX: u128 = 99_999_999;
/// The units and their nanoseconds, the finest first.
const UNITS: [(char, u128); 6] =
    [('n', 1), ('u', 1_000), ('m', 1_000_000), ('S', 1_000_000_000), ('M', 60_000_000_000), ('H', 3_600_000_000_000)];
/// A guess: less than what a network between two machines takes away.
const NEGLIGIBLE: Duration = Duration::from_millis(1);
