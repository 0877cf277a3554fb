//! Sticky cookies: a signed note with which a client finds back to the server that it was given.
//!
//! The value is 32 characters: the server's id, 8 bytes, and 16 bytes of an HMAC-SHA-256 (RFC 2104) over it, in base64url
//! (RFC 4648 §5). The signature also covers the cookie's name and a context, such as the upstream's name, so that a cookie
//! is good for no other. The id is itself an HMAC of the server's address: who has the cookie learns nothing about the
//! address, and without the secret cannot point at another server.
//!
//! It does not say who the client is, and two clients may swap their cookies: then they swap servers. It does not expire
//! by itself; a server that is gone is simply not found. With another secret all cookies so far are as if there were none.

mod base64url;
#[cfg(test)]
mod tests;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::time::Duration;

/// Bytes of the id, bytes of the signature that are kept (128 bits, as RFC 2104 §5 advises), and characters of both.
const ID_BYTES: usize = 8;
const TAG_BYTES: usize = 16;
const BYTES: usize = ID_BYTES + TAG_BYTES;
const CHARACTERS: usize = BYTES / 3 * 4;

/// The longest name, and the shortest secret that is not guessed.
const NAME_BYTES_MAX: usize = 128;
const SECRET_BYTES_MIN: usize = 16;
/// So many cookies of the right name and form are checked for one request, and so many bytes searched for them; what
/// comes after that is not looked at.
const CANDIDATES_MAX: usize = 4;
const SEARCHED_BYTES_MAX: usize = 16 * 1024;

/// Writes and reads the cookies of one upstream.
#[derive(Clone)]
pub struct Sticky {
    name: Box<str>,
    /// The signature and the id as far as they are the same for all servers.
    tag: Hmac<Sha256>,
    id: Hmac<Sha256>,
}

/// Why there can be no such cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StickyError {
    /// The name is no token (RFC 6265 §4.1.1) or longer than 128 characters.
    Name,
    /// The secret is shorter than 16 bytes.
    Secret,
}

impl Sticky {
    /// Cookies of this name. Processes that share the secret and the context understand each other's.
    pub fn new(name: &str, secret: &[u8], context: &[u8]) -> Result<Self, StickyError> {
        let is_token = !name.is_empty() && name.bytes().all(is_token_byte);
        if !is_token || name.len() > NAME_BYTES_MAX {
            return Err(StickyError::Name);
        }
        if secret.len() < SECRET_BYTES_MIN {
            return Err(StickyError::Secret);
        }
        // An HMAC takes keys of any length.
        let plain = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| StickyError::Secret)?;
        let begin = |purpose: &[u8]| {
            let mut mac = plain.clone();
            // With their lengths, so that no two lists of parts look the same.
            for part in [purpose, name.as_bytes(), context] {
                mac.update(&(part.len() as u64).to_le_bytes());
                mac.update(part);
            }
            mac
        };
        Ok(Self { name: name.into(), tag: begin(b"evener sticky tag"), id: begin(b"evener sticky id") })
    }

    /// The cookie's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id by which cookies know the server with this address.
    pub fn id_of(&self, address: &[u8]) -> u64 {
        let digest = self.id.clone().chain_update(address).finalize().into_bytes();
        digest.iter().take(ID_BYTES).fold(0, |id, byte| id << 8 | u64::from(*byte))
    }

    /// The cookie's value for a server: 32 characters of `A-Z a-z 0-9 - _`.
    pub fn value_for(&self, server_id: u64) -> String {
        let id = server_id.to_be_bytes();
        let tag = self.tag.clone().chain_update(id).finalize().into_bytes();
        let mut bytes = [0; BYTES];
        bytes[..ID_BYTES].copy_from_slice(&id);
        bytes[ID_BYTES..].copy_from_slice(&tag[..TAG_BYTES]);
        base64url::encode(&bytes)
    }

    /// The id in the first cookie that is ours, from the values of the request's `Cookie` fields.
    pub fn find<'v>(&self, cookie_values: impl IntoIterator<Item = &'v [u8]>) -> Option<u64> {
        let mut left = SEARCHED_BYTES_MAX;
        let searched = cookie_values.into_iter().map_while(|value| {
            let part = value.get(..left).unwrap_or(value);
            let is_over = left == 0;
            left -= part.len();
            (!is_over).then_some(part)
        });
        let pairs = searched.flat_map(|value| value.split(|byte| *byte == b';'));
        let candidates = pairs.filter_map(|pair| self.value_of(pair)).take(CANDIDATES_MAX);
        candidates.filter_map(|value| self.open(value)).next()
    }

    /// The value of `Set-Cookie` that gives a client the cookie. Without an age it lasts as long as the client's session;
    /// `is_secure` forbids the client to send it without TLS.
    pub fn set_cookie(&self, server_id: u64, max_age: Option<Duration>, is_secure: bool) -> String {
        let mut field = format!("{}={}; Path=/; HttpOnly; SameSite=Lax", self.name, self.value_for(server_id));
        if let Some(max_age) = max_age {
            field.push_str(&format!("; Max-Age={}", max_age.as_secs()));
        }
        if is_secure {
            field.push_str("; Secure");
        }
        field
    }

    /// What a cookie pair holds, if it has our name and the form of a value of ours.
    fn value_of<'v>(&self, pair: &'v [u8]) -> Option<&'v [u8; CHARACTERS]> {
        let value = pair.trim_ascii().strip_prefix(self.name.as_bytes())?.strip_prefix(b"=")?;
        value.try_into().ok()
    }

    /// The id, if the signature is ours. The comparison takes the same time wherever they differ.
    fn open(&self, value: &[u8; CHARACTERS]) -> Option<u64> {
        let bytes = base64url::decode(value)?;
        let (id, tag) = bytes.split_first_chunk::<ID_BYTES>()?;
        self.tag.clone().chain_update(id).verify_truncated_left(tag).ok()?;
        Some(u64::from_be_bytes(*id))
    }
}

/// RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl fmt::Debug for Sticky {
    /// Without what is derived from the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sticky").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Display for StickyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => write!(f, "the cookie's name is no token of 1 to {NAME_BYTES_MAX} characters"),
            Self::Secret => write!(f, "the secret has fewer than {SECRET_BYTES_MIN} bytes"),
        }
    }
}

impl std::error::Error for StickyError {}
