//! What must hold for any bytes whatever. Tests and fuzz targets run the same checks.
//! Single inputs with a known result are not here, but in the tables beside the code.

use evener_preamble::PreambleFault;
use evener_preamble::hello::{HelloProgress, HelloReader};
use evener_preamble::proxy::{self, Progress, ProxyHeader};

/// Any bytes as a PROXY header.
pub(crate) fn proxy_header(data: &[u8]) {
    let whole = proxy::parse(data);
    for end in ends(data.len(), proxy::HEADER_BYTES_MAX) {
        let part = proxy::parse(&data[..end]);
        match (&part, &whole) {
            (Ok(Progress::NeedMore), Ok(Progress::Complete { length, .. })) => assert!(end < *length),
            (Ok(Progress::NeedMore), _) => {}
            (Ok(Progress::Complete { length, .. }), _) => assert!(part == whole && end >= *length),
            (Err(_), _) => assert!(whole.is_err(), "a fault is final"),
        }
    }
    let Ok(Progress::Complete { length, header }) = whole else { return };
    assert!((1..=proxy::HEADER_BYTES_MAX).contains(&length) && length <= data.len());
    if let Some(name) = &header.authority {
        assert!((1..=253).contains(&name.len()) && !name.bytes().any(|byte| byte.is_ascii_uppercase()));
    }
    assert_eq!(header.source.is_some(), header.destination.is_some());
    assert!(!header.is_local || header == ProxyHeader { is_local: true, ..ProxyHeader::default() });
    check_written(&header);
}

/// What a header says is written so that it is read as the same.
pub(crate) fn check_written(header: &ProxyHeader) {
    for (write, is_binary) in [(proxy::write_v1 as Writer, false), (proxy::write_v2, true)] {
        let mut written = Vec::new();
        write(header.source, header.destination, &mut written);
        let (length, source, destination) = (written.len(), header.source, header.destination);
        let is_local = is_binary && source.is_none();
        let expected = ProxyHeader { source, destination, authority: None, is_local };
        written.extend_from_slice(b"GET / HTTP/1.1\r\n");
        assert_eq!(proxy::parse(&written), Ok(Progress::Complete { length, header: expected }));
    }
}

type Writer = fn(Option<std::net::SocketAddr>, Option<std::net::SocketAddr>, &mut Vec<u8>);

/// Any bytes as the first ones of a TLS connection.
pub(crate) fn client_hello(data: &[u8]) {
    let whole = read_hello(data, data.len().max(1));
    for step in [1, 7, 64] {
        assert_eq!(whole, read_hello(data, step), "in steps of {step}");
    }
    let Ok(HelloProgress::Complete(hello)) = whole else { return };
    if let Some(name) = &hello.server_name {
        assert!((1..=253).contains(&name.len()) && !name.ends_with('.'));
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte)));
        assert!(name.parse::<std::net::IpAddr>().is_err());
    }
    assert!(hello.alpn.len() <= 64 && hello.alpn.iter().all(|protocol| (1..=255).contains(&protocol.len())));
    assert!((1..=127).contains(&hello.versions.len()));
}

/// The result for bytes that arrive `step` at a time.
pub(crate) fn read_hello(data: &[u8], step: usize) -> Result<HelloProgress, PreambleFault> {
    let mut reader = HelloReader::new();
    let mut received = 0;
    loop {
        received = (received + step).min(data.len());
        match reader.read(&data[..received]) {
            Ok(HelloProgress::NeedMore) if received < data.len() => {}
            result => {
                assert_eq!(reader.read(data), result, "it repeats itself");
                return result;
            }
        }
    }
}

/// Where an input is cut: everywhere in a short one, and only as far as a header can reach.
fn ends(length: usize, interesting: usize) -> impl Iterator<Item = usize> {
    let step = if length <= 512 { 1 } else { 13 };
    (0..=length.min(interesting + 1)).step_by(step)
}
