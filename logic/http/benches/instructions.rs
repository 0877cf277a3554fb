//! Instructions per operation of the codec, counted by callgrind.
//!
//! `cargo bench -p evener-http --bench instructions` runs every case a little, as a check that they work. To count,
//! run the program itself with a case and a number of iterations, twice, and divide the difference:
//! ```text
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/deps/instructions-… small_request 1000
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/deps/instructions-… small_request 11000
//! ```
//! (`Collected` of the second less that of the first) / 10000 is the number of instructions per operation. It does not
//! depend on the machine's speed or load, so it may guard every change. Time is not measured here.

use evener_http::*;
use std::hint::black_box;

const LIMITS: HeadLimits = HeadLimits { bytes_max: 65536, fields_max: 128 };

/// An operation, to be done so many times.
struct Case {
    name: &'static str,
    run: fn(usize),
}

const CASES: &[Case] = &[
    Case { name: "small_request", run: small_request },
    Case { name: "browser_request", run: browser_request },
    Case { name: "response", run: response },
    Case { name: "write_small_request", run: write_small_request },
    Case { name: "write_browser_request", run: write_browser_request },
    Case { name: "write_response", run: write_response },
    Case { name: "chunked_16k", run: chunked_16k },
];

const SMALL: &[u8] =
    b"GET /api/items/17 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: loadgen/1.0\r\nAccept: */*\r\n\
    Connection: keep-alive\r\nX-Id: 12345\r\n\r\n";

const BROWSER: &[u8] = b"GET /static/app/main.8d1f2.js?v=20240101 HTTP/1.1\r\nHost: www.example.com\r\n\
    Connection: keep-alive\r\nsec-ch-ua: \"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36\r\n\
    sec-ch-ua-platform: \"Linux\"\r\nAccept: */*\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: no-cors\r\n\
    Sec-Fetch-Dest: script\r\nReferer: https://www.example.com/account/settings\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en-US;q=0.9,en;q=0.8\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; _ga=GA1.1.123456789.1700000000\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 128\r\n\
    Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nServer: Python/3.13 aiohttp/3.12\r\n\r\n";

fn main() {
    // cargo bench passes `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let iterations = arguments.get(1).map_or(1000, |text| text.parse().expect("the second argument is a number"));
    let chosen = |name: &str| arguments.first().is_none_or(|argument| argument == name);
    for Case { name, run } in CASES.iter().filter(|case| chosen(case.name)) {
        run(iterations);
        println!("{name}: {iterations} iterations");
    }
}

fn small_request(iterations: usize) {
    parse_requests(SMALL, iterations);
}

fn browser_request(iterations: usize) {
    parse_requests(BROWSER, iterations);
}

fn parse_requests(message: &[u8], iterations: usize) {
    let mut parser = RequestParser::new();
    for _ in 0..iterations {
        parser.reset();
        assert_eq!(parser.parse(black_box(message), &LIMITS), Ok(Progress::Complete));
        black_box(parser.head());
    }
}

fn response(iterations: usize) {
    let mut parser = ResponseParser::new();
    for _ in 0..iterations {
        parser.reset();
        let progress = parser.parse(black_box(RESPONSE), &LIMITS, RequestContext { method: Method::Get });
        assert_eq!(progress, Ok(Progress::Complete));
        black_box(parser.head());
    }
}

fn write_small_request(iterations: usize) {
    write_requests(SMALL, iterations);
}

fn write_browser_request(iterations: usize) {
    write_requests(BROWSER, iterations);
}

fn write_requests(message: &[u8], iterations: usize) {
    let mut parser = RequestParser::new();
    assert_eq!(parser.parse(message, &LIMITS), Ok(Progress::Complete));
    let head = parser.head();
    let forward = ForwardRequest {
        target: head.target.of(message),
        host: head.authority.of(message),
        client_ip: b"192.0.2.1",
        client_host: head.authority.of(message),
        scheme: b"http",
        certificate: &[],
        trusts_peer: false,
        set_headers: &[],
        expects_continue: false,
    };
    let mut out = Vec::new();
    for _ in 0..iterations {
        out.clear();
        write_request_head(black_box(message), black_box(head), &forward, &mut out);
        black_box(&out);
    }
}

fn write_response(iterations: usize) {
    let mut parser = ResponseParser::new();
    let progress = parser.parse(RESPONSE, &LIMITS, RequestContext { method: Method::Get });
    assert_eq!(progress, Ok(Progress::Complete));
    let head = parser.head();
    let forward = ForwardResponse {
        client_version: Version::Http11,
        framing: head.framing,
        keep_alive: true,
        reason_code: None,
        set_cookie: None,
    };
    let mut out = Vec::new();
    for _ in 0..iterations {
        out.clear();
        write_response_head(black_box(RESPONSE), black_box(head), &forward, &mut out);
        black_box(&out);
    }
}

/// Four chunks of 4 KiB and the last one.
fn chunked_16k(iterations: usize) {
    let mut body = Vec::new();
    for _ in 0..4 {
        chunk_header(4096, &mut body);
        body.extend_from_slice(&[b'x'; 4096]);
        body.extend_from_slice(CHUNK_END);
    }
    last_chunk(b"", &mut body);
    for _ in 0..iterations {
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        let mut rest = black_box(body.as_slice());
        let mut payload = 0;
        while !decoder.is_done() {
            let decoded = decoder.decode(rest).expect("the body is well-formed");
            payload += decoded.payload.len();
            rest = &rest[decoded.consumed..];
        }
        assert_eq!(payload, 16384);
    }
}
