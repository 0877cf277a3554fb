//! `250ms`, `5s`, `2m`, `1h30m`, `30d`. No fractions.

use super::{Fault, quote};
use std::time::Duration;

/// No deadline of a proxy is longer; a larger number would not fit every clock.
const DURATION_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Units with their milliseconds, the largest first, as they must follow each other.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A duration above zero.
pub(crate) fn duration(text: &str) -> Result<Duration, Fault> {
    let duration = duration_or_zero(text)?;
    if duration.is_zero() {
        return Err(Fault::new("bad-duration", "a duration of zero would expire at once")
            .help("write a longer time, or leave the key out"));
    }
    Ok(duration)
}

/// A duration that may be zero.
pub(crate) fn duration_or_zero(text: &str) -> Result<Duration, Fault> {
    let mut total_ms: u64 = 0;
    let mut units = UNITS.as_slice();
    let mut rest = text;
    loop {
        let digits = rest.len() - rest.trim_start_matches(|first: char| first.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.len() - tail.trim_start_matches(|first: char| first.is_ascii_alphabetic()).len();
        let (unit, tail) = tail.split_at(letters);
        let Some(position) = units.iter().position(|(name, _)| *name == unit) else { return Err(fault(text)) };
        let Ok(number) = number.parse::<u64>() else { return Err(fault(text)) };
        let unit_ms = units[position].1;
        total_ms = number.checked_mul(unit_ms).and_then(|ms| total_ms.checked_add(ms)).ok_or_else(too_long)?;
        units = &units[position + 1..];
        rest = tail;
        if rest.is_empty() {
            break;
        }
    }
    let duration = Duration::from_millis(total_ms);
    if duration > DURATION_MAX { Err(too_long()) } else { Ok(duration) }
}

/// A duration from `min` to `max`, both as they would be written, for the key `name`.
pub(crate) fn duration_within(
    name: &'static str,
    min: &'static str,
    max: &'static str,
) -> impl Fn(&str) -> Result<Duration, Fault> {
    move |text| {
        let duration = duration_or_zero(text)?;
        let fault = || Fault::new("out-of-range", format!("`{name}` must be from {min} to {max}"));
        if duration < duration_or_zero(min)? {
            return Err(fault().help(format!("the shortest is \"{min}\"")));
        }
        if duration > duration_or_zero(max)? {
            return Err(fault().help(format!("the longest is \"{max}\"")));
        }
        Ok(duration)
    }
}

fn too_long() -> Fault {
    Fault::new("bad-duration", "a duration is at most one year, 365d").help("the longest is \"365d\"")
}

fn fault(text: &str) -> Fault {
    let fault = Fault::new("bad-duration", format!("{} is not a duration", quote(text)));
    let compact: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let digits = compact.len() - compact.trim_start_matches(|first: char| first.is_ascii_digit()).len();
    let (number, unit) = compact.split_at(digits);
    if number.is_empty() || number.len() > 9 {
        return fault.help("write a number and ms, s, m, h or d, such as \"5s\" or \"1h30m\"");
    }
    match unit.to_ascii_lowercase().as_str() {
        "" => fault.help(format!("a duration has a unit: \"{number}s\" or \"{number}ms\"")),
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" | "millis" => {
            fault.help(format!("write \"{number}ms\""))
        }
        "s" | "sec" | "secs" | "second" | "seconds" => fault.help(format!("write \"{number}s\"")),
        "m" | "min" | "mins" | "minute" | "minutes" => fault.help(format!("write \"{number}m\"")),
        "h" | "hr" | "hrs" | "hour" | "hours" => fault.help(format!("write \"{number}h\"")),
        "d" | "day" | "days" => fault.help(format!("write \"{number}d\"")),
        _ => fault.help("write a number and ms, s, m, h or d, such as \"5s\" or \"1h30m\""),
    }
}
