//! As much HTTP/1.1 as the two ends of this bench need: heads, lengths, chunks.
//!
//! It trusts both ends not to be hostile; a proxy's own error pages are the strangest input.

/// What is in a buffer of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Response {
    /// Not yet a whole response.
    Part,
    /// A whole one.
    Whole {
        /// Its status.
        status: u16,
        /// How many bytes it takes.
        length: usize,
        /// Whether the connection can be used again.
        keeps: bool,
    },
    /// Something else.
    Garbage,
}

/// Looks for a response at the start of a buffer; `ended` says that no byte follows.
pub(crate) fn response(bytes: &[u8], ended: bool) -> Response {
    let Some(head_length) = head_length(bytes) else { return Response::Part };
    let head = &bytes[..head_length];
    let Some(status) = status(head) else { return Response::Garbage };
    let closes = field(head, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let body = &bytes[head_length..];
    let chunked = field(head, "transfer-encoding").is_some();
    let body_length = match field(head, "content-length").map(str::parse::<usize>) {
        Some(Err(_)) => return Response::Garbage,
        Some(Ok(length)) => (body.len() >= length).then_some(length),
        None if chunked => chunks_length(body),
        None if status == 204 || status == 304 => Some(0),
        None => ended.then_some(body.len()),
    };
    let until_end = !chunked && field(head, "content-length").is_none();
    match body_length {
        None => Response::Part,
        Some(length) => {
            Response::Whole { status, length: head_length + length, keeps: !(closes || until_end && length > 0) }
        }
    }
}

/// A request of a client, as a scripted server reads it: the bytes it takes and its demand.
pub(crate) fn request(bytes: &[u8]) -> Option<(usize, u64)> {
    let head_length = head_length(bytes)?;
    let demand = field(&bytes[..head_length], "x-demand").and_then(|value| value.parse().ok());
    Some((head_length, demand.unwrap_or(0)))
}

fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|position| position + 4)
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

/// The value of a head's field.
fn field<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    head.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// How many bytes a chunked body takes, if it is all there.
fn chunks_length(body: &[u8]) -> Option<usize> {
    let mut position = 0;
    loop {
        let rest = body.get(position..)?;
        let line_length = rest.windows(2).position(|window| window == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..line_length]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        position += line_length + 2 + size + 2;
        if size == 0 {
            return (position <= body.len()).then_some(position);
        }
    }
}
