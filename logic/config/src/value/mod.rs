//! What single texts mean: durations, sizes, addresses, patterns, templates. Each parser is a function from text to a
//! value or a [`Fault`]; none knows where its text stands.

mod address;
mod admin;
mod authority;
mod balance;
mod cookie;
mod duration;
mod file;
mod header;
mod host;
mod network;
mod path;
mod protocol;
mod retry;
mod server;
mod share;
mod size;
mod status;
mod template;
#[cfg(test)]
mod tests;

pub(crate) use address::listen;
pub(crate) use admin::admin;
pub(crate) use authority::{binding_key, directory, email, key_id};
pub(crate) use balance::{BALANCES, balance, hash_key};
pub(crate) use cookie::{cookie_name, secret};
pub(crate) use duration::{duration, duration_or_zero, duration_within};
pub(crate) use file::{file, folder};
pub(crate) use header::{content_type, field_name, field_value, method, settable_name};
pub(crate) use host::{host_field, host_mode, host_pattern, server_name};
pub(crate) use network::cidr;
pub(crate) use path::{path_match, probe_path, strip_prefix};
pub(crate) use protocol::{PROTOCOLS, protocol};
pub(crate) use retry::{hedge_after, retry_on};
pub(crate) use server::{Endpoint, endpoint};
pub(crate) use share::{meant_share, share};
pub(crate) use size::size;
pub(crate) use status::statuses;
pub(crate) use template::{ACCESS_FIELDS, access_format, location};

use std::ops::Range;

/// Why a text does not mean what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    /// The part of the text that is wrong, in bytes; `None` is all of it.
    pub(crate) part: Option<Range<usize>>,
}

impl Fault {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None, part: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn part(mut self, part: Range<usize>) -> Self {
        self.part = Some(part);
        self
    }
}

/// Bytes of a text that a message shows of it.
const QUOTE_BYTES_MAX: usize = 100;

/// A text of the user as a message shows it: in backticks, on one line, not endless.
pub(crate) fn quote(text: &str) -> String {
    if text.is_empty() {
        return String::from("\"\"");
    }
    let mut shown: String = text.chars().flat_map(show).collect();
    if shown.len() > QUOTE_BYTES_MAX {
        let cut = (0..=QUOTE_BYTES_MAX).rev().find(|at| shown.is_char_boundary(*at)).unwrap_or(0);
        shown.truncate(cut);
        shown.push('…');
    }
    format!("`{shown}`")
}

fn show(character: char) -> impl Iterator<Item = char> {
    let escaped = character.is_control().then(|| character.escape_debug());
    let plain = (!character.is_control()).then_some(character);
    escaped.into_iter().flatten().chain(plain)
}

/// The known name that `name` was probably meant to be.
pub(crate) fn closest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Longer texts are no slips of the pen, and comparing them costs their product.
    if name.len() > 64 {
        return None;
    }
    let lower = name.to_ascii_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&lower, &candidate.to_ascii_lowercase().replace('-', "_")), candidate)
        })
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
