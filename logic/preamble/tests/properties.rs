//! Properties over random bytes, random addresses and headers with damage.

mod checks;

use evener_preamble::proxy::{self, ProxyHeader};
use proptest::prelude::*;
use std::net::{IpAddr, SocketAddr};

fn address() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip.to_canonical(), port))
}

/// The beginning of a header of either version, so that random bytes come further.
fn start() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![
        &b""[..],
        b"PROXY ",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 ",
        b"PROXY TCP6 ::",
        b"PROXY UNKNOWN",
        b"\r\n\r\n\0\r\nQUIT\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x20\x0a\0\0\x01\x0a\0\0\x02\0\x01\0\x02",
        b"\x16\x03\x01",
        b"\x16\x03\x01\0\x30\x01\0\0\x2c\x03\x03",
    ])
    .prop_map(<[u8]>::to_vec)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn what_is_written_is_read(source in address(), destination in address()) {
        let (source, destination) = (Some(source), Some(destination));
        checks::check_written(&ProxyHeader { source, destination, authority: None, is_local: false });
    }

    #[test]
    fn random_bytes(start in start(), rest in prop::collection::vec(any::<u8>(), 0..120)) {
        let bytes = [start, rest].concat();
        checks::proxy_header(&bytes);
        checks::client_hello(&bytes);
    }

    #[test]
    fn random_text(start in start(), rest in "[TCP46UNKOW0-9a-f.: \r\n]{0,110}") {
        checks::proxy_header(&[start, rest.into_bytes()].concat());
    }

    #[test]
    fn damaged_headers(
        source in address(),
        destination in address(),
        is_binary in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = Vec::new();
        let write = if is_binary { proxy::write_v2 } else { proxy::write_v1 };
        write(Some(source), Some(destination), &mut bytes);
        for (index, byte) in damage {
            *index.get_mut(&mut bytes) = byte;
        }
        checks::proxy_header(&bytes);
    }
}
