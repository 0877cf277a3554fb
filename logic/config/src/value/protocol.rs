//! Which protocol servers speak. Whether it goes together with TLS is not known here.

use super::{Fault, closest, quote};

/// The words of the key.
pub(crate) const PROTOCOLS: &[&str] = &["http1", "h2c", "h2", "auto"];

/// One of the words.
pub(crate) fn protocol(text: &str) -> Result<&'static str, Fault> {
    if let Some(word) = PROTOCOLS.iter().find(|word| **word == text) {
        return Ok(word);
    }
    let fault = Fault::new("unknown-word", format!("`protocol` cannot be {}", quote(text)));
    let plain = text.to_ascii_lowercase().replace('/', "");
    Err(match plain.as_str() {
        "http2" | "http20" | "2" | "grpc" => fault.help("write \"h2\" for HTTP/2 over TLS, \"h2c\" for HTTP/2 without"),
        "http" | "http11" | "https" | "1.1" | "http1.1" => {
            fault.help("write \"http1\"; TLS is switched on by tls = true")
        }
        "http3" | "h3" | "quic" => fault.help("write \"h2\" or \"http1\": servers are spoken to over TCP"),
        _ => match closest(text, PROTOCOLS.iter().copied()) {
            Some(near) => fault.help(format!("did you mean \"{near}\"?")),
            None => fault.help("write \"http1\", \"h2c\", \"h2\" or \"auto\""),
        },
    })
}
