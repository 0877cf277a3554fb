//! A plain, strict reader of HTTP/1 messages: heads, bodies of all framings, trailers.
//!
//! It reads what it can judge from RFC 9112 and refuses the rest. Bytes become the characters of
//! the same number, so that nothing is lost in the text form.

use std::io::{self, Error, ErrorKind};

use super::wire::Wire;

const FIELDS_MAX: usize = 10_000;

/// Names and values in the order of their arrival, values without surrounding blanks.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Fields(pub(crate) Vec<(String, String)>);

impl Fields {
    /// The first value of a name, whatever its case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let same = move |(other, _): &&(String, String)| other.eq_ignore_ascii_case(name);
        self.0.iter().filter(same).map(|(_, value)| value.as_str())
    }

    fn read(wire: &mut Wire) -> io::Result<Self> {
        let mut fields = Vec::new();
        loop {
            let line = wire.line()?;
            if line.is_empty() {
                return Ok(Self(fields));
            }
            let Some((name, value)) = line.split_once(':') else {
                return Err(bad(format!("a field line without a colon: {line:?}")));
            };
            if name.is_empty() || !name.chars().all(is_token) {
                return Err(bad(format!("a bad field name: {name:?}")));
            }
            fields.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
            if fields.len() > FIELDS_MAX {
                return Err(bad("too many fields".to_owned()));
            }
        }
    }
}

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Empty,
    Length(usize),
    Chunked,
    UntilClose,
}

impl Framing {
    fn of_fields(fields: &Fields, otherwise: Self) -> io::Result<Self> {
        let lengths: Vec<&str> = fields.all("content-length").collect();
        let codings: Vec<&str> = fields.all("transfer-encoding").collect();
        match (codings.as_slice(), lengths.as_slice()) {
            ([], []) => Ok(otherwise),
            ([], [length]) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
                let parsed = length.parse().map_err(|_| bad(format!("a bad length: {length:?}")))?;
                Ok(Self::Length(parsed))
            }
            ([coding], []) if coding.eq_ignore_ascii_case("chunked") => Ok(Self::Chunked),
            _ => Err(bad(format!("unclear framing: {codings:?} {lengths:?}"))),
        }
    }

    /// Reads a body so framed; gives its trailers.
    fn read(self, wire: &mut Wire, sink: &mut dyn FnMut(&[u8])) -> io::Result<Fields> {
        match self {
            Self::Empty => {}
            Self::Length(length) => wire.exactly(length, sink)?,
            Self::UntilClose => wire.until_close(sink)?,
            Self::Chunked => return read_chunks(wire, sink),
        }
        Ok(Fields::default())
    }
}

/// A request as a server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: String,
    pub(crate) fields: Fields,
    pub(crate) framing: Framing,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Fields,
}

impl Request {
    /// Reads the head; the body is left on the wire.
    pub(crate) fn read_head(wire: &mut Wire) -> io::Result<Self> {
        let line = wire.line()?;
        let parts: Vec<&str> = line.split(' ').collect();
        let [method, target, version @ ("HTTP/1.0" | "HTTP/1.1")] = parts.as_slice() else {
            return Err(bad(format!("a bad request line: {line:?}")));
        };
        let fields = Fields::read(wire)?;
        let framing = Framing::of_fields(&fields, Framing::Empty)?;
        Ok(Self {
            method: (*method).to_owned(),
            target: (*target).to_owned(),
            version: (*version).to_owned(),
            fields,
            framing,
            body: Vec::new(),
            trailers: Fields::default(),
        })
    }

    /// Reads the body that belongs to the head.
    pub(crate) fn read_body(&mut self, wire: &mut Wire) -> io::Result<()> {
        let body = &mut self.body;
        self.trailers = self.framing.read(wire, &mut |piece| body.extend_from_slice(piece))?;
        Ok(())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A response as a client saw it.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) version: String,
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) fields: Fields,
    pub(crate) framing: Framing,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Fields,
    /// The interim responses that came before it.
    pub(crate) interim: Vec<Self>,
}

impl Response {
    /// Reads the next response, an interim one too. `method` is that of the request.
    pub(crate) fn read_one(wire: &mut Wire, method: &str, sink: &mut dyn FnMut(&[u8])) -> io::Result<Self> {
        let mut response = Self::read_head(wire, method)?;
        response.trailers = response.framing.read(wire, sink)?;
        Ok(response)
    }

    /// Reads up to the final response (101 is final) and keeps the interim ones in it.
    pub(crate) fn read_final(wire: &mut Wire, method: &str, sink: &mut dyn FnMut(&[u8])) -> io::Result<Self> {
        let mut interim = Vec::new();
        loop {
            let mut response = Self::read_one(wire, method, sink)?;
            if response.status >= 200 || response.status == 101 {
                response.interim = interim;
                return Ok(response);
            }
            interim.push(response);
        }
    }

    /// The first value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("not JSON ({error}): {}", self.text()),
        }
    }

    fn read_head(wire: &mut Wire, method: &str) -> io::Result<Self> {
        let line = wire.line()?;
        let mut parts = line.splitn(3, ' ');
        let version = parts.next().unwrap_or_default();
        let status = parts.next().unwrap_or_default();
        let reason = parts.next().unwrap_or_default().to_owned();
        let is_status = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
        if !matches!(version, "HTTP/1.0" | "HTTP/1.1") || !is_status {
            return Err(bad(format!("a bad status line: {line:?}")));
        }
        let status: u16 = status.parse().map_err(|_| bad(format!("a bad status: {line:?}")))?;
        let version = version.to_owned();
        let fields = Fields::read(wire)?;
        // RFC 9112 §6.3, cases 1 and 2.
        let has_no_body = method == "HEAD" || matches!(status, 100..=199 | 204 | 304);
        let has_become_tunnel = method == "CONNECT" && (200..300).contains(&status);
        let framing = if has_no_body || has_become_tunnel {
            Framing::Empty
        } else {
            Framing::of_fields(&fields, Framing::UntilClose)?
        };
        let (body, trailers, interim) = (Vec::new(), Fields::default(), Vec::new());
        Ok(Self { version, status, reason, fields, framing, body, trailers, interim })
    }
}

fn read_chunks(wire: &mut Wire, sink: &mut dyn FnMut(&[u8])) -> io::Result<Fields> {
    loop {
        let line = wire.line()?;
        let size = line.split(';').next().unwrap_or_default();
        let is_size = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = usize::from_str_radix(size, 16).ok().filter(|_| is_size);
        match size {
            None => return Err(bad(format!("a bad chunk size: {line:?}"))),
            Some(0) => return Fields::read(wire),
            Some(size) => wire.exactly(size, sink)?,
        }
        if !wire.line()?.is_empty() {
            return Err(bad("a chunk without its line end".to_owned()));
        }
    }
}

fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

fn bad(what: String) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}
