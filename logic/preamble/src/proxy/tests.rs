//! Tables of headers of both versions, the fields of version 2, and the writers.

use super::checksum::crc32c;
use super::{HEADER_BYTES_MAX, Progress, ProxyHeader, parse, v2, write_v1, write_v2};
use crate::PreambleFault::{self, *};
use std::net::SocketAddr;

fn addresses(source: &str, destination: &str) -> ProxyHeader {
    ProxyHeader {
        source: Some(source.parse().unwrap()),
        destination: Some(destination.parse().unwrap()),
        ..ProxyHeader::default()
    }
}

/// A whole header followed by bytes of the protocol inside; each beginning of it needs more.
fn check(header: &[u8], expected: ProxyHeader) {
    let length = header.len();
    let text = header.escape_ascii();
    for end in 0..length {
        assert_eq!(parse(&header[..end]), Ok(Progress::NeedMore), "the first {end} bytes of {text}");
    }
    for behind in [&b""[..], b"GET", b"\r\n", b"PROXY TCP4 ", &[0xff; 300]] {
        let found = parse(&[header, behind].concat());
        assert_eq!(found, Ok(Progress::Complete { length, header: expected.clone() }), "{text}");
    }
}

/// Exactly `certain` bytes are needed to know that these are no header.
fn check_fault(bytes: &[u8], certain: usize, expected: PreambleFault) {
    let text = bytes.escape_ascii();
    for end in 0..certain {
        assert_eq!(parse(&bytes[..end]), Ok(Progress::NeedMore), "the first {end} bytes of {text}");
    }
    for end in certain..=bytes.len() {
        assert_eq!(parse(&bytes[..end]), Err(expected), "the first {end} bytes of {text}");
    }
}

/// A version 2 header whose length is right.
fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [v2::SIGNATURE, &[command, family][..], &length, block].concat()
}

fn field(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind], &length[..], value].concat()
}

/// 192.0.2.1:56324 to 198.51.100.2:443.
const V4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 0x04, 0x01, 0xbb];

fn v4() -> ProxyHeader {
    addresses("192.0.2.1:56324", "198.51.100.2:443")
}

fn v4_with(fields: &[Vec<u8>]) -> Vec<u8> {
    binary(v2::PROXY, 0x11, &[&V4[..], &fields.concat()].concat())
}

#[test]
fn lines_of_version_1() {
    check(b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", v4());
    check(b"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", addresses("0.0.0.0:0", "255.255.255.255:65535"));
    check(b"PROXY TCP6 2001:db8::1 2001:DB8::2 1 2\r\n", addresses("[2001:db8::1]:1", "[2001:db8::2]:2"));
    check(b"PROXY TCP6 :: ::1 1 2\r\n", addresses("[::]:1", "[::1]:2"));
    check(
        b"PROXY TCP6 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:: 1 2\r\n",
        addresses("[1:2:3:4:5:6:7:8]:1", "[1:2:3:4:5:6:7::]:2"),
    );
    check(
        b"PROXY TCP6 ::ffff:192.0.2.1 64:ff9b::198.51.100.2 1 2\r\n",
        addresses("192.0.2.1:1", "[64:ff9b::198.51.100.2]:2"),
    );
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let line = format!("PROXY TCP6 {longest} {longest} 65535 65535\r\n");
    check(line.as_bytes(), addresses(&format!("[{longest}]:65535"), &format!("[{longest}]:65535")));
    check(b"PROXY UNKNOWN\r\n", ProxyHeader::default());
    check(b"PROXY UNKNOWN \r\n", ProxyHeader::default());
    let unknown = format!("PROXY UNKNOWN {longest} {longest} 65535 65535\r\n");
    assert_eq!(unknown.len(), 107);
    check(unknown.as_bytes(), ProxyHeader::default());
}

#[test]
fn other_lines_are_refused_at_once() {
    check_fault(b"GET / HTTP/1.1\r\n", 1, ProxyMissing);
    check_fault(b"PRI * HTTP/2.0\r\n", 3, ProxyMissing);
    check_fault(b"PROXy TCP4", 5, ProxyMissing);
    check_fault(b"proxy TCP4", 1, ProxyMissing);
    check_fault(b"\x16\x03\x01", 1, ProxyMissing);
    check_fault(b"PROXY\tTCP4", 6, ProxyMissing);
    check_fault(b"PROXY  TCP4", 7, ProxyMalformed);
    check_fault(b"PROXY TCP5", 10, ProxyMalformed);
    check_fault(b"PROXY UDP4", 8, ProxyMalformed);
    check_fault(b"PROXY tcp4", 7, ProxyMalformed);
    check_fault(b"PROXY UNKNOWNS", 14, ProxyMalformed);
    check_fault(b"PROXY \r\n", 7, ProxyMalformed);
    check_fault(b"PROXY TCP4\r\n", 11, ProxyMalformed);
    check_fault(b"PROXY TCP4  1.2.3.4", 12, ProxyMalformed);
    check_fault(b"PROXY TCP4 256.2.3.4", 14, ProxyMalformed);
    check_fault(b"PROXY TCP4 01.2.3.4", 13, ProxyMalformed);
    check_fault(b"PROXY TCP4 1.2.3 1", 17, ProxyMalformed);
    check_fault(b"PROXY TCP4 1.2.3.4.", 19, ProxyMalformed);
    check_fault(b"PROXY TCP4 ::1 ::1 1 2\r\n", 12, ProxyMalformed);
    check_fault(b"PROXY TCP4 localhost", 12, ProxyMalformed);
    check_fault(b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", 13, ProxyMalformed);
    check_fault(b"PROXY TCP6 [::1] ::1 1 2\r\n", 12, ProxyMalformed);
    check_fault(b"PROXY TCP6 fe80::1%1", 19, ProxyMalformed);
    check_fault(b"PROXY TCP6 ::1::", 16, ProxyMalformed);
    check_fault(b"PROXY TCP6 1:2:3:4:5:6:7:8:", 27, ProxyMalformed);
    check_fault(b"PROXY TCP6 12345", 16, ProxyMalformed);
    check_fault(b"PROXY TCP4 1.2.3.4 5.6.7.8  1", 28, ProxyMalformed);
    check_fault(b"PROXY TCP4 1.2.3.4 5.6.7.8 65536", 32, ProxyMalformed);
    check_fault(b"PROXY TCP4 1.2.3.4 5.6.7.8 01", 29, ProxyMalformed);
    check_fault(b"PROXY TCP4 1.2.3.4 5.6.7.8 +1", 28, ProxyMalformed);
    check_fault(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 \r\n", 30, ProxyMalformed);
    check_fault(b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", 29, ProxyMalformed);
    check_fault(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n", 31, ProxyMalformed);
    check_fault(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", 31, ProxyMalformed);
    check_fault(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rG", 32, ProxyMalformed);
    check_fault(b"PROXY UNKNOWN a\nGET", 16, ProxyMalformed);
    check_fault(b"PROXY UNKNOWN \0", 15, ProxyMalformed);
    check_fault(b"PROXY UNKNOWN \xff", 15, ProxyMalformed);
}

#[test]
fn lines_have_a_bound() {
    let line = format!("PROXY UNKNOWN {}", "x".repeat(300));
    check_fault(line.as_bytes(), 106, ProxyTooLong);
    let line = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    check_fault(line.as_bytes(), 106, ProxyTooLong);
}

#[test]
fn headers_of_version_2() {
    check(&binary(v2::PROXY, 0x11, &V4), v4());
    check(&binary(v2::PROXY, 0x12, &V4), v4());
    let mut v6 = [0; 36];
    v6[15] = 1;
    v6[26..32].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
    v6[32..].copy_from_slice(&[0, 1, 0, 2]);
    check(&binary(v2::PROXY, 0x21, &v6), addresses("[::1]:1", "10.0.0.1:2"));
    check(&binary(v2::PROXY, 0x22, &v6), addresses("[::1]:1", "10.0.0.1:2"));
    check(&binary(v2::PROXY, 0x31, &[b'/'; 216]), ProxyHeader::default());
    check(&binary(v2::PROXY, 0x32, &[b'/'; 216]), ProxyHeader::default());
    check(&binary(v2::PROXY, 0x00, b""), ProxyHeader::default());
    check(&binary(v2::PROXY, 0x00, b"what the sender knows"), ProxyHeader::default());
    let local = ProxyHeader { is_local: true, ..ProxyHeader::default() };
    check(&binary(v2::LOCAL, 0x00, b""), local.clone());
    check(&binary(v2::LOCAL, 0x11, &V4), local.clone());
    check(&binary(v2::LOCAL, 0xff, b"\x02"), local);
}

#[test]
fn other_starts_of_version_2_are_refused_at_once() {
    check_fault(b"\r\n\r\nGET", 5, ProxyMissing);
    check_fault(b"\r\n\r\n\0\r\nQUIT\r", 12, ProxyMissing);
    for command in [0x00, 0x01, 0x10, 0x11, 0x22, 0x2f, 0x31, 0xff] {
        check_fault(&binary(command, 0x11, &V4), 13, ProxyMalformed);
    }
    for family in [0x01, 0x02, 0x03, 0x10, 0x13, 0x20, 0x23, 0x30, 0x33, 0x40, 0x41, 0xff] {
        check_fault(&binary(v2::PROXY, family, &V4), 14, ProxyMalformed);
    }
    for (family, bytes) in [(0x11, 11), (0x12, 0), (0x21, 35), (0x22, 12), (0x31, 215)] {
        check_fault(&binary(v2::PROXY, family, &vec![0; bytes]), 16, ProxyMalformed);
    }
    for command in [v2::PROXY, v2::LOCAL] {
        check_fault(&binary(command, 0x11, &[0; 4097]), 16, ProxyTooLong);
        check_fault(&binary(command, 0x11, &[0xff; 0xffff]), 16, ProxyTooLong);
    }
}

#[test]
fn the_longest_header_is_read() {
    let header = v4_with(&[field(0x04, &vec![0; 4096 - 12 - 3])]);
    assert_eq!(header.len(), HEADER_BYTES_MAX);
    check(&header, v4());
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    check(&v4_with(&[field(0x04, b""), field(0x04, b"pad"), field(0x01, b"h2")]), v4());
    check(&v4_with(&[field(0xea, b"\x01vpce-0"), field(0x20, b"not what TLS says"), field(0xff, &[0xff; 9])]), v4());
    check(&binary(v2::PROXY, 0x31, &[vec![0; 216], field(0x04, b"x")].concat()), ProxyHeader::default());
}

#[test]
fn fields_end_where_the_header_ends() {
    let start = 16 + 12;
    for rest in [&b"\x04"[..], b"\x04\0"] {
        let header = binary(v2::PROXY, 0x11, &[&V4, rest].concat());
        check_fault(&header, 16, ProxyMalformed);
    }
    let spilling = binary(v2::PROXY, 0x11, &[&V4[..], b"\x04\0\x05abcd"].concat());
    check_fault(&[&spilling[..], b"GET / HTTP/1.1"].concat(), start + 3, ProxyMalformed);
    let second = v4_with(&[field(0x04, b"ab"), b"\x04\xff\xff".to_vec()]);
    check_fault(&second, start + 5 + 3, ProxyMalformed);
    let unix = binary(v2::PROXY, 0x31, &[&[0; 216][..], b"\x04\0\x01"].concat());
    check_fault(&unix, 16 + 216 + 3, ProxyMalformed);
}

#[test]
fn authorities_are_host_names() {
    let name = |text: &str| ProxyHeader { authority: Some(text.to_owned()), ..v4() };
    check(&v4_with(&[field(0x02, b"Example.COM.")]), name("example.com"));
    check(&v4_with(&[field(0x01, b"h2"), field(0x02, b"10.0.0.1")]), name("10.0.0.1"));
    for bad in [&b""[..], b"a b", b"a\0.example", b"\xff", b"*.a", b"a:80", &[b'a'; 300]] {
        let header = v4_with(&[field(0x02, bad)]);
        check_fault(&header, header.len(), ProxyAuthority);
    }
    let twice = v4_with(&[field(0x02, b"a"), field(0x02, b"a")]);
    check_fault(&twice, twice.len() - 1, ProxyMalformed);
}

#[test]
fn checksums_are_checked() {
    assert_eq!(crc32c(&[b"12345", b"", b"6789"]), 0xe306_9283);
    let mut header = v4_with(&[field(0x02, b"a.example"), field(0x03, &[0; 4]), field(0x04, b"padding")]);
    let place = header.len() - 10 - 4;
    let sum = crc32c(&[&header]);
    header[place..place + 4].copy_from_slice(&sum.to_be_bytes());
    check(&header, ProxyHeader { authority: Some("a.example".into()), ..v4() });
    // Without the kind of its own field there is no checksum.
    for index in (16..header.len()).filter(|index| index + 3 != place) {
        let mut other = header.clone();
        other[index] ^= 0x20;
        assert!(parse(&other).is_err(), "byte {index}");
    }
    for index in (16..28).chain(place..place + 4).chain(header.len() - 7..header.len()) {
        let mut other = header.clone();
        other[index] ^= 0x20;
        check_fault(&other, other.len(), ProxyChecksum);
    }
    check_fault(&v4_with(&[field(0x03, &[0; 3])]), 16 + 12 + 3, ProxyMalformed);
    let twice = v4_with(&[field(0x03, &[0; 4]), field(0x03, &[0; 4])]);
    check_fault(&twice, twice.len() - 4, ProxyMalformed);
}

#[test]
fn every_single_corruption_is_survived() {
    let headers = [
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n".to_vec(),
        b"PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 1 2\r\n".to_vec(),
        v4_with(&[field(0x02, b"a.example"), field(0x20, &[1, 0, 0, 0, 0]), field(0x03, &[0; 4])]),
    ];
    for header in headers {
        for index in 0..header.len() {
            for byte in 0..=u8::MAX {
                let mut other = header.clone();
                other[index] = byte;
                if let Ok(Progress::Complete { length, .. }) = parse(&other) {
                    assert!(length <= other.len());
                }
            }
        }
    }
}

/// What the writers say of two addresses, and what is read from that.
fn check_written(source: Option<&str>, destination: Option<&str>, line: &str, block: &[u8]) {
    let [source, destination]: [Option<SocketAddr>; 2] =
        [source, destination].map(|address| address.map(|address| address.parse().unwrap()));
    let mut written = b"earlier".to_vec();
    write_v1(source, destination, &mut written);
    assert_eq!(written.escape_ascii().to_string(), format!("earlier{}", line.as_bytes().escape_ascii()));
    let mut written = b"earlier".to_vec();
    write_v2(source, destination, &mut written);
    assert_eq!(written, [b"earlier", &v2::SIGNATURE[..], block].concat());
}

#[test]
fn headers_are_written() {
    let both = |source, destination| (Some(source), Some(destination));
    let (source, destination) = both("192.0.2.1:56324", "198.51.100.2:443");
    let block = [&[0x21, 0x11, 0, 12], &V4[..]].concat();
    check_written(source, destination, "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", &block);
    let (source, destination) = both("[::ffff:192.0.2.1]:56324", "198.51.100.2:443");
    check_written(source, destination, "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", &block);

    let mut block = [0; 4 + 36];
    block[..4].copy_from_slice(&[0x21, 0x21, 0, 36]);
    block[19] = 1;
    block[30..36].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
    block[36..].copy_from_slice(&[0, 1, 0, 2]);
    let (source, destination) = both("[::1]:1", "10.0.0.1:2");
    check_written(source, destination, "PROXY TCP6 ::1 ::ffff:10.0.0.1 1 2\r\n", &block);

    for (source, destination) in [(None, None), (Some("10.0.0.1:2"), None), (None, Some("[::1]:1"))] {
        check_written(source, destination, "PROXY UNKNOWN\r\n", &[0x20, 0, 0, 0]);
    }
}

#[test]
fn faults_have_reason_codes_of_their_own() {
    let mut reasons: Vec<_> = PreambleFault::ALL.iter().map(|fault| fault.reason()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    assert_eq!(reasons.len(), PreambleFault::ALL.len());
    for fault in PreambleFault::ALL {
        assert!(!fault.to_string().ends_with('.'));
    }
}
