//! How requests are spread, and what of a request is hashed. Whether the two go together is not decided here.

use super::header::is_token;
use super::{Fault, closest, quote};
use evener_plan::{Balance, HashKey};

/// The words of `balance`.
pub(crate) const BALANCES: &[&str] =
    &["adaptive", "round_robin", "random", "least_requests", "two_choices", "least_time", "peak_ewma", "hash", "first"];

/// What other programs call them, in lower case and without hyphens, and what to write.
const OTHER_WORDS: &[(&[&str], &str)] = &[
    (&["least_conn", "leastconn", "least_connections", "least_outstanding"], "balance = \"least_requests\""),
    (&["p2c", "power_of_two", "power_of_two_choices", "random_choose"], "balance = \"two_choices\""),
    (&["rr", "wrr", "static_rr", "weighted_round_robin"], "balance = \"round_robin\""),
    (&["ewma", "ewma_lb"], "balance = \"peak_ewma\""),
    (&["fastest", "lowest_latency", "least_response_time", "lrt"], "balance = \"least_time\""),
    (&["ip_hash", "source", "source_ip"], "balance = \"hash\" and hash_key = \"client_ip\""),
    (&["uri", "uri_hash", "url_hash"], "balance = \"hash\" and hash_key = \"uri\""),
    (&["ring_hash", "maglev", "consistent", "consistent_hash", "rendezvous", "hrw", "ketama"], "balance = \"hash\""),
    (&["sticky", "cookie"], "sticky = \"evener\" beside any balance"),
    (&["failover", "priority", "backup"], "balance = \"first\", or give servers a `tier`"),
];

/// A word of `balance`; the hash is that of the client's address.
pub(crate) fn balance(text: &str) -> Result<Balance, Fault> {
    Ok(match text {
        "adaptive" => Balance::Adaptive,
        "round_robin" => Balance::RoundRobin,
        "random" => Balance::Random,
        "least_requests" => Balance::LeastRequests,
        "two_choices" => Balance::TwoChoices,
        "least_time" => Balance::LeastTime,
        "peak_ewma" => Balance::PeakEwma,
        "hash" => Balance::Hash(HashKey::ClientIp),
        "first" => Balance::First,
        _ => return Err(unknown_balance(text)),
    })
}

fn unknown_balance(text: &str) -> Fault {
    let fault = Fault::new("unknown-word", format!("`balance` cannot be {}", quote(text)));
    let plain = text.to_ascii_lowercase().replace('-', "_");
    let known = OTHER_WORDS.iter().find(|(words, _)| words.contains(&plain.as_str()));
    match (known, closest(text, BALANCES.iter().copied())) {
        (Some((_, meant)), _) => fault.help(format!("write {meant}")),
        (None, Some(near)) => fault.help(format!("did you mean \"{near}\"?")),
        (None, None) => {
            let words: Vec<String> = BALANCES.iter().map(|word| format!("\"{word}\"")).collect();
            fault.help(format!("the words are {}", words.join(", ")))
        }
    }
}

/// Bytes of a name in a hash key, so that looking for it stays cheap.
const NAME_BYTES_MAX: usize = 256;

/// `client_ip`, `uri`, `path`, `cookie:NAME`, `header:NAME` or `query:NAME`.
pub(crate) fn hash_key(text: &str) -> Result<HashKey, Fault> {
    match text {
        "client_ip" => return Ok(HashKey::ClientIp),
        "uri" => return Ok(HashKey::Uri),
        "path" => return Ok(HashKey::Path),
        _ => {}
    }
    let Some((kind, name)) = text.split_once(':') else { return Err(unknown_key(text)) };
    let place = kind.len() + 1..text.len();
    if !["cookie", "header", "query"].contains(&kind) {
        return Err(unknown_key(text));
    }
    if name.is_empty() {
        return Err(Fault::new("bad-hash-key", format!("{} names no {kind}", quote(text)))
            .help(format!("for example: \"{kind}:user\"")));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(Fault::new("bad-hash-key", format!("a name has at most {NAME_BYTES_MAX} bytes"))
            .part(place)
            .help("name another cookie, field or parameter"));
    }
    match kind {
        "query" if name.bytes().all(|byte| byte.is_ascii_graphic() && !b"&=#".contains(&byte)) => {
            Ok(HashKey::Query(name.to_owned()))
        }
        "query" => Err(Fault::new("bad-hash-key", format!("{} is not the name of a parameter", quote(name)))
            .part(place)
            .help("write the name as it stands in a URL, without =")),
        _ if !is_token(name) => Err(Fault::new("bad-hash-key", format!("{} is not the name of a {kind}", quote(name)))
            .part(place)
            .help(format!("for example: \"{kind}:user\""))),
        "header" => Ok(HashKey::Header(name.to_ascii_lowercase())),
        _ => Ok(HashKey::Cookie(name.to_owned())),
    }
}

fn unknown_key(text: &str) -> Fault {
    let fault = Fault::new("bad-hash-key", format!("{} is nothing of a request that could be hashed", quote(text)));
    let plain = text.trim_start_matches('$').to_ascii_lowercase().replace('-', "_");
    if matches!(plain.as_str(), "ip" | "source" | "remote_addr" | "binary_remote_addr" | "remote_ip") {
        return fault.help("write \"client_ip\"");
    }
    if matches!(plain.as_str(), "request_uri" | "url") {
        return fault.help("write \"uri\"");
    }
    let (kind, name) = text.split_once(':').unwrap_or((text, "NAME"));
    let kinds = ["client_ip", "uri", "path", "cookie", "header", "query"];
    match closest(kind, kinds) {
        Some(near @ ("cookie" | "header" | "query")) => fault.help(format!("write \"{near}:{}\"", name.escape_debug())),
        Some(near) => fault.help(format!("did you mean \"{near}\"?")),
        None => {
            fault.help("write \"client_ip\", \"uri\", \"path\", \"cookie:NAME\", \"header:NAME\" or \"query:NAME\"")
        }
    }
}
