//! What must hold for any heads: the text that is made of one is refused by the strict parser, or says what the fields say
//! and nothing else; and the block that is made of an answer says what its text says.

use super::{HeadFault, Known, RequestText, TrailerText, answer};
use crate::hpack::{Decoder, Encoder};
use evener_http::{
    BodyDecoder, Field, ForwardResponse, Framing, HeadLimits, Method, Progress, RequestContext, RequestParser,
    ResponseHead, ResponseParser, Version, last_chunk, write_interim_head, write_response_head, write_switch_head,
};

const LIMITS: HeadLimits = HeadLimits { bytes_max: 256 * 1024, fields_max: 1024 };
const KEY: &[u8] = b"sec-websocket-key: a2V5\r\n";

/// Name and value of a field.
type Pair = (Vec<u8>, Vec<u8>);

/// Any pieces as a request: a byte of choices, then method, scheme, authority, path, and names with their values. Each piece
/// has its length before it. With 0x40 in the first byte there are names and values only.
pub(crate) fn check_request(data: &[u8]) {
    let Some((choices, rest)) = data.split_first() else { return };
    let fields = fields_of(*choices, &mut Pieces(rest));
    let (has_body, is_tls) = (choices & 1 != 0, choices & 2 != 0);
    let bytes_max = if choices & 0x80 == 0 { LIMITS.bytes_max } else { 100 };
    trailers_there_and_back(&fields, bytes_max);
    let (mut text, mut crumbs) = (Vec::new(), Vec::new());
    let mut request = RequestText::new(&mut text, &mut crumbs, bytes_max, is_tls, has_body);
    fields.iter().for_each(|(name, value)| request.field(name, value));
    let form = request.finish();
    assert!(text.len() <= bytes_max && crumbs.len() <= bytes_max, "more than the bound");
    let expected = expected_head(&fields, is_tls, has_body);
    let expected = match (form.fault, expected) {
        // Marks are added, and a plain CONNECT says its authority twice.
        (Some(HeadFault::TooLarge), _) => return assert!(2 * size_of(&fields) + 64 > bytes_max, "not too large"),
        (Some(HeadFault::Malformed), expected) => return assert_eq!(expected, None, "is well-formed"),
        (None, None) => panic!("is malformed: {}", text.escape_ascii()),
        (None, Some(expected)) => expected,
    };
    assert_eq!((form.is_tunnel, form.length), (expected.is_tunnel, expected.length));
    assert_eq!(form.method == Method::Head, expected.method == b"HEAD");
    if form.is_tunnel {
        text.extend_from_slice(KEY);
    }
    text.extend_from_slice(b"\r\n");
    compare_with_parsed(&text, &expected);
}

fn compare_with_parsed(text: &[u8], expected: &ExpectedHead) {
    // Line by line, also where the parser refuses the text for another reason.
    let mut lines = vec![[&expected.method[..], b" ", &expected.target, b" HTTP/1.1"].concat()];
    lines.extend(expected.pairs.iter().map(|(name, value)| [&name[..], b": ", value].concat()));
    lines.extend([Vec::new(), Vec::new()]);
    let has_lines = text == lines.join(&b"\r\n"[..]);
    let has_no_more_lines = text.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count() == 2 * (lines.len() - 1);
    assert!(has_lines && has_no_more_lines, "other lines: {}", text.escape_ascii());
    let mut parser = RequestParser::new();
    match parser.parse(text, &LIMITS) {
        Ok(Progress::Complete) => {}
        Ok(Progress::NeedMore) => panic!("a head without an end: {}", text.escape_ascii()),
        Err(_) => return,
    }
    let head = parser.head();
    assert_eq!(head.head_bytes, text.len(), "another request: {}", text.escape_ascii());
    assert_eq!((head.method_text.of(text), head.target.of(text)), (&expected.method[..], &expected.target[..]));
    let host = expected.pairs.iter().find(|(name, _)| name == b"host").map(|(_, value)| &value[..]);
    let named = head.authority.of(text);
    assert!(host.is_some_and(|host| host == named || host.strip_suffix(b":") == Some(named)), "another host");
    assert_eq!(pairs_of(text, &head.fields), expected.pairs);
    assert_eq!(head.upgrade.map(|protocol| protocol.of(text)), expected.is_tunnel.then_some(&b"websocket"[..]));
    assert_eq!(head.framing, expected.framing);
}

/// What the strict parser must find.
#[derive(Debug, PartialEq, Eq)]
struct ExpectedHead {
    method: Vec<u8>,
    target: Vec<u8>,
    pairs: Vec<Pair>,
    framing: Framing,
    length: Option<u64>,
    is_tunnel: bool,
}

/// What a head says by the words of RFC 9113 §8, one rule after another; `None`: it is malformed.
fn expected_head(fields: &[Pair], is_tls: bool, has_body: bool) -> Option<ExpectedHead> {
    let pseudo_count = fields.iter().take_while(|(name, _)| name.starts_with(b":")).count();
    let (pseudo, plain) = fields.split_at(pseudo_count);
    let known: [&[u8]; 5] = [b":method", b":scheme", b":authority", b":path", b":protocol"];
    let [method, scheme, authority, path, protocol] = known.map(|name| one(pseudo, name));
    let (method, scheme, authority, path, protocol) = (method?, scheme?, authority?, path?, protocol?);
    let is_known = pseudo.iter().all(|(name, value)| known.contains(&&name[..]) && !value.is_empty());
    let method = method.filter(|method| is_known && is_token(method))?;
    let scheme_is_right = scheme.is_none_or(|scheme| scheme == if is_tls { &b"https"[..] } else { b"http" });
    let is_connect = method == b"CONNECT";
    let is_tunnel = protocol.is_some();
    let protocol_is_right = protocol.is_none_or(|name| is_connect && name.eq_ignore_ascii_case(b"websocket"));
    let authority_is_right = authority.is_none_or(|name| is_visible(name) && !name.contains(&b'@'));
    let target = if is_connect && !is_tunnel {
        authority.filter(|name| scheme.is_none() && path.is_none() && !name.contains(&b'#'))?
    } else {
        let has_form = |path: &&[u8]| path.first() == Some(&b'/') || (*path == b"*" && method == b"OPTIONS");
        path.filter(|path| has_form(path) && is_visible(path) && !path.contains(&b'#') && scheme.is_some())?
    };
    if !scheme_is_right || !protocol_is_right || !authority_is_right || !plain.iter().all(is_well_formed) {
        return None;
    }
    let host = one(plain, b"host")?;
    let hosts_agree =
        host.is_none() || authority.is_none_or(|name| name.eq_ignore_ascii_case(host.unwrap_or_default()));
    let length = one(plain, b"content-length")?;
    let length: Option<u64> = match length {
        Some(digits) => Some(std::str::from_utf8(digits).ok().filter(|_| digits.len() < 19)?.parse().ok()?),
        None => None,
    };
    let length_is_right = length.is_none_or(|length| !is_tunnel && (has_body || length == 0));
    let starts_with_sign = one(plain, b"content-length")?.is_some_and(|digits| digits.starts_with(b"+"));
    if !hosts_agree || !length_is_right || starts_with_sign {
        return None;
    }
    let has_chunks = has_body && !is_tunnel && length.is_none();
    Some(ExpectedHead {
        method: if is_tunnel { b"GET".to_vec() } else { method.to_vec() },
        target: target.to_vec(),
        pairs: expected_pairs(authority, plain, is_tunnel, has_chunks),
        framing: match length {
            Some(length) => Framing::Length(length),
            None if has_chunks => Framing::Chunked,
            None => Framing::None,
        },
        length,
        is_tunnel,
    })
}

fn expected_pairs(authority: Option<&[u8]>, plain: &[Pair], is_tunnel: bool, has_chunks: bool) -> Vec<Pair> {
    let pair = |name: &str, value: &[u8]| (name.as_bytes().to_vec(), value.to_vec());
    let mut pairs: Vec<Pair> = authority.map(|authority| pair("host", authority)).into_iter().collect();
    let is_kept = |name: &[u8]| match name {
        b"host" => authority.is_none(),
        b"cookie" => false,
        b"sec-websocket-key" => !is_tunnel,
        _ => true,
    };
    pairs.extend(plain.iter().filter(|(name, _)| is_kept(name)).cloned());
    let crumbs = plain.iter().filter(|(name, _)| name == b"cookie").map(|(_, value)| value.trim_ascii());
    let crumbs: Vec<&[u8]> = crumbs.filter(|crumb| !crumb.is_empty()).collect();
    if !crumbs.is_empty() {
        pairs.push(pair("cookie", &crumbs.join(&b"; "[..])));
    }
    if is_tunnel {
        pairs.extend([
            pair("upgrade", b"websocket"),
            pair("connection", b"upgrade"),
            pair("sec-websocket-key", b"a2V5"),
        ]);
    } else if has_chunks {
        pairs.push(pair("transfer-encoding", b"chunked"));
    }
    pairs
}

/// The value of the only field of a name, or of none; `None`: there are several.
fn one<'f>(fields: &'f [Pair], name: &[u8]) -> Option<Option<&'f [u8]>> {
    let mut values = fields.iter().filter(|field| field.0 == name).map(|(_, value)| &value[..]);
    let value = values.next();
    values.next().is_none().then_some(value)
}

/// RFC 9113 §8.2.1 and §8.2.2.
fn is_well_formed((name, value): &Pair) -> bool {
    // A crumb may have space around it, and nothing that is joined.
    let is_padded = name != b"cookie" && value.trim_ascii().len() != value.len();
    let is_clean = value.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f));
    let is_out_of_place = is_of_connection(name) && !(name == b"te" && value == b"trailers");
    is_token(name) && !name.iter().any(u8::is_ascii_uppercase) && is_clean && !is_padded && !is_out_of_place
}

fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

fn is_visible(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_graphic)
}

/// RFC 9113 §8.2.2.
fn is_of_connection(name: &[u8]) -> bool {
    matches!(name, b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" | b"te")
}

fn size_of(fields: &[Pair]) -> usize {
    fields.iter().map(|(name, value)| name.len() + value.len() + b": \r\n".len()).sum()
}

/// Trailers become lines that are read as the same, or are refused.
fn trailers_there_and_back(fields: &[Pair], bytes_max: usize) {
    let mut lines = Vec::new();
    let mut trailers = TrailerText::new(&mut lines, bytes_max);
    fields.iter().for_each(|(name, value)| trailers.field(name, value));
    let finished = trailers.finish();
    let is_padded = |value: &[u8]| value.trim_ascii().len() != value.len();
    let is_good = |field: &Pair| is_well_formed(field) && field.0 != b"te" && !is_padded(&field.1);
    match finished {
        Ok(()) => assert!(fields.iter().all(is_good), "is malformed: {}", lines.escape_ascii()),
        Err(HeadFault::Malformed) => return assert!(!fields.iter().all(is_good), "is well-formed"),
        Err(HeadFault::TooLarge) => return assert!(size_of(fields) > bytes_max, "not too large"),
    }
    let line = |(name, value): &Pair| [name, &b": "[..], value, b"\r\n"].concat();
    assert_eq!(lines, fields.iter().flat_map(line).collect::<Vec<u8>>());
    let mut body = Vec::new();
    last_chunk(&lines, &mut body);
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let mut taken = 0;
    while !decoder.is_done() {
        match decoder.decode(&body[taken..]) {
            Ok(decoded) if decoded.consumed > 0 => taken += decoded.consumed,
            Ok(_) => panic!("trailers without an end: {}", lines.escape_ascii()),
            Err(_) => return,
        }
    }
    assert_eq!(taken, body.len(), "something after the trailers: {}", lines.escape_ascii());
}

/// Any text as the head of a server's answer, which is written for the client, encoded, and decoded again. The first byte
/// chooses what it answers.
pub(crate) fn check_answer(data: &[u8]) {
    let Some((choices, message)) = data.split_first() else { return };
    let method = if choices & 1 != 0 { Method::Head } else { Method::Get };
    let mut parser = ResponseParser::new();
    if parser.parse(message, &LIMITS, RequestContext { method }) != Ok(Progress::Complete) {
        return;
    }
    let mut text = Vec::new();
    write_for_client(message, parser.head(), &mut text);
    // What the strict parser makes of the same.
    let mut parser = ResponseParser::new();
    assert_eq!(parser.parse(&text, &LIMITS, RequestContext { method }), Ok(Progress::Complete));
    let head = parser.head();
    let mut expected =
        vec![(b":status".to_vec(), if head.status == 101 { 200 } else { head.status }.to_string().into())];
    let given = pairs_of(&text, &head.fields);
    let has_call_status = given.iter().any(|(name, _)| name == b"grpc-status");
    expected.extend(given.into_iter().filter(|(name, _)| match &name[..] {
        b"content-length" => !has_call_status && head.status != 101,
        b"sec-websocket-accept" => head.status != 101,
        name => !is_of_connection(name),
    }));
    let (mut known, mut encoder, mut decoder) = (Known::default(), Encoder::new(), Decoder::new(4096));
    if choices & 2 != 0 {
        // Other lines are known.
        let other = b"HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 5\r\nX: y\r\n\r\n";
        let mut block = Vec::new();
        answer(other, method, &mut known, &mut encoder, &mut block).expect("our own writing is read");
        decoder.decode(&block, &mut |_, _| {}).expect("our own block is decoded");
    }
    text.extend_from_slice(b"x: not of the head\r\n\r\n");
    // The first time its lines are unknown, and in the end they are in the tables of the connection.
    for _ in 0..4 {
        let mut block = b"before".to_vec();
        let form = answer(&text, method, &mut known, &mut encoder, &mut block).expect("our own writing is read");
        assert_eq!((form.status, form.framing, form.head_bytes), (head.status, head.framing, head.head_bytes));
        let mut pairs = Vec::new();
        let mut take = |name: &[u8], value: &[u8]| pairs.push((name.to_vec(), value.to_vec()));
        let block = block.strip_prefix(b"before").expect("it is appended");
        decoder.decode(block, &mut take).expect("our own block is decoded");
        assert_eq!(pairs, expected);
    }
}

fn write_for_client(message: &[u8], head: &ResponseHead, out: &mut Vec<u8>) {
    match head.status {
        101 => write_switch_head(message, head, None, out),
        100..=199 => write_interim_head(message, head, out),
        _ => {
            let forward = ForwardResponse {
                client_version: Version::Http11,
                framing: head.framing,
                keep_alive: head.keep_alive,
                reason_code: None,
                set_cookie: None,
            };
            write_response_head(message, head, &forward, out);
        }
    }
}

fn fields_of(choices: u8, pieces: &mut Pieces<'_>) -> Vec<Pair> {
    let mut fields = Vec::new();
    if choices & 0x40 == 0 {
        let mut next = || pieces.next().unwrap_or_default();
        let (method, scheme, authority, path) = (next(), next(), next(), next());
        let is_connect = choices & 0x10 != 0;
        let is_extended = choices & 4 != 0;
        let protocol: &[u8] = if choices & 8 == 0 { b"websocket" } else { b"WebSocket" };
        let method = if is_connect || is_extended { b"CONNECT" } else { method };
        let pseudo: [(&[u8], &[u8], bool); 5] = [
            (b":method", method, true),
            (b":scheme", scheme, !is_connect),
            (b":authority", authority, choices & 0x20 == 0),
            (b":path", path, !is_connect),
            (b":protocol", protocol, is_extended),
        ];
        let said = pseudo.iter().filter(|(_, _, is_said)| *is_said);
        fields.extend(said.map(|(name, value, _)| (name.to_vec(), value.to_vec())));
    }
    while let (Some(name), Some(value)) = (pieces.next(), pieces.next()) {
        fields.push((name.to_vec(), value.to_vec()));
    }
    fields
}

/// In order, the names in lower case.
fn pairs_of(message: &[u8], fields: &[Field]) -> Vec<Pair> {
    let pair = |field: &Field| (field.name.of(message).to_ascii_lowercase(), field.value.of(message).to_vec());
    fields.iter().map(pair).collect()
}

/// Pieces of an input, each with its length in one byte before it. The last one may be cut off.
struct Pieces<'d>(&'d [u8]);

impl<'d> Iterator for Pieces<'d> {
    type Item = &'d [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first()?;
        let (piece, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        self.0 = rest;
        Some(piece)
    }
}

#[cfg(test)]
mod tests;
