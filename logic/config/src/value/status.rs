//! Statuses of good answers: `204`, `200-399`, `200,204,300-399`.

use super::{Fault, quote};
use std::ops::{Range, RangeInclusive};

/// Every status that an answer can have.
const ALL: RangeInclusive<u16> = 100..=599;

/// Statuses and ranges of them, separated by commas, in the order of the text.
pub(crate) fn statuses(text: &str) -> Result<Vec<RangeInclusive<u16>>, Fault> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for item in text.split(',') {
        let bare = item.trim();
        let at = start + (item.len() - item.trim_start().len());
        ranges.push(range(bare, at..at + bare.len())?);
        start += item.len() + 1;
    }
    Ok(ranges)
}

fn range(item: &str, place: Range<usize>) -> Result<RangeInclusive<u16>, Fault> {
    let (low, high) = match item.split_once('-') {
        Some((low, high)) => (number(low.trim()), number(high.trim())),
        None => (number(item), number(item)),
    };
    let (Some(low), Some(high)) = (low, high) else { return Err(not_a_status(item, place)) };
    if !ALL.contains(&low) || !ALL.contains(&high) {
        return Err(Fault::new("out-of-range", format!("a status is a number from {} to {}", ALL.start(), ALL.end()))
            .part(place)
            .help("for example: \"204\" or \"200-399\""));
    }
    if low > high {
        return Err(Fault::new("reversed-range", format!("the range {} runs backwards", quote(item)))
            .part(place)
            .help(format!("write \"{high}-{low}\"")));
    }
    Ok(low..=high)
}

/// A number of at most five digits.
fn number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn not_a_status(item: &str, place: Range<usize>) -> Fault {
    let fault = if item.is_empty() {
        Fault::new("bad-status", "a status is missing")
    } else {
        Fault::new("bad-status", format!("{} is neither a status nor a range of them", quote(item))).part(place)
    };
    match item.to_ascii_lowercase().as_bytes() {
        [class @ b'1'..=b'5', b'x', b'x'] => {
            let class = char::from(*class);
            fault.help(format!("write \"{class}00-{class}99\""))
        }
        _ => fault.help("for example: \"204\", \"200-399\" or \"200,204,300-399\""),
    }
}
