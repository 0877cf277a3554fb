//! Properties over random bytes, generated heads and heads with mutations.

mod checks;

use proptest::prelude::*;
use proptest::strategy::ValueTree;

/// One byte string replaces a range of another.
fn mutate(mut message: Vec<u8>, mutations: &[(prop::sample::Index, usize, Vec<u8>)]) -> Vec<u8> {
    for (index, len, with) in mutations {
        let start = index.index(message.len() + 1);
        let end = (start + len).min(message.len());
        message.splice(start..end, with.iter().copied());
    }
    message
}

fn mutations() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, Vec<u8>)>> {
    let special = prop::sample::select(vec![
        "\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        ":",
        ",",
        ";",
        "\0",
        "\x7f",
        "%",
        "%00",
        "..",
        "/",
        "\\",
        "#",
        "?",
        "@",
        "_",
        "chunked",
        "5",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Host: b\r\n",
        "Connection: x-a, TE\r\n",
    ]);
    let with =
        prop_oneof![special.prop_map(|text| text.as_bytes().to_vec()), prop::collection::vec(any::<u8>(), 0..4),];
    prop::collection::vec((any::<prop::sample::Index>(), 0..4usize, with), 0..4)
}

fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "Accept",
        "Cookie",
        "X-A",
        "x_forwarded_for",
        "X.Real.IP",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "x-forwarded-port",
        "Forwarded",
        "Keep-Alive",
        "TE",
        "Trailer",
        "Upgrade",
        "Date",
        "Server",
        "Proxy-Authorization",
        "HTTP2-Settings",
    ]);
    prop_oneof![3 => known.prop_map(String::from), 1 => "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}"]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let known =
        prop::sample::select(vec!["trailers", "websocket", "h2c", "a, b", "", "10.0.0.1, 10.0.0.2", "timeout=5"]);
    let byte = prop_oneof![Just(b'\t'), 0x20..=0x7eu8, 0x80..=0xffu8];
    prop_oneof![known.prop_map(|text| text.as_bytes().to_vec()), prop::collection::vec(byte, 0..60)]
}

fn fields() -> impl Strategy<Value = Vec<u8>> {
    let framing = prop::sample::select(vec![
        "",
        "",
        "Content-Length: 5\r\n",
        "content-length:\t007 \r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding:ChunkeD\r\n",
        "Connection: close\r\n",
        "Connection: keep-alive, x-a, cookie\r\n",
        "Connection: upgrade\r\n",
        "Expect: 100-continue\r\n",
    ]);
    let line = prop_oneof![
        2 => (name(), " {0,2}", value(), "[ \t]{0,2}").prop_map(|(name, before, value, after)| {
            [name.as_bytes(), b":", before.as_bytes(), &value, after.as_bytes(), b"\r\n"].concat()
        }),
        1 => framing.prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(line, 0..10).prop_map(|lines| lines.concat())
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let method = prop::sample::select(vec!["GET", "POST", "HEAD", "OPTIONS", "PUT", "get", "M-SEARCH"]);
    let target = prop_oneof![
        "/[!-\"$-~]{0,30}",
        "/([a-z.]{0,3}[/\\\\]){0,5}\\?[a-z=&]{0,9}",
        "http://[a-z.]{1,9}(:[0-9]{0,5})?(/[a-z]{0,5})?(\\?[a-z]{0,5})?",
        Just("*".to_owned()),
    ];
    let version = prop::sample::select(vec!["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.5"]);
    let host = prop::sample::select(vec![
        "Host: a\r\n",
        "host:example.com:8080\r\n",
        "HOST: [::1]:80 \r\n",
        "Host: a:\r\n",
        "",
    ]);
    (0..3usize, method, target, version, fields(), host, fields()).prop_map(
        |(empty_lines, method, target, version, before, host, after)| {
            let mut message = "\r\n".repeat(empty_lines).into_bytes();
            message.extend_from_slice(format!("{method} {target} {version}\r\n").as_bytes());
            message.extend_from_slice(&before);
            message.extend_from_slice(host.as_bytes());
            message.extend_from_slice(&after);
            message.extend_from_slice(b"\r\nbody of some kind");
            message
        },
    )
}

fn response() -> impl Strategy<Value = Vec<u8>> {
    let status = prop::sample::select(vec![
        "200 OK",
        "200",
        "204 ",
        "304 Not Modified",
        "101 Switching",
        "103 Early",
        "404 a\tb",
        "599 \u{e9}",
    ]);
    let version = prop::sample::select(vec!["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.9"]);
    (any::<u8>(), version, status, fields()).prop_map(|(choice, version, status, fields)| {
        let mut message = vec![choice];
        message.extend_from_slice(format!("{version} {status}\r\n").as_bytes());
        message.extend_from_slice(&fields);
        message.extend_from_slice(b"\r\nrest");
        message
    })
}

fn chunked() -> impl Strategy<Value = Vec<u8>> {
    let extension = prop::sample::select(vec!["", "", ";a", ";a=b", " ; a = \"x\\\"y;\"", ";a;b=c"]);
    let chunk =
        (prop::collection::vec(any::<u8>(), 1..40), extension, 0..3usize).prop_map(|(data, extension, zeros)| {
            let zeros = "0".repeat(zeros);
            [format!("{zeros}{:X}{extension}\r\n", data.len()).as_bytes(), &data, b"\r\n"].concat()
        });
    let trailers = prop::sample::select(vec![
        "",
        "",
        "X-A: b\r\n",
        "Host: b\r\nDigest:x \r\n",
        "x_a: b\r\nContent-Length: 1\r\nx-b:\r\n",
    ]);
    (any::<u8>(), prop::collection::vec(chunk, 0..6), trailers).prop_map(|(cut, chunks, trailers)| {
        [&[cut][..], &chunks.concat(), b"0\r\n", trailers.as_bytes(), b"\r\nnext"].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        checks::request_head(&bytes);
        checks::response_head(&bytes);
        checks::chunked_body(&bytes);
    }

    #[test]
    fn requests(message in request(), mutations in mutations()) {
        checks::request_head(&mutate(message, &mutations));
    }

    #[test]
    fn responses(message in response(), mutations in mutations()) {
        checks::response_head(&mutate(message, &mutations));
    }

    #[test]
    fn chunked_bodies(body in chunked(), mutations in mutations()) {
        checks::chunked_body(&mutate(body, &mutations));
    }
}

/// The generators would prove nothing if what they make were mostly refused.
#[test]
fn most_generated_messages_are_accepted() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut sample = |strategy: BoxedStrategy<Vec<u8>>, accepts: &dyn Fn(&[u8]) -> bool| {
        (0..300).filter(|_| accepts(&strategy.new_tree(&mut runner).unwrap().current())).count()
    };
    let requests =
        sample(request().boxed(), &|message| checks::parse_request(message, message.len()).contains("RequestHead"));
    let responses = sample(response().boxed(), &|message| {
        checks::parse_response(&message[1..], evener_http::Method::Get, message.len()).contains("ResponseHead")
    });
    let bodies = sample(chunked().boxed(), &|body| checks::decode(&body[1..], body.len()).is_ok());
    assert!(requests > 60 && responses > 150 && bodies == 300, "{requests} {responses} {bodies}");
}
