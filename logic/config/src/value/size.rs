//! `512`, `10MB`, `64KiB`. No fractions; and no `K` alone, which some read as 1000 and some as 1024.

use super::{Fault, quote};

const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("B", 1),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A number of bytes.
pub(crate) fn size(text: &str) -> Result<u64, Fault> {
    let digits = text.len() - text.trim_start_matches(|first: char| first.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = if unit == "kB" { "KB" } else { unit };
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let (Some(factor), false) = (factor, number.is_empty()) else { return Err(fault(text, number, unit)) };
    // Sizes also go to places that count with a sign.
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    bytes.filter(|bytes| i64::try_from(*bytes).is_ok()).ok_or_else(|| {
        Fault::new("bad-size", format!("{} is more bytes than there are", quote(text)))
            .help("write a smaller size, such as \"1TiB\"")
    })
}

fn fault(text: &str, number: &str, unit: &str) -> Fault {
    let fault = Fault::new("bad-size", format!("{} is not a size", quote(text)));
    let unit = unit.trim();
    if !number.is_empty() && number.len() < 20 {
        let letter = unit.get(..1).map(str::to_ascii_uppercase).filter(|letter| "KMGT".contains(letter.as_str()));
        if let (Some(letter), 1) = (&letter, unit.len()) {
            return fault.help(format!("write \"{number}{letter}iB\" (steps of 1024) or \"{number}{letter}B\" (1000)"));
        }
        if let Some((name, _)) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) {
            return fault.help(format!("write \"{number}{name}\""));
        }
    }
    fault.help("write a number of bytes, or one with KB, MB, GB, KiB, MiB or GiB, such as \"64KiB\"")
}
