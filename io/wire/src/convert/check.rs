//! What must hold for any heads towards servers: a request says over HTTP/2 what its text says, and the text that is made of
//! an answer is refused by the strict parser, or says what the answer says; and nothing else.
//!
//! Answers are made of whatever the types of the `http` crate admit, as the `h2` crate hands them over.

use super::{Asked, field_lines, field_map, is_of_connection, request_of, response_text};
use crate::intake::Marking;
use evener_http::{
    BodyDecoder, Field, FieldKind, Framing, HeadLimits, Method, Progress, RequestContext, RequestHead, RequestParser,
    ResponseParser, TargetForm, last_chunk,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, response};

const LIMITS: HeadLimits = HeadLimits { bytes_max: 256 * 1024, fields_max: 1024 };
/// A key, and what a server answers to it (RFC 6455 §4.2.2).
const KEY: &[u8] = b"a2V5";
const ACCEPT: &[u8] = b"acoMowsaMs4gzl5sy2uaF1804GA=";

/// Name and value of a field, the name in lower case.
type Pair = (Vec<u8>, Vec<u8>);

/// Any text as the head of a request that a server is asked. The first byte chooses whether under TLS.
pub(crate) fn asked_texts(data: &[u8]) {
    let Some((choices, message)) = data.split_first() else { return };
    let mut parser = RequestParser::new();
    if parser.parse(message, &LIMITS) != Ok(Progress::Complete) {
        return;
    }
    let (head, is_tls) = (parser.head(), choices & 1 != 0);
    let Some(Asked { request, switch_key }) = request_of(message, head, is_tls) else { return };
    let is_switch = head.upgrade.is_some_and(|upgrade| upgrade.of(message).eq_ignore_ascii_case(b"websocket"));
    let (parts, ()) = request.into_parts();
    let protocol = parts.extensions.get::<h2::ext::Protocol>().map(h2::ext::Protocol::as_str);
    assert_eq!(protocol, is_switch.then_some("websocket"));
    let method = if is_switch { b"CONNECT" } else { head.method_text.of(message) };
    assert_eq!(parts.method.as_str().as_bytes(), method);
    assert_eq!(parts.uri.scheme_str(), Some(if is_tls { "https" } else { "http" }));
    let given = pairs_of(message, &head.fields);
    let host = given.iter().find(|(name, _)| name == b"host").map(|(_, value)| &value[..]);
    assert_eq!(parts.uri.authority().map(|authority| authority.as_str().as_bytes()), host);
    let path = parts.uri.path_and_query().map(|path| path.as_str().as_bytes());
    assert!(head.form == TargetForm::Absolute || path == Some(head.target.of(message)), "another path: {path:?}");
    let is_given_key = |kept: &[u8]| given.iter().any(|(name, value)| name == b"sec-websocket-key" && value == kept);
    assert!(switch_key.as_deref().is_none_or(|kept| is_switch && is_given_key(kept)), "another key");
    assert_eq!(pairs_in(&parts.headers), expected_fields(message, head, is_switch));
}

/// The fields that a server must be told, sorted.
fn expected_fields(message: &[u8], head: &RequestHead, is_switch: bool) -> Vec<Pair> {
    let is_said = |field: &&Field| match field.kind {
        FieldKind::Host | FieldKind::Expect => false,
        kind => !(is_of_connection(kind) || (is_switch && is_key(field.name.of(message)))),
    };
    let said: Vec<Field> = head.fields.iter().filter(is_said).copied().collect();
    let mut pairs = pairs_of(message, &said);
    let kind = said.iter().find(|field| field.name.of(message).eq_ignore_ascii_case(b"content-type"));
    let kind = kind.map(|field| field.value.of(message));
    let is_grpc = kind.is_some_and(|kind| kind.starts_with(b"application/grpc"));
    if head.te_trailers || is_grpc {
        pairs.push((b"te".to_vec(), b"trailers".to_vec()));
    }
    let has_expect = head.fields.iter().any(|field| field.kind == FieldKind::Expect);
    if head.expects_continue && has_expect {
        pairs.push((b"expect".to_vec(), b"100-continue".to_vec()));
    }
    pairs.sort();
    pairs
}

fn is_key(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"sec-websocket-key")
}

/// Any pieces as the head of a server's answer, and as its trailers: a byte of choices, then the status and names with their
/// values. Each piece has its length before it.
pub(crate) fn answer_texts(data: &[u8]) {
    let Some((choices, rest)) = data.split_first() else { return };
    let Some(parts) = answer_parts(&mut Pieces(rest)) else { return };
    trailers_there_and_back(&parts.headers);
    let method = if choices & 1 != 0 { Method::Head } else { Method::Get };
    let key = (choices & 4 != 0).then_some(KEY);
    let mut text = Vec::new();
    let (marking, length) = response_text(&parts, method, choices & 2 != 0, key, &mut text);
    let mut parser = ResponseParser::new();
    match parser.parse(&text, &LIMITS, RequestContext { method }) {
        Ok(Progress::Complete) => {}
        Ok(Progress::NeedMore) => panic!("a head without an end: {}", text.escape_ascii()),
        Err(_) => return,
    }
    let (head, shown) = (parser.head(), text.escape_ascii());
    assert_eq!(head.head_bytes, text.len(), "another answer: {shown}");
    let is_switch = key.is_some() && parts.status.is_success();
    assert_eq!(head.status, if is_switch { 101 } else { parts.status.as_u16() });
    assert_eq!(head.upgrade.is_some(), is_switch, "{shown}");
    match (marking, head.framing) {
        (Marking::Tunnel, framing) => assert!(is_switch && framing == Framing::None, "{shown}"),
        (Marking::Chunks, framing) => assert_eq!(framing, Framing::Chunked, "{shown}"),
        (Marking::Length, Framing::None) => assert_eq!(length, Some(0), "{shown}"),
        (Marking::Length, framing) => {
            let Framing::Length(said) = framing else { panic!("{framing:?}: {shown}") };
            assert!(length.is_none_or(|length| length == said), "{shown}");
        }
    }
    let mut expected: Vec<Pair> = pairs_in(&parts.headers);
    expected.retain(|(name, _)| !(is_switch && matches!(&name[..], b"content-length" | b"sec-websocket-accept")));
    let own = |name: &str, value: &[u8]| (name.as_bytes().to_vec(), value.to_vec());
    if is_switch {
        expected.extend([own("upgrade", b"websocket"), own("connection", b"upgrade")]);
        expected.push(own("sec-websocket-accept", ACCEPT));
    } else if marking == Marking::Chunks {
        expected.push(own("transfer-encoding", b"chunked"));
    } else if head.framing == Framing::Length(0) && !parts.headers.contains_key("content-length") {
        expected.push(own("content-length", b"0"));
    }
    expected.sort();
    assert_eq!(pairs_of(&text, &head.fields), expected);
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

fn answer_parts(pieces: &mut Pieces<'_>) -> Option<response::Parts> {
    let mut response = Response::new(());
    *response.status_mut() = http::StatusCode::from_bytes(pieces.next()?).ok()?;
    while let (Some(name), Some(value)) = (pieces.next(), pieces.next()) {
        let name = HeaderName::from_lowercase(name).ok()?;
        let value = HeaderValue::from_bytes(value).ok()?;
        // RFC 9113 §8.2.2. The `h2` crate refuses these.
        let is_refused = matches!(
            name.as_str(),
            "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade" | "te"
        );
        response.headers_mut().try_append(name, value).ok().filter(|_| !is_refused)?;
    }
    Some(response.into_parts().0)
}

fn pairs_of(message: &[u8], fields: &[Field]) -> Vec<Pair> {
    let pair = |field: &Field| (field.name.of(message).to_ascii_lowercase(), field.value.of(message).to_vec());
    let mut pairs: Vec<Pair> = fields.iter().map(pair).collect();
    pairs.sort();
    pairs
}

/// The same of the `http` crate's types. What stands around a value is no part of it (RFC 9110 §5.5).
fn pairs_in(map: &HeaderMap) -> Vec<Pair> {
    let pair =
        |(name, value): (&HeaderName, &HeaderValue)| (name.as_str().into(), value.as_bytes().trim_ascii().to_vec());
    let mut pairs: Vec<Pair> = map.iter().map(pair).collect();
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
