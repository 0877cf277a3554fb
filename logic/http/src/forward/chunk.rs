//! Chunks as they are written: no extensions, sizes in lower case without leading zeros (RFC 9112 §7.1).
//! The data between header and end is the caller's to write.

/// Follows the data of each chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// Appends the size line of a chunk of `len` bytes, which must not be 0: that would end the body.
pub fn chunk_header(len: usize, out: &mut Vec<u8>) {
    debug_assert!(len > 0, "an empty chunk ends the body");
    let mut digits = [0; HEX_DIGITS_MAX];
    let mut start = HEX_DIGITS_MAX;
    let mut rest = len;
    while rest > 0 {
        start -= 1;
        digits[start] = HEX_DIGITS[rest & 0xf];
        rest >>= 4;
    }
    out.extend_from_slice(&digits[start..]);
    out.extend_from_slice(b"\r\n");
}

/// Appends the last chunk with `trailers`, which are complete lines such as
/// [`BodyDecoder::trailers`](crate::BodyDecoder::trailers) gives.
pub fn last_chunk(trailers: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    out.extend_from_slice(trailers);
    out.extend_from_slice(b"\r\n");
}

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
const HEX_DIGITS_MAX: usize = size_of::<usize>() * 2;
