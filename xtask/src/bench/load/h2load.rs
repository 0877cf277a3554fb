//! `h2load`: HTTP/2 under TLS.
//!
//! It tells no percentiles of latency, only mean and extremes, which are left out.

use super::{Seen, float};

/// The words that start it.
pub(crate) fn words(url: &str, connections: usize, streams: usize, seconds: u64) -> Vec<String> {
    vec![
        "h2load".to_owned(),
        "-t1".to_owned(),
        format!("-c{connections}"),
        format!("-m{streams}"),
        format!("-D{seconds}s"),
        "--npn-list=h2".to_owned(),
        format!("--tls13-ciphers={CIPHER}"),
        "--groups=X25519".to_owned(),
        url.to_owned(),
    ]
}

/// Reads what it prints. What was agreed on must be what is measured.
pub(crate) fn read(text: &str) -> Result<Seen, String> {
    let mut seen = Seen::default();
    let mut agreed = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            ["TLS", "Protocol:", version] => agreed.push(*version),
            ["Cipher:", cipher] => agreed.push(*cipher),
            ["Application", "protocol:", protocol] => agreed.push(*protocol),
            ["finished", "in", _, rate, "req/s", ..] => seen.per_second = float("h2load", rate)?,
            ["requests:", counts @ ..] => {
                seen.requests = count(counts, "succeeded")?;
                for fault in ["failed", "errored", "timeout"] {
                    if count(counts, fault)? > 0.0 {
                        seen.errors.push(line.trim().to_owned());
                        break;
                    }
                }
            }
            ["status", "codes:", counts @ ..] => {
                let others = count(counts, "3xx")? + count(counts, "4xx")? + count(counts, "5xx")?;
                if others > 0.0 {
                    seen.errors.push(line.trim().to_owned());
                }
            }
            _ => {}
        }
    }
    let wanted = ["TLSv1.3", CIPHER, "h2"];
    if agreed != wanted {
        seen.errors.push(format!("agreed on `{}`, not `{}`", agreed.join(" "), wanted.join(" ")));
    }
    Ok(seen)
}

/// The number before a word.
fn count(words: &[&str], name: &str) -> Result<f64, String> {
    let pair = words.chunks(2).find(|pair| pair.get(1) == Some(&name));
    float("h2load", pair.and_then(|pair| pair.first()).copied().unwrap_or_default())
}

const CIPHER: &str = "TLS_AES_128_GCM_SHA256";
