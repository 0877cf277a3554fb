//! The little of HPACK (RFC 7541) that a frame-level peer needs: a writer that never compresses, and a reader for a peer
//! that was told to keep no dynamic table.
//!
//! A reference to a dynamic table is an error here.

use std::io;
use std::sync::LazyLock;

/// A block of fields, each literal and without indexing.
pub(crate) fn literal_block<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        push_string(name.as_ref(), &mut block);
        push_string(value.as_ref(), &mut block);
    }
    block
}

/// The same, but each field enters the dynamic table (RFC 7541 §6.2.1): the last one gets the index 62.
pub(crate) fn indexing_block<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x40);
        push_string(name.as_ref(), &mut block);
        push_string(value.as_ref(), &mut block);
    }
    block
}

fn push_string(text: &[u8], block: &mut Vec<u8>) {
    push_integer(text.len(), 7, 0, block);
    block.extend_from_slice(text);
}

/// RFC 7541 §5.1.
pub(crate) fn push_integer(value: usize, prefix_bits: u8, first: u8, block: &mut Vec<u8>) {
    let limit = (1_usize << prefix_bits) - 1;
    if value < limit {
        block.push(first | u8::try_from(value).expect("it is below the limit"));
        return;
    }
    block.push(first | u8::try_from(limit).expect("a prefix has at most eight bits"));
    let mut rest = value - limit;
    while rest >= 0x80 {
        block.push(u8::try_from(rest & 0x7f).expect("seven bits") | 0x80);
        rest >>= 7;
    }
    block.push(u8::try_from(rest).expect("seven bits"));
}

/// Reads a block; each byte of names and values becomes the character of the same number.
pub(crate) fn read_block(block: &[u8]) -> io::Result<Vec<(String, String)>> {
    let mut reader = Reader { rest: block };
    let mut fields = Vec::new();
    while let Some(&first) = reader.rest.first() {
        match first {
            0x80.. => {
                let (name, value) = indexed(reader.integer(7)?)?;
                fields.push((name.to_owned(), value.to_owned()));
            }
            0x40..0x80 => fields.push(reader.literal(6)?),
            0x20..0x40 => drop(reader.integer(5)?),
            0..0x20 => fields.push(reader.literal(4)?),
        }
    }
    Ok(fields)
}

struct Reader<'b> {
    rest: &'b [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> io::Result<u8> {
        let (&byte, rest) = self.rest.split_first().ok_or_else(|| bad("a block that ends too early"))?;
        self.rest = rest;
        Ok(byte)
    }

    fn integer(&mut self, prefix_bits: u8) -> io::Result<usize> {
        let limit = (1_usize << prefix_bits) - 1;
        let mut value = usize::from(self.byte()?) & limit;
        if value < limit {
            return Ok(value);
        }
        for shift in [0, 7, 14, 21] {
            let byte = usize::from(self.byte()?);
            value += (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(bad("an integer that is too large"))
    }

    fn literal(&mut self, prefix_bits: u8) -> io::Result<(String, String)> {
        let name = match self.integer(prefix_bits)? {
            0 => self.string()?,
            index => indexed(index)?.0.to_owned(),
        };
        Ok((name, self.string()?))
    }

    fn string(&mut self) -> io::Result<String> {
        let is_huffman = self.rest.first().is_some_and(|first| *first >= 0x80);
        let length = self.integer(7)?;
        if length > self.rest.len() {
            return Err(bad("a string that ends too early"));
        }
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        let text = if is_huffman { unpack(text)? } else { text.to_vec() };
        Ok(text.into_iter().map(char::from).collect())
    }
}

fn indexed(index: usize) -> io::Result<(&'static str, &'static str)> {
    index.checked_sub(1).and_then(|index| STATIC_TABLE.get(index)).copied().ok_or_else(|| bad("an index out of range"))
}

/// RFC 7541 §5.2.
fn unpack(text: &[u8]) -> io::Result<Vec<u8>> {
    let (mut unpacked, mut code, mut length) = (Vec::new(), 0_u32, 0_u8);
    for bit in text.iter().flat_map(|byte| (0..8).rev().map(move |place| byte >> place & 1)) {
        (code, length) = (code << 1 | u32::from(bit), length + 1);
        if let Ok(found) = CODES.binary_search_by_key(&(length, code), |(length, code, _)| (*length, *code)) {
            unpacked.push(CODES[found].2);
            (code, length) = (0, 0);
        }
        if length > 30 {
            return Err(bad("a code that stands for nothing"));
        }
    }
    let is_padding = length < 8 && code == (1 << length) - 1;
    if is_padding { Ok(unpacked) } else { Err(bad("padding that is none")) }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Length, code and symbol, in this order. The code is canonical, so that the lengths tell all of it.
static CODES: LazyLock<Vec<(u8, u32, u8)>> = LazyLock::new(|| {
    let mut symbols: Vec<(u8, u8)> = (0..=255).map(|symbol| (CODE_LENGTHS[usize::from(symbol)], symbol)).collect();
    symbols.sort_unstable();
    let (mut code, mut before) = (0_u32, symbols[0].0);
    let mut codes = Vec::new();
    for (length, symbol) in symbols {
        code <<= length - before;
        codes.push((length, code, symbol));
        (code, before) = (code + 1, length);
    }
    codes
});

/// Lengths of the codes of RFC 7541, Appendix B.
const CODE_LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
    10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6,
    5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22,
    22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28,
    27, 27, 27, 27, 27, 26,
];

/// RFC 7541, Appendix A.
const STATIC_TABLE: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::{literal_block, read_block};

    /// RFC 7541 §C.4.1, with its dynamic entry read as a literal.
    #[test]
    fn a_packed_name_is_read() {
        let block =
            [0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        let fields = read_block(&block).expect("a block of the RFC");
        assert_eq!(fields[3], (":authority".to_owned(), "www.example.com".to_owned()));
        assert_eq!(fields.len(), 4);
    }

    #[test]
    fn what_is_written_is_read() {
        let long = "x".repeat(20_000);
        let fields = [("a", "b"), (":path", ""), ("long", &long)];
        let read = read_block(&literal_block(&fields)).expect("an own block");
        let expected: Vec<(String, String)> = fields.map(|(name, value)| (name.into(), value.into())).into();
        assert_eq!(read, expected);
    }
}
