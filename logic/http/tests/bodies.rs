//! Bodies: chunked inputs of the list of threats (rows 55 to 66), and the other framings.

#[expect(dead_code, reason = "only the decoder is run here")]
mod checks;

use checks::{Body, decode};
use evener_http::*;

/// Checks a chunked body that ends with the connection. `expected` is `payload` with `+ trailers` when there are some,
/// or `status reason`.
#[track_caller]
fn check(row: &str, body: impl AsRef<[u8]>, expected: &str) {
    let body = body.as_ref();
    for step in [body.len().max(1), 1, 3] {
        let found = match decode(body, step) {
            Ok(Body { payload, trailers, .. }) if trailers.is_empty() => payload.escape_ascii().to_string(),
            Ok(Body { payload, trailers, .. }) => format!("{} + {}", payload.escape_ascii(), trailers.escape_ascii()),
            Err((fault, _)) => format!("{} {}", fault.status(), fault.reason()),
        };
        assert_eq!(found, expected, "row {row} in steps of {step}");
    }
}

#[test]
fn sizes_rows_55_and_56() {
    for size in ["0x5", "+5", "-5", " 5", "5_0", "g", "", "\t5"] {
        check("55", format!("{size}\r\nhello\r\n0\r\n\r\n"), "400 bad_chunk_size");
    }
    check("55", "5 \r\nhello\r\n0\r\n\r\n", "400 bad_chunk_extension");
    check("55", "5;\nhello\r\n0\r\n\r\n", "400 bad_chunk_extension");
    check("55", "5\nhello\r\n0\r\n\r\n", "400 bad_chunk_size");
    check("56", "10000000000000005\r\nhello\r\n0\r\n\r\n", "400 bad_chunk_size");
    check("56", format!("{}5\r\nhello\r\n0\r\n\r\n", "0".repeat(500)), "400 bad_chunk_size");
    check("56", "8000000000000000\r\nhello\r\n0\r\n\r\n", "413 chunk_too_large");
    check("56", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", "413 chunk_too_large");
    check("56", "7fffffffffffffff\r\nhello", "400 body_truncated");
    check("56", "0000000000000005\r\nhello\r\n0\r\n\r\n", "hello");
    check("56", "00000000000000005\r\nhello\r\n0\r\n\r\n", "400 bad_chunk_size");
    check("56", "1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n", "abcdefghijklmnopqrstuvwxyz");
    check("56", "000\r\n\r\n", "");
}

#[test]
fn extensions_rows_57_to_59() {
    for extension in
        [";a=b", " ; a=\"x\\\"y\"", ";a", ";a;b", ";a ;b", "\t;\ta = b", ";a=\"\"", ";a=\";\t=\"", ";a=b;c=\"d\";e"]
    {
        check("57", format!("5{extension}\r\nhello\r\n0{extension}\r\n\r\n"), "hello");
    }
    for extension in [
        ";",
        ";;",
        ";=b",
        ";a=",
        ";a b",
        ";a=\"b",
        ";a=\"b\"c",
        ";a=b\"",
        "; ",
        ";a ",
        ";a=b ",
        "; a=\"b\" ",
        ";a=b=c",
        ";a\0",
        ";a=\"\x01\"",
        ";a,b",
        " a",
        ";a=\"\\\x7f\"",
    ] {
        check("57", format!("5{extension}\r\nhello\r\n0\r\n\r\n"), "400 bad_chunk_extension");
    }
    check("58", format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(65536)), "413 chunk_extensions_too_long");
    check("58", format!("1;{}\r\nx\r\n", "a".repeat(1024)).repeat(10_000), "413 chunk_extensions_too_long");
    check("58", format!("1;{}\r\nx\r\n", "a".repeat(200)).repeat(10_000), "413 chunk_extensions_too_long");
    check("59", "5;\nhello\r\n0\r\n\r\n", "400 bad_chunk_extension");
    check("59", "5\rXhello\r\n0\r\n\r\n", "400 bad_chunk_size");
    check("59", "5;\0\r\nhello\r\n0\r\n\r\n", "400 bad_chunk_extension");
    check("59", "5\r\r;a\nhello\r\n0\r\n\r\n", "400 bad_chunk_size");
    check("59", "5;a\rb\nhello\r\n0\r\n\r\n", "400 bad_chunk_size");
}

#[test]
fn data_rows_60_to_62() {
    check("60 longer", "5\r\nhello!\r\n0\r\n\r\n", "400 bad_chunk_end");
    check("60 shorter", "5\r\nhell\r\n0\r\n\r\n", "400 bad_chunk_end");
    check("60 LF", "5\r\nhello\n0\r\n\r\n", "400 bad_chunk_end");
    check("60 CR", "5\r\nhello\r0\r\n\r\n", "400 bad_chunk_end");
    check("60 none", "5\r\nhello0\r\n\r\n", "400 bad_chunk_end");
    check("61", "1\r\nx\r\n".repeat(10_000) + "0\r\n\r\n", &"x".repeat(10_000));
    check("62", "0\r\nX:POST / HTTP/1.1\r\n\r\n", " + X: POST / HTTP/1.1\\r\\n");
    check("62", "0\r\nPOST / HTTP/1.1\r\n\r\n", "400 bad_trailer");
    check("62", "0\n\n", "400 bad_chunk_size");
    check("62", "0\r\n\n", "400 bad_trailer");
    check("62", "0\r\n\rX", "400 bad_trailer");
    check("62 waits", "0\r\n", "400 body_truncated");
    check("62 waits", "0\r\n\r", "400 body_truncated");
    check("62 waits", "5\r\nhello\r\n", "400 body_truncated");
    check("62 waits", "", "400 body_truncated");
}

#[test]
fn trailers_rows_63_and_64() {
    for name in [
        "Content-Length",
        "Transfer-Encoding",
        "Host",
        "Authorization",
        "X-Forwarded-For",
        "X_Auth_User",
        "Cookie",
        "Set-Cookie",
        "Connection",
        "Trailer",
        "X-Real-IP",
        "Content-Type",
        "TE",
        "Forwarded",
        "a.b",
        "Cache-Control",
        "Expect",
        "Upgrade",
        "X-Forwarded-Prefix",
    ] {
        check("63", format!("2\r\nhi\r\n0\r\nX-A: b\r\n{name}: 5\r\nX-C:d\r\n\r\n"), "hi + X-A: b\\r\\nX-C: d\\r\\n");
    }
    check("63", "0\r\nHost: a\r\n\r\n", "");
    check(
        "63",
        "0\r\ngrpc-status:\t0 \r\nRepr-Digest: a=:b:\r\n\r\n",
        " + grpc-status: 0\\r\\nRepr-Digest: a=:b:\\r\\n",
    );
    for line in ["no colon", ": v", "a b: c", "a : c", " a: b", "a: b\0c", "a: b\nc: d", "a: b\rc", "X: a\r\n b"] {
        check("64", format!("0\r\n{line}\r\n\r\n"), "400 bad_trailer");
    }
    check("64", format!("0\r\nX: {}\r\n\r\n", "a".repeat(1_000_000)), "431 trailers_too_large");
    check("64", format!("0\r\n{}\r\n\r\n", "Host: a\r\n".repeat(65)), "431 trailers_too_large");
    check("64", format!("0\r\n{}\r\n", "Host: a\r\n".repeat(64)), "");
}

#[test]
fn bytes_after_the_body_are_left() {
    let stream = b"5\r\nhello\r\n0\r\nX-A: b\r\n\r\nGET / HTTP/1.1\r\n";
    let body = decode(stream, stream.len()).unwrap();
    assert_eq!(&stream[body.consumed..], b"GET / HTTP/1.1\r\n");
}

#[test]
fn one_call_takes_all_around_one_piece() {
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let decoded = decoder.decode(b"5\r\nhello\r\n0\r\n\r\n").unwrap();
    assert_eq!(decoded, Decoded { consumed: 15, payload: 3..8 });
    assert!(decoder.is_done());
    assert_eq!(decoder.decode(b"more"), Ok(Decoded::default()));
}

#[test]
fn payload_before_a_fault_is_given_first() {
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    assert_eq!(decoder.decode(b"5\r\nhello!").unwrap().payload, 3..8);
    assert_eq!(decoder.decode(b"!"), Err(BodyFault::BadChunkEnd));
    assert!(!decoder.is_done());
}

#[test]
fn lengths() {
    let mut decoder = BodyDecoder::new(Framing::Length(10));
    assert_eq!(decoder.decode(b"hello"), Ok(Decoded { consumed: 5, payload: 0..5 }));
    assert_eq!(decoder.length_left(), Some(5));
    assert_eq!(decoder.on_eof(), Err(BodyFault::Truncated), "row 66");
    decoder.skip(3);
    assert_eq!(decoder.length_left(), Some(2));
    assert_eq!(decoder.decode(b"more than that"), Ok(Decoded { consumed: 2, payload: 0..2 }));
    assert!(decoder.is_done());
    assert_eq!(decoder.decode(b"next"), Ok(Decoded::default()));
    assert_eq!((decoder.length_left(), decoder.on_eof(), decoder.trailers()), (Some(0), Ok(()), &b""[..]));
}

#[test]
fn no_body_and_body_until_close() {
    for framing in [Framing::None, Framing::Length(0)] {
        let mut decoder = BodyDecoder::new(framing);
        assert!(decoder.is_done() && framing.is_empty());
        assert_eq!(decoder.decode(b"next"), Ok(Decoded::default()));
    }
    let mut decoder = BodyDecoder::new(Framing::UntilClose);
    assert_eq!(decoder.decode(b"all"), Ok(Decoded { consumed: 3, payload: 0..3 }));
    decoder.skip(1000);
    assert!(!decoder.is_done() && decoder.length_left().is_none());
    assert_eq!(decoder.on_eof(), Ok(()));
    assert!(decoder.is_done());
}

#[test]
fn chunks_are_written_plainly() {
    for (len, expected) in
        [(1, "1\r\n"), (10, "a\r\n"), (255, "ff\r\n"), (16384, "4000\r\n"), (usize::MAX, "ffffffffffffffff\r\n")]
    {
        let mut out = b"x".to_vec();
        chunk_header(len, &mut out);
        assert_eq!(out, format!("x{expected}").as_bytes());
    }
    let mut out = Vec::new();
    last_chunk(b"A: b\r\n", &mut out);
    assert_eq!(out, b"0\r\nA: b\r\n\r\n");
}

#[test]
fn every_fault_has_a_status_and_its_own_reason() {
    for (index, fault) in BodyFault::ALL.iter().enumerate() {
        assert!([400, 413, 431].contains(&fault.status()), "{fault}");
        assert!(!BodyFault::ALL[..index].iter().any(|other| other.reason() == fault.reason()));
    }
}
