//! What must hold for any heads: the text that is made of one is refused by the strict parser, or says what the head says
//! and nothing else.
//!
//! Heads are made of whatever the types of the `http` crate admit, as the `h2` crate hands them over.

use super::{Malformed, field_lines, field_map, own_head, request_of, request_text, response_text};
use evener_http::{
    BodyDecoder, Field, ForwardResponse, Framing, HeadLimits, Method, Progress, RequestContext, RequestParser,
    ResponseHead, ResponseParser, TargetForm, Version, last_chunk, write_interim_head, write_response_head,
    write_switch_head,
};
use http::uri::{Authority, Parts as UriParts, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, request::Parts, response};

const LIMITS: HeadLimits = HeadLimits { bytes_max: 256 * 1024, fields_max: 1024 };
const KEY: &str = "a2V5";

/// Name and value of a field, the name in lower case.
type Pair = (Vec<u8>, Vec<u8>);

/// Any pieces as a request of HTTP/2: a byte of choices, then method, scheme, authority, path, and names with their values.
/// Each piece has its length before it.
pub(crate) fn request_texts(data: &[u8]) {
    let Some((choices, rest)) = data.split_first() else { return };
    let Some(parts) = request_parts(*choices, &mut Pieces(rest)) else { return };
    let (has_body, is_tls) = (choices & 1 != 0, choices & 2 != 0);
    trailers_there_and_back(&parts.headers);
    let mut text = Vec::new();
    let written: Result<(), Malformed> = request_text(&parts, has_body, is_tls, KEY, &mut text);
    if written.is_err() {
        return;
    }
    let is_switch = parts.extensions.get::<h2::ext::Protocol>().is_some();
    let mut parser = RequestParser::new();
    match parser.parse(&text, &LIMITS) {
        Ok(Progress::Complete) => {}
        Ok(Progress::NeedMore) => panic!("a head without an end: {}", text.escape_ascii()),
        Err(_) => return,
    }
    let head = parser.head();
    assert_eq!(head.head_bytes, text.len(), "another request: {}", text.escape_ascii());
    let method = if is_switch { "GET" } else { parts.method.as_str() };
    assert_eq!(head.method_text.of(&text), method.as_bytes());
    if head.form != TargetForm::Authority {
        assert_eq!(Some(head.target.of(&text)), parts.uri.path_and_query().map(|path| path.as_str().as_bytes()));
    }
    let host = parts.headers.get("host").map(HeaderValue::as_bytes);
    let host = parts.uri.authority().map(|authority| authority.as_str().as_bytes()).or(host);
    let named = head.authority.of(&text);
    assert!(host.is_some_and(|host| host == named || host.strip_suffix(b":") == Some(named)), "another host");
    assert_eq!(pairs_of(&text, &head.fields), expected_pairs(&parts, host, has_body && !is_switch));
    assert_eq!(head.upgrade.map(|protocol| protocol.of(&text)), is_switch.then_some(&b"websocket"[..]));
    let framing = if is_switch || !has_body { Framing::None } else { Framing::Chunked };
    assert!(parts.headers.contains_key("content-length") || head.framing == framing, "{:?}", head.framing);
    let Some(asked) = request_of(&text, head, is_tls) else { return };
    let uri = asked.request.uri();
    assert_eq!(uri.authority().map(|authority| authority.as_str().as_bytes()), host);
    for (name, value) in asked.request.headers() {
        let is_given =
            parts.headers.get_all(name).iter().any(|given| given.as_bytes().trim_ascii() == value.as_bytes());
        let is_own = (name == "te" && value == "trailers") || (name == "expect" && value == "100-continue");
        assert!(is_given || is_own || name == "cookie", "{name}: {value:?} came from nowhere");
    }
}

/// Any text as the head of a server's answer, which is written for the client and taken apart again. The first byte chooses
/// what it answers.
pub(crate) fn response_texts(data: &[u8]) {
    let Some((choices, message)) = data.split_first() else { return };
    let method = if choices & 1 != 0 { Method::Head } else { Method::Get };
    let mut parser = ResponseParser::new();
    if parser.parse(message, &LIMITS, RequestContext { method }) != Ok(Progress::Complete) {
        return;
    }
    let mut text = Vec::new();
    write_for_client(message, parser.head(), &mut text);
    let own = own_head(&text, method, HeaderMap::new()).expect("our own writing is read");
    // What the strict parser makes of the same.
    let mut parser = ResponseParser::new();
    assert_eq!(parser.parse(&text, &LIMITS, RequestContext { method }), Ok(Progress::Complete));
    let head = parser.head();
    assert_eq!((own.status, own.framing, own.head_bytes), (head.status, head.framing, head.head_bytes));
    assert_eq!(own.response.status(), if head.status == 101 { 200 } else { head.status });
    let given = pairs_of(&text, &head.fields);
    let mut kept = given.clone();
    let is_call_status = given.iter().any(|(name, _)| name == b"grpc-status");
    kept.retain(|(name, _)| match &name[..] {
        b"content-length" => !is_call_status,
        b"sec-websocket-accept" => head.status != 101,
        name => !is_of_connection(name),
    });
    let (parts, ()) = own.response.into_parts();
    let pair =
        |(name, value): (&HeaderName, &HeaderValue)| (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec());
    let mut pairs: Vec<Pair> = parts.headers.iter().map(pair).collect();
    pairs.sort();
    assert_eq!(pairs, kept);
    as_text_again(&parts, method, choices & 2 != 0, &given);
}

/// As evener would read it from a server of HTTP/2.
fn as_text_again(parts: &response::Parts, method: Method, is_ended: bool, given: &[Pair]) {
    let mut text = Vec::new();
    let _marking = response_text(parts, method, is_ended, None, &mut text);
    let mut parser = ResponseParser::new();
    match parser.parse(&text, &LIMITS, RequestContext { method }) {
        Ok(Progress::Complete) => {}
        Ok(Progress::NeedMore) => panic!("a head without an end: {}", text.escape_ascii()),
        Err(_) => return,
    }
    let again = parser.head();
    assert_eq!((again.head_bytes, again.status), (text.len(), parts.status.as_u16()), "{}", text.escape_ascii());
    for pair in pairs_of(&text, &again.fields) {
        let is_own = matches!(&pair.0[..], b"transfer-encoding" | b"content-length");
        assert!(is_own || given.contains(&pair), "{} came from nowhere", pair.0.escape_ascii());
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

/// RFC 9113 §8.2.2.
fn is_of_connection(name: &[u8]) -> bool {
    matches!(name, b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" | b"te")
}

/// Trailers become lines that are read as the same, or are refused.
fn trailers_there_and_back(trailers: &HeaderMap) {
    let lines = field_lines(trailers);
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
    for (name, value) in &field_map(decoder.trailers()) {
        let is_given = trailers.get_all(name).iter().any(|given| given.as_bytes().trim_ascii() == value.as_bytes());
        assert!(is_given, "{name}: {value:?} came from nowhere");
    }
}

fn request_parts(choices: u8, pieces: &mut Pieces<'_>) -> Option<Parts> {
    let mut request = Request::new(());
    let is_connect = choices & 0x10 != 0;
    *request.method_mut() = http::Method::from_bytes(pieces.next()?).ok()?;
    let (scheme, authority, path) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let mut uri = UriParts::default();
    if choices & 0x20 == 0 {
        uri.authority = Some(Authority::try_from(authority).ok()?);
        uri.scheme = if is_connect { None } else { Some(Scheme::try_from(scheme).ok()?) };
    }
    if !is_connect {
        uri.path_and_query = Some(PathAndQuery::try_from(path).ok().filter(|_| !path.is_empty())?);
    }
    if is_connect || choices & 4 != 0 {
        *request.method_mut() = http::Method::CONNECT;
    }
    if choices & 4 != 0 {
        let protocol = if choices & 8 == 0 { "websocket" } else { "WebSocket" };
        request.extensions_mut().insert(h2::ext::Protocol::from_static(protocol));
    }
    *request.uri_mut() = http::Uri::from_parts(uri).ok()?;
    while let (Some(name), Some(value)) = (pieces.next(), pieces.next()) {
        let name = HeaderName::from_lowercase(name).ok()?;
        let value = HeaderValue::from_bytes(value).ok()?;
        // RFC 9113 §8.2.2. The `h2` crate refuses these.
        let is_refused = is_of_connection(name.as_str().as_bytes()) && !(name == "te" && value == "trailers");
        request.headers_mut().try_append(name, value).ok().filter(|_| !is_refused)?;
    }
    Some(request.into_parts().0)
}

/// The fields that the text must have, sorted.
fn expected_pairs(parts: &Parts, host: Option<&[u8]>, may_be_chunked: bool) -> Vec<Pair> {
    let is_switch = parts.extensions.get::<h2::ext::Protocol>().is_some();
    let pair = |name: &str, value: &[u8]| (name.as_bytes().to_vec(), value.to_vec());
    let is_kept = |name: &HeaderName| name != "host" && name != "cookie" && !(is_switch && name == "sec-websocket-key");
    let kept = parts.headers.iter().filter(|(name, _)| is_kept(name));
    let mut pairs: Vec<Pair> = kept.map(|(name, value)| pair(name.as_str(), value.as_bytes())).collect();
    pairs.extend(host.map(|host| pair("host", host)));
    let crumbs: Vec<&[u8]> =
        parts.headers.get_all("cookie").iter().map(|crumb| crumb.as_bytes().trim_ascii()).collect();
    if !crumbs.is_empty() {
        pairs.push(pair("cookie", crumbs.join(&b"; "[..]).trim_ascii()));
    }
    if is_switch {
        pairs.extend([
            pair("upgrade", b"websocket"),
            pair("connection", b"upgrade"),
            pair("sec-websocket-key", KEY.as_bytes()),
        ]);
    } else if may_be_chunked && !parts.headers.contains_key("content-length") {
        pairs.push(pair("transfer-encoding", b"chunked"));
    }
    pairs.sort();
    pairs
}

fn pairs_of(message: &[u8], fields: &[Field]) -> Vec<Pair> {
    let pair = |field: &Field| (field.name.of(message).to_ascii_lowercase(), field.value.of(message).to_vec());
    let mut pairs: Vec<Pair> = fields.iter().map(pair).collect();
    pairs.sort();
    pairs
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
