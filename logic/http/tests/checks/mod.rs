//! What must hold for any bytes whatever. Tests and fuzz targets run the same checks.
//! Single inputs with a known result are not here, but in the tables beside.

use evener_http::*;
use std::time::Duration;

pub(crate) const LIMITS: HeadLimits = HeadLimits { bytes_max: 8192, fields_max: 64 };

/// Any bytes as a request head.
pub(crate) fn request_head(message: &[u8]) {
    let whole = parse_request(message, message.len().max(1));
    for step in steps(message) {
        assert_eq!(whole, parse_request(message, step), "in steps of {step}");
    }
    let mut parser = RequestParser::new();
    if parser.parse(message, &LIMITS) != Ok(Progress::Complete) {
        return;
    }
    let head = parser.head();
    same_as_httparse(message, head);
    for trusts_peer in [false, true] {
        check_forwarded(message, head, trusts_peer);
    }
    if let Some(timeout) = GrpcCall::read(message, head).and_then(|call| call.timeout) {
        assert!(!timeout.is_zero() && timeout <= Duration::from_hours(99_999_999));
    }
}

/// Any bytes as a response head. The first byte chooses the method.
pub(crate) fn response_head(data: &[u8]) {
    let Some((choice, message)) = data.split_first() else { return };
    let method = if choice & 1 == 1 { Method::Head } else { Method::Get };
    let whole = parse_response(message, method, message.len().max(1));
    for step in steps(message) {
        assert_eq!(whole, parse_response(message, method, step), "in steps of {step}");
    }
    let mut parser = ResponseParser::new();
    if parser.parse(message, &LIMITS, RequestContext { method }) != Ok(Progress::Complete) {
        return;
    }
    let head = parser.head();
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut other = httparse::Response::new(&mut fields);
    if matches!(message.get(7), Some(b'0' | b'1')) {
        let mut parser = httparse::ParserConfig::default();
        // Both take it out of the name, RFC 9112 §5.1.
        parser.allow_spaces_after_header_name_in_responses(true);
        let result = parser.parse_response(&mut other, message);
        assert_eq!(result, Ok(httparse::Status::Complete(head.head_bytes)));
        assert_eq!(other.code, Some(head.status));
        same_fields(message, &head.fields, other.headers);
    }
    check_forwarded_response(message, head, method);
}

/// Any bytes as a chunked body. The first byte chooses how it is cut.
pub(crate) fn chunked_body(data: &[u8]) {
    let Some((cut, body)) = data.split_first() else { return };
    let whole = decode(body, body.len().max(1));
    assert_eq!(whole, decode(body, usize::from(*cut) + 1));
    assert_eq!(whole, decode(body, 1));
    let Ok(Body { payload, trailers, .. }) = whole else { return };
    let mut encoded = Vec::new();
    for piece in payload.chunks(usize::from(*cut) + 1) {
        chunk_header(piece.len(), &mut encoded);
        encoded.extend_from_slice(piece);
        encoded.extend_from_slice(CHUNK_END);
    }
    last_chunk(&trailers, &mut encoded);
    let end = encoded.len();
    encoded.extend_from_slice(b"GET / HTTP/1.1\r\n");
    assert_eq!(decode(&encoded, encoded.len()), Ok(Body { payload, trailers, consumed: end }));
}

/// A body that was decoded to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) payload: Vec<u8>,
    pub(crate) trailers: Vec<u8>,
    pub(crate) consumed: usize,
}

/// Decodes a chunked body that arrives in pieces of `step` bytes; the end of the bytes is the end of the connection.
pub(crate) fn decode(body: &[u8], step: usize) -> Result<Body, (BodyFault, Vec<u8>)> {
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let mut payload = Vec::new();
    let mut consumed = 0;
    let mut received = 0;
    while received < body.len() {
        received = (received + step).min(body.len());
        loop {
            let src = &body[consumed..received];
            let decoded = decoder.decode(src).map_err(|fault| (fault, payload.clone()))?;
            payload.extend_from_slice(&src[decoded.payload]);
            consumed += decoded.consumed;
            if decoded.consumed == 0 {
                break;
            }
        }
    }
    decoder.on_eof().map_err(|fault| (fault, payload.clone()))?;
    Ok(Body { payload, trailers: decoder.trailers().to_vec(), consumed })
}

/// The result of a request head that arrives in pieces of `step` bytes, as text.
pub(crate) fn parse_request(message: &[u8], step: usize) -> String {
    let mut parser = RequestParser::new();
    let mut received = 0;
    loop {
        received = (received + step).min(message.len());
        match parser.parse(&message[..received], &LIMITS) {
            Ok(Progress::NeedMore) if received < message.len() => {}
            Ok(Progress::NeedMore) => return format!("need more, started: {}", parser.has_started()),
            Ok(Progress::Complete) => return format!("{:?}", parser.head()),
            Err(fault) => {
                assert_eq!(parser.parse(message, &LIMITS), Err(fault), "a fault is final");
                return format!("{fault:?}");
            }
        }
    }
}

/// The result of a response head that arrives in pieces of `step` bytes, as text.
pub(crate) fn parse_response(message: &[u8], method: Method, step: usize) -> String {
    let mut parser = ResponseParser::new();
    let mut received = 0;
    loop {
        received = (received + step).min(message.len());
        match parser.parse(&message[..received], &LIMITS, RequestContext { method }) {
            Ok(Progress::NeedMore) if received < message.len() => {}
            Ok(Progress::NeedMore) => return "need more".into(),
            Ok(Progress::Complete) => return format!("{:?}", parser.head()),
            Err(fault) => {
                let again = parser.parse(message, &LIMITS, RequestContext { method });
                assert_eq!(again, Err(fault), "a fault is final");
                return format!("{fault:?}");
            }
        }
    }
}

/// Long inputs are not cut into single bytes, to keep the checks quick.
fn steps(message: &[u8]) -> impl Iterator<Item = usize> {
    let smallest = if message.len() <= 1024 { 1 } else { 61 };
    [smallest, 2, 7, 64].into_iter().filter(move |step| *step >= smallest)
}

/// What evener accepts, another strict parser accepts with the same names and values.
fn same_as_httparse(message: &[u8], head: &RequestHead) {
    let line_end = message.windows(2).skip(head.target.end as usize).position(|pair| pair == b"\r\n");
    let minor = line_end.map(|end| message[head.target.end as usize + end - 1]);
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut other = httparse::Request::new(&mut fields);
    let result = other.parse(message);
    if !matches!(minor, Some(b'0' | b'1')) {
        return; // HTTP/1.2 and above are read as 1.1 here and refused there.
    }
    assert_eq!(result, Ok(httparse::Status::Complete(head.head_bytes)));
    assert_eq!(other.method.map(str::as_bytes), Some(head.method_text.of(message)));
    let target = other.path.expect("a complete request has a target").as_bytes();
    assert!(target.ends_with(head.target.of(message)));
    assert!(head.form == TargetForm::Absolute || target.len() == head.target.len());
    same_fields(message, &head.fields, other.headers);
}

fn same_fields(message: &[u8], ours: &[Field], theirs: &[httparse::Header<'_>]) {
    assert_eq!(ours.len(), theirs.len());
    for (our, their) in ours.iter().zip(theirs) {
        assert_eq!(our.name.of(message), their.name.as_bytes());
        assert_eq!(our.value.of(message), their.value);
    }
}

/// A head that was forwarded is read again as the same request, without anything that must not travel.
fn check_forwarded(message: &[u8], head: &RequestHead, trusts_peer: bool) {
    let host = if head.authority.is_empty() { b"upstream" } else { head.authority.of(message) };
    let forward = ForwardRequest {
        target: head.target.of(message),
        host,
        client_ip: b"192.0.2.1",
        client_host: head.authority.of(message),
        scheme: b"http",
        certificate: &[],
        trusts_peer,
        set_headers: &[],
        expects_continue: head.expects_continue,
    };
    let mut written = b"earlier".to_vec();
    write_request_head(message, head, &forward, &mut written);
    let written = &written[b"earlier".len()..];

    let limits = HeadLimits { bytes_max: LIMITS.bytes_max * 3, fields_max: LIMITS.fields_max + 8 };
    let mut parser = RequestParser::new();
    assert_eq!(parser.parse(written, &limits), Ok(Progress::Complete), "{}", written.escape_ascii());
    let again = parser.head();
    assert_eq!(again.head_bytes, written.len());
    assert_eq!(again.method_text.of(written), head.method_text.of(message));
    assert_eq!(again.framing, head.framing);
    assert_eq!(again.query.map(|query| query.of(written)), head.query.map(|query| query.of(message)));
    assert_eq!(again.authority.of(written), host);
    assert_eq!(again.expects_continue, head.expects_continue);
    assert_eq!(again.upgrade.is_some(), head.upgrade.is_some());
    assert_eq!(again.te_trailers, head.te_trailers);
    assert!(again.form != TargetForm::Absolute);
    let passed = |field: &&Field| field.kind == FieldKind::Other && !field.dropped;
    let before: Vec<_> = head.fields.iter().filter(passed).map(|field| field.line.of(message)).collect();
    let after: Vec<_> = again.fields.iter().filter(passed).map(|field| field.line.of(written)).collect();
    assert_eq!(before, after);
    let count = |kind| again.fields.iter().filter(|field| field.kind == kind).count();
    assert_eq!(count(FieldKind::XForwardedFor), 1);
    assert_eq!(count(FieldKind::Alias) + count(FieldKind::ProxyConnection) + count(FieldKind::KeepAlive), 0);
    assert!(trusts_peer || (count(FieldKind::XForwarded) == 0 && count(FieldKind::XForwardedProto) == 1));
    assert!(trusts_peer || count(FieldKind::ClientCertificate) == 0);
    assert!(count(FieldKind::ContentLength) + count(FieldKind::TransferEncoding) <= 1);
}

fn check_forwarded_response(message: &[u8], head: &ResponseHead, method: Method) {
    let mut written = Vec::new();
    if head.status == 101 {
        write_switch_head(message, head, None, &mut written);
    } else if head.status < 200 {
        write_interim_head(message, head, &mut written);
    } else {
        let forward = ForwardResponse {
            client_version: Version::Http11,
            framing: head.framing,
            keep_alive: head.keep_alive,
            reason_code: None,
            set_cookie: None,
        };
        write_response_head(message, head, &forward, &mut written);
    }
    let limits = HeadLimits { bytes_max: LIMITS.bytes_max * 3, fields_max: LIMITS.fields_max + 8 };
    let mut parser = ResponseParser::new();
    let result = parser.parse(&written, &limits, RequestContext { method });
    assert_eq!(result, Ok(Progress::Complete), "{}", written.escape_ascii());
    let again = parser.head();
    assert_eq!(again.head_bytes, written.len());
    assert_eq!(again.status, head.status);
    assert_eq!(again.version, Version::Http11);
    assert_eq!(again.framing, head.framing);
    assert_eq!(again.reason.of(&written), head.reason.of(message));
    assert!(head.status < 200 || again.keep_alive == head.keep_alive);
    assert_eq!(again.upgrade.map(|upgrade| upgrade.of(&written)), head.upgrade.map(|upgrade| upgrade.of(message)));
    let passed = |field: &&Field| field.kind == FieldKind::Other && !field.dropped;
    let before: Vec<_> = head.fields.iter().filter(passed).map(|field| passed_line(message, field)).collect();
    let after: Vec<_> = again.fields.iter().filter(passed).map(|field| field.line.of(&written)).collect();
    assert_eq!(before, after);
    let framing = [FieldKind::ContentLength, FieldKind::TransferEncoding];
    assert!(again.fields.iter().filter(|field| framing.contains(&field.kind)).count() <= 1);
}

/// The line as it goes on: as it stands, or without white space before its colon.
fn passed_line(message: &[u8], field: &Field) -> Vec<u8> {
    if message.get(field.name.end as usize) == Some(&b':') {
        return field.line.of(message).to_vec();
    }
    [field.name.of(message), b": ", field.value.of(message), b"\r\n"].concat()
}
