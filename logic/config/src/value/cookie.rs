//! Names of cookies, and the key with which their values are signed.

use super::header::is_token;
use super::{Fault, quote};

/// A cookie goes with every request; longer names are a mistake.
const NAME_BYTES_MAX: usize = 128;

/// Bytes of a key; below them it could be guessed, and more than the maximum add nothing.
const SECRET_BYTES_MIN: usize = 16;
const SECRET_BYTES_MAX: usize = 1024;

/// The name of a cookie; case matters.
pub(crate) fn cookie_name(text: &str) -> Result<String, Fault> {
    if text.len() > NAME_BYTES_MAX {
        return Err(Fault::new("bad-cookie", format!("the name of a cookie has at most {NAME_BYTES_MAX} bytes"))
            .help("write a shorter one, such as \"evener\""));
    }
    if !is_token(text) {
        let fault = Fault::new("bad-cookie", format!("{} is not the name of a cookie", quote(text)));
        return Err(fault.help("a name has letters, digits, - and _, such as \"evener\""));
    }
    Ok(text.to_owned())
}

/// The key of a signature. It is never shown.
pub(crate) fn secret(text: &str) -> Result<String, Fault> {
    if text.len() < SECRET_BYTES_MIN {
        let message = format!("a secret of {} bytes can be guessed", text.len());
        return Err(Fault::new("weak-secret", message)
            .help(format!("write at least {SECRET_BYTES_MIN} random bytes, such as from `openssl rand -hex 32`")));
    }
    if text.len() > SECRET_BYTES_MAX {
        return Err(Fault::new("out-of-range", format!("a secret has at most {SECRET_BYTES_MAX} bytes"))
            .help(format!("{SECRET_BYTES_MIN} random bytes are enough, such as from `openssl rand -hex 32`")));
    }
    Ok(text.to_owned())
}
