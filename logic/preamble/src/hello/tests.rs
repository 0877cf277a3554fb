//! Tables of ClientHellos that are put together here: what each part may say, and every bound.
//! Those of real clients are read in the crate's other tests.

use super::{Hello, HelloProgress, HelloReader};
use crate::PreambleFault::{self, *};

/// A vector whose length takes two bytes.
fn vector(content: &[u8]) -> Vec<u8> {
    [&u16::try_from(content.len()).unwrap().to_be_bytes()[..], content].concat()
}

fn short_vector(content: &[u8]) -> Vec<u8> {
    [&[u8::try_from(content.len()).unwrap()], content].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector(content)].concat()
}

fn server_name(name: &str) -> Vec<u8> {
    extension(0, &vector(&[&[0], &vector(name.as_bytes())[..]].concat()))
}

fn alpn(names: &[&str]) -> Vec<u8> {
    let list: Vec<u8> = names.iter().flat_map(|name| short_vector(name.as_bytes())).collect();
    extension(16, &vector(&list))
}

fn body(extensions: &[Vec<u8>]) -> Vec<u8> {
    [start(), vector(&extensions.concat())].concat()
}

/// Version 1.2, random, session, two ciphers, no compression.
fn start() -> Vec<u8> {
    [&[3, 3][..], &[7; 32], &short_vector(&[8; 32]), &vector(&[0x13, 1, 0x0a, 0x0a]), &short_vector(&[0])].concat()
}

fn message(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[1], &length[1..], body].concat()
}

fn record(payload: &[u8]) -> Vec<u8> {
    [&[22, 3, 1], &vector(payload)[..]].concat()
}

fn hello(extensions: &[Vec<u8>]) -> Vec<u8> {
    record(&message(&body(extensions)))
}

fn read(bytes: &[u8]) -> Result<HelloProgress, PreambleFault> {
    read_in_steps(bytes, bytes.len().max(1))
}

fn read_in_steps(bytes: &[u8], step: usize) -> Result<HelloProgress, PreambleFault> {
    let mut reader = HelloReader::new();
    let mut end = 0;
    loop {
        end = (end + step).min(bytes.len());
        match reader.read(&bytes[..end]) {
            Ok(HelloProgress::NeedMore) if end < bytes.len() => {}
            result => {
                assert_eq!(reader.read(&bytes[..end]), result, "it repeats itself");
                return result;
            }
        }
    }
}

fn check(bytes: &[u8], expected: Result<HelloProgress, PreambleFault>) {
    for step in [1, 7, bytes.len().max(1)] {
        assert_eq!(read_in_steps(bytes, step), expected, "in steps of {step}: {}", bytes.escape_ascii());
    }
}

fn complete(name: Option<&str>, protocols: &[&str], versions: &[u16]) -> Result<HelloProgress, PreambleFault> {
    Ok(HelloProgress::Complete(Hello {
        server_name: name.map(str::to_owned),
        alpn: protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect(),
        versions: versions.to_vec(),
    }))
}

fn usual() -> Vec<u8> {
    let grease = extension(0x1a1a, b"");
    let versions = extension(43, &short_vector(&[0x5a, 0x5a, 3, 4, 3, 3]));
    hello(&[grease, server_name("Example.COM"), alpn(&["h2", "http/1.1"]), versions, extension(0xaaaa, &[0])])
}

#[test]
fn names_protocols_and_versions_are_read() {
    check(&usual(), complete(Some("example.com"), &["h2", "http/1.1"], &[0x5a5a, 0x0304, 0x0303]));
    check(&[usual(), record(b"more")].concat(), read(&usual()));
    check(&hello(&[]), complete(None, &[], &[0x0303]));
    check(&record(&message(&start())), complete(None, &[], &[0x0303]));
    check(&hello(&[server_name("a.example.")]), complete(Some("a.example"), &[], &[0x0303]));
    check(&hello(&[alpn(&["acme-tls/1"]), server_name("b")]), complete(Some("b"), &["acme-tls/1"], &[0x0303]));
}

#[test]
fn the_outer_name_counts() {
    let encrypted = extension(0xfe0d, &[0, 0, 1, 0, 1, 7, 0, 0, 0, 0]);
    check(&hello(&[encrypted, server_name("public.example")]), complete(Some("public.example"), &[], &[0x0303]));
}

#[test]
fn every_beginning_needs_more() {
    let bytes = usual();
    for end in 0..bytes.len() {
        assert_eq!(read(&bytes[..end]), Ok(HelloProgress::NeedMore), "the first {end} bytes");
    }
}

#[test]
fn other_protocols_are_told_apart() {
    check(b"", Ok(HelloProgress::NeedMore));
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\0",
        b"\x16\x02\x01\0\x05",
        b"\x16\x03\x7f",
        b"\x15\x03\x01\0\x02",
        b"\x80\x2e\x01",
    ] {
        check(bytes, Ok(HelloProgress::NotTls));
    }
}

#[test]
fn names_that_are_not_dns_names_are_refused() {
    let long = ["a".repeat(63).as_str(); 5].join(".");
    for name in ["", ".", "10.0.0.1", "1.2", "::1", "[::1]", "a..b", "a b", "a\0.example", "*.example", "a:443", &long]
    {
        check(&hello(&[server_name(name)]), Err(HelloServerName));
    }
    let entry = |kind: u8, name: &str| [&[kind], &vector(name.as_bytes())[..]].concat();
    let two = [entry(0, "a.example"), entry(0, "b.example")].concat();
    check(&hello(&[extension(0, &vector(&two))]), Err(HelloServerName));
    check(&hello(&[extension(0, &vector(&entry(1, "a.example")))]), Err(HelloServerName));
    let two_kinds = [entry(0, "a.example"), entry(1, "b.example")].concat();
    check(&hello(&[extension(0, &vector(&two_kinds))]), Err(HelloServerName));
}

#[test]
fn lengths_add_up() {
    let name = [&[0], &vector(b"a.example")[..]].concat();
    for content in
        [vec![], vec![0], vector(b""), vector(b"\0"), [vector(&name), vec![0]].concat(), vector(b"\0\0\x09a")]
    {
        check(&hello(&[extension(0, &content)]), Err(HelloMalformed));
    }
    for content in [vec![], vector(b""), vector(b"\0"), vector(b"\x05h2"), [vector(b"\x02h2"), vec![0]].concat()] {
        check(&hello(&[extension(16, &content)]), Err(HelloMalformed));
    }
    for content in [vec![], vec![0], vec![1, 3], vec![3, 3, 4, 3], vec![2, 3, 4, 3]] {
        check(&hello(&[extension(43, &content)]), Err(HelloMalformed));
    }
    for bytes in [b"\0".to_vec(), b"\0\x05\0".to_vec(), b"\0\x02\0\x01".to_vec(), b"\0\0\0".to_vec()] {
        check(&record(&message(&[start(), bytes].concat())), Err(HelloMalformed));
    }
    for cut in 1..start().len() {
        check(&record(&message(&start()[..cut])), Err(HelloMalformed));
    }
    check(&record(&message(b"")), Err(HelloMalformed));
}

#[test]
fn fixed_parts_are_checked() {
    let with = |version: [u8; 2], session: &[u8], ciphers: &[u8], compressions: &[u8]| {
        let parts = [&version[..], &[7; 32], &short_vector(session), &vector(ciphers), &short_vector(compressions)];
        record(&message(&parts.concat()))
    };
    check(&with([3, 1], b"", &[0, 1], &[1, 0]), complete(None, &[], &[0x0301]));
    check(&with([2, 0], b"", &[0, 1], &[0]), Err(HelloMalformed));
    check(&with([3, 3], &[0; 33], &[0, 1], &[0]), Err(HelloMalformed));
    check(&with([3, 3], b"", &[], &[0]), Err(HelloMalformed));
    check(&with([3, 3], b"", &[0, 1, 2], &[0]), Err(HelloMalformed));
    check(&with([3, 3], b"", &[0, 1], &[]), Err(HelloMalformed));
}

#[test]
fn no_extension_comes_twice() {
    check(&hello(&[server_name("a.example"), server_name("a.example")]), Err(HelloMalformed));
    check(&hello(&[alpn(&["h2"]), server_name("a.example"), alpn(&["h2"])]), Err(HelloMalformed));
    check(&hello(&[extension(99, b"a"), extension(99, b"b")]), Err(HelloMalformed));
}

#[test]
fn counts_have_bounds() {
    let extensions = |count: u16| (1000..1000 + count).map(|kind| extension(kind, b"")).collect::<Vec<_>>();
    check(&hello(&extensions(128)), complete(None, &[], &[0x0303]));
    check(&hello(&extensions(129)), Err(HelloTooLong));
    check(&hello(&[alpn(&["a"; 64])]), complete(None, &["a"; 64], &[0x0303]));
    check(&hello(&[alpn(&["a"; 65])]), Err(HelloTooLong));
}

#[test]
fn records_may_be_cut_anywhere() {
    let payload = usual()[5..].to_vec();
    let expected = read(&usual());
    for cut in 1..payload.len() {
        let (first, second) = payload.split_at(cut);
        assert_eq!(read(&[record(first), record(second)].concat()), expected, "cut at {cut}");
    }
    for size in 1..payload.len() {
        let records: Vec<_> = payload.chunks(size).map(record).collect();
        let fits = records.len() <= 64;
        check(&records.concat(), if fits { expected.clone() } else { Err(HelloTooLong) });
    }
}

#[test]
fn records_are_checked() {
    let payload = usual()[5..].to_vec();
    let (first, second) = payload.split_at(30);
    check(&record(b""), Err(HelloMalformed));
    check(&[record(first), record(b""), record(second)].concat(), Err(HelloMalformed));
    check(&[record(first), b"\x15\x03\x01\0\x02\x01\0".to_vec()].concat(), Err(HelloMalformed));
    check(&[record(first), b"\x16\x02".to_vec()].concat(), Err(HelloMalformed));
    check(b"\x16\x03\x01\x40\x01", Err(HelloMalformed));
    check(&record(&[&payload[..], &[0]].concat()), Err(HelloMalformed));
    check(&[record(first), record(&[second, &payload].concat())].concat(), Err(HelloMalformed));
}

#[test]
fn only_a_client_hello_comes_first() {
    for kind in [0, 2, 11, 16, 20, 255] {
        check(&record(&[kind, 0, 0, 0]), Err(HelloUnexpected));
        check(&record(&[kind]), Err(HelloUnexpected));
    }
}

#[test]
fn bytes_have_a_bound() {
    let records = |body: &[u8]| message(body).chunks(1 << 14).flat_map(record).collect::<Vec<u8>>();
    let around = body(&[server_name("a.example"), extension(21, b"")]).len() + 4 + 4 * 5;
    let padded = |bytes| records(&body(&[server_name("a.example"), extension(21, &vec![0; bytes])]));
    let longest = padded(super::BYTES_MAX - around);
    assert_eq!(longest.len(), super::BYTES_MAX);
    assert_eq!(read(&longest), complete(Some("a.example"), &[], &[0x0303]));
    assert_eq!(read_in_steps(&longest, 1), read(&longest));
    let too_long = padded(super::BYTES_MAX - around + 1);
    assert_eq!(read(&too_long), Err(HelloTooLong));
    assert_eq!(read_in_steps(&too_long, 1), Err(HelloTooLong));
    check(b"\x16\x03\x01\0\x04\x01\xff\xff\xff", Err(HelloTooLong));
    check(b"\x16\x03\x01\0\x04\x01\x01\0\0", Err(HelloTooLong));
}

#[test]
fn every_single_corruption_is_survived() {
    let bytes = usual();
    for index in 0..bytes.len() {
        for byte in 0..=u8::MAX {
            let mut other = bytes.clone();
            other[index] = byte;
            let result = read(&other);
            let name_is_touched = !matches!(&result, Ok(HelloProgress::Complete(hello)) if hello.server_name.as_deref() == Some("example.com"));
            assert!(name_is_touched || read_in_steps(&other, 1) == result, "byte {index} as {byte}");
        }
    }
}
