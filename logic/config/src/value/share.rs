//! `20%`, `0.5%`: shares of requests. Fractions of one are refused, since `0.2` may be meant as either.

use super::{Fault, quote};

/// A share from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, Fault> {
    let number = text.strip_suffix('%').filter(|number| is_decimal(number));
    let Some(percent) = number.and_then(|number| number.parse::<f64>().ok()) else { return Err(fault(text)) };
    if percent > 100.0 {
        return Err(Fault::new("out-of-range", format!("{} is more than all requests", quote(text)))
            .help("a share is at most \"100%\""));
    }
    Ok(percent / 100.0)
}

/// The share that was probably meant by a number without a percent sign, as it is written.
pub(crate) fn meant_share(number: f64) -> Option<String> {
    // Four digits behind the point hide what binary fractions add.
    let round = |percent: f64| (percent * 10_000.0).round() / 10_000.0;
    match number {
        _ if number > 0.0 && number < 1.0 => Some(format!("{}%", round(number * 100.0))),
        _ if (0.0..=100.0).contains(&number) => Some(format!("{}%", round(number))),
        _ => None,
    }
}

fn fault(text: &str) -> Fault {
    let fault = Fault::new("bad-share", format!("{} is not a share", quote(text)));
    let bare = text.trim_end_matches(|last: char| last == '%' || last.is_whitespace()).trim_start();
    let meant = if is_decimal(bare) { bare.parse().ok().and_then(meant_share) } else { None };
    match meant {
        Some(_) if text.contains('%') => fault.help(format!("write \"{bare}%\"")),
        Some(meant) => fault.help(format!("a share has a percent sign: \"{meant}\"")),
        None => fault.help("write a number from 0 to 100 and a percent sign, such as \"20%\""),
    }
}

/// `20` or `0.5`: digits, and perhaps a point between them.
fn is_decimal(text: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, fraction)) => is_digits(whole) && is_digits(fraction),
        None => is_digits(text),
    }
}
