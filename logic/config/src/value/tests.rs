//! Single texts and what they mean, one table for each parser.

use super::*;
use evener_plan::{
    AccessFormat, AdminListen, Balance, HashKey, HedgeAfter, HostMode, HostPattern, Listen, PathMatch, RetryOn,
};
use evener_plan::{TemplatePart, TextPart};
use std::fmt::Debug;
use std::time::Duration;

/// Parses each text and compares; `None` is a fault.
fn check<T: PartialEq + Debug>(parse: fn(&str) -> Result<T, Fault>, table: &[(&str, Option<T>)]) {
    for (text, expected) in table {
        let actual = parse(text);
        match (&actual, expected) {
            (Ok(actual), Some(expected)) => assert_eq!(actual, expected, "{text}"),
            (Err(fault), None) => {
                assert!(!fault.message.is_empty(), "{text}");
                if let Some(part) = &fault.part {
                    assert!(text.get(part.clone()).is_some(), "{text}: {part:?} is no part of it");
                }
            }
            _ => panic!("{text}: {actual:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn durations() {
    let ms = |ms| Some(Duration::from_millis(ms));
    check(
        duration,
        &[
            ("5s", ms(5000)),
            ("250ms", ms(250)),
            ("2m", ms(120_000)),
            ("1h", ms(3_600_000)),
            ("1h30m", ms(5_400_000)),
            ("1h2m3s4ms", ms(3_723_004)),
            ("007s", ms(7000)),
            ("8760h", ms(8760 * 3_600_000)),
            ("30d", ms(30 * 86_400_000)),
            ("1d12h", ms(36 * 3_600_000)),
            ("365d", ms(8760 * 3_600_000)),
            ("366d", None),
            ("1h1d", None),
            ("8761h", None),
            ("0s", None),
            ("", None),
            ("5", None),
            ("s", None),
            ("-5s", None),
            ("1.5s", None),
            ("5 s", None),
            ("5S", None),
            ("5s5s", None),
            ("1s1m", None),
            ("5ms1s", None),
            ("5s ", None),
            ("5us", None),
            ("٥s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ],
    );
    check(duration_or_zero, &[("0s", ms(0)), ("0h0m", ms(0)), ("1s", ms(1000)), ("0", None)]);
}

#[test]
fn sizes() {
    check(
        size,
        &[
            ("0", Some(0)),
            ("512", Some(512)),
            ("512B", Some(512)),
            ("10KB", Some(10_000)),
            ("10kB", Some(10_000)),
            ("10MB", Some(10_000_000)),
            ("1GB", Some(1_000_000_000)),
            ("64KiB", Some(65_536)),
            ("1MiB", Some(1_048_576)),
            ("2GiB", Some(2 << 30)),
            ("1TiB", Some(1 << 40)),
            ("9223372036854775807", Some(9_223_372_036_854_775_807)),
            ("9223372036854775808", None),
            ("99999999TiB", None),
            ("", None),
            ("KB", None),
            ("64K", None),
            ("64kib", None),
            ("1.5MB", None),
            ("-1", None),
            ("1 MB", None),
            ("1é", None),
        ],
    );
}

#[test]
fn admins() {
    let tcp = |text: &str| Some(Some(AdminListen::Tcp(text.parse().unwrap())));
    let unix = |path: &str| Some(Some(AdminListen::Unix(path.to_owned())));
    let longest = format!("unix:/{}", "a".repeat(106));
    check(
        admin,
        &[
            ("off", Some(None)),
            ("127.0.0.1:9911", tcp("127.0.0.1:9911")),
            ("127.200.0.9:1", tcp("127.200.0.9:1")),
            ("[::1]:9911", tcp("[::1]:9911")),
            ("[::ffff:127.0.0.1]:9911", tcp("[::ffff:127.0.0.1]:9911")),
            ("unix:/run/evener/admin.sock", unix("/run/evener/admin.sock")),
            ("unix:admin.sock", unix("admin.sock")),
            (&longest, unix(&longest[5..])),
            (&format!("{longest}a"), None),
            ("unix:", None),
            ("unix:/run/", None),
            ("unix:/a\0b", None),
            ("", None),
            ("OFF", None),
            ("on", None),
            ("127.0.0.1", None),
            ("127.0.0.1:0", None),
            ("127.0.0.1:65536", None),
            ("127.0.0.1:9911 ", None),
            (":9911", None),
            ("9911", None),
            ("0.0.0.0:9911", None),
            ("[::]:9911", None),
            ("[::ffff:10.0.0.1]:9911", None),
            ("10.0.0.1:9911", None),
            ("localhost:9911", None),
            ("http://127.0.0.1:9911", None),
            ("/run/evener/admin.sock", None),
        ],
    );
    let help = |text: &str, expected: &str| {
        let help = admin(text).unwrap_err().help.unwrap_or_default();
        assert!(help.contains(expected), "{text}: {help}");
    };
    help("0.0.0.0:9000", "\"127.0.0.1:9000\"");
    help("10.0.0.1:0", "\"127.0.0.1:9911\"");
    help(":9000", "\"127.0.0.1:9000\"");
    help("9000", "\"127.0.0.1:9000\"");
    help("::1", "\"[::1]:9911\"");
    help("localhost:9000", "\"127.0.0.1:9000\"");
    help("of", "\"off\"");
    help("/run/a.sock", "\"unix:/run/a.sock\"");
    help("127.0.0.1:x", "a port is a number");
    help("elsewhere", "\"unix:/run/evener/admin.sock\"");
}

#[test]
fn listens() {
    let at = |text: &str| Some(Listen::At(text.parse().unwrap()));
    check(
        listen,
        &[
            (":8080", Some(Listen::Any(8080))),
            ("127.0.0.1:80", at("127.0.0.1:80")),
            ("[::1]:80", at("[::1]:80")),
            ("[::]:443", at("[::]:443")),
            (":0", None),
            ("127.0.0.1:0", None),
            (":65536", None),
            (":", None),
            (":+80", None),
            (": 80", None),
            ("::1", None),
            ("::1:80", None),
            ("", None),
            ("localhost:80", None),
        ],
    );
}

#[test]
fn endpoints() {
    let name = |host: &str, port| Some(Endpoint::Name { host: host.to_owned(), port });
    let at = |text: &str| Some(Endpoint::Address(text.parse().unwrap()));
    check(
        endpoint,
        &[
            ("10.0.0.1:8080", at("10.0.0.1:8080")),
            ("[::1]:80", at("[::1]:80")),
            ("App.Local:80", name("app.local", 80)),
            ("app_1-x:80", name("app_1-x", 80)),
            ("app.local.:80", name("app.local.", 80)),
            ("a1:80", name("a1", 80)),
            ("unix:/run/app.sock", Some(Endpoint::Unix("/run/app.sock".to_owned()))),
            ("unix:app.sock", Some(Endpoint::Unix("app.sock".to_owned()))),
            ("unix:", None),
            ("unix:/a\0b", None),
            ("app.local", None),
            ("app.local:", None),
            ("app.local:0", None),
            ("app..local:80", None),
            (".:80", None),
            ("10.0.0:80", None),
            ("10.0.0.1.:80", None),
            ("2130706433:80", None),
            ("::1:80", None),
            ("http://a:80", None),
            ("user@host:80", None),
            ("", None),
            (":", None),
        ],
    );
    let long = |length: usize| format!("unix:/{}", "a".repeat(length - 1));
    assert!(endpoint(&long(107)).is_ok());
    assert!(endpoint(&long(108)).is_err());
}

#[test]
fn host_patterns() {
    let exact = |name: &str| Some(HostPattern::Exact(name.to_owned()));
    check(
        host_pattern,
        &[
            ("Example.COM", exact("example.com")),
            ("example.com.", exact("example.com")),
            ("localhost", exact("localhost")),
            ("10.0.0.1", exact("10.0.0.1")),
            ("::1", exact("[::1]")),
            ("[0:0::1]", exact("[::1]")),
            ("*.Example.com", Some(HostPattern::Wildcard("example.com".to_owned()))),
            ("*", None),
            ("*.", None),
            ("*.*.com", None),
            ("a*.com", None),
            (".example.com", None),
            ("example.com..", None),
            ("example.com:80", None),
            ("[::1]:80", None),
            ("a/b", None),
            ("user@a", None),
            ("", None),
            (".", None),
        ],
    );
}

#[test]
fn host_modes() {
    let fixed = |host: &str| Some(HostMode::Fixed(host.to_owned()));
    check(
        host_mode,
        &[
            ("client", Some(HostMode::Client)),
            ("upstream", Some(HostMode::Upstream)),
            ("App.example", fixed("app.example")),
            ("app.example:8080", fixed("app.example:8080")),
            ("[::1]:80", fixed("[::1]:80")),
            ("[::1]", fixed("[::1]")),
            ("app.example:", None),
            ("app.example:x", None),
            ("*.example", None),
            ("a b", None),
            ("a\r\nx", None),
            ("", None),
        ],
    );
}

#[test]
fn blocks_of_addresses() {
    let block = |network: &str, prefix| Some(evener_plan::Cidr { network: network.parse().unwrap(), prefix });
    check(
        cidr,
        &[
            ("10.0.0.0/8", block("10.0.0.0", 8)),
            ("0.0.0.0/0", block("0.0.0.0", 0)),
            ("::/0", block("::", 0)),
            ("10.1.2.3", block("10.1.2.3", 32)),
            ("fd00::/8", block("fd00::", 8)),
            ("::1", block("::1", 128)),
            ("::ffff:10.0.0.0/104", block("10.0.0.0", 8)),
            ("10.0.0.1/8", None),
            ("10.0.0.0/33", None),
            ("10.0.0.0/+8", None),
            ("10.0.0.0/", None),
            ("", None),
        ],
    );
}

#[test]
fn paths() {
    check(
        path_match,
        &[
            ("/", Some(PathMatch::Prefix("/".to_owned()))),
            ("/a%20b/", Some(PathMatch::Prefix("/a%20b/".to_owned()))),
            ("= /a", Some(PathMatch::Exact("/a".to_owned()))),
            ("=/a*", Some(PathMatch::Exact("/a*".to_owned()))),
            ("~ ^/v[0-9]+/", Some(PathMatch::Regex("^/v[0-9]+/".to_owned()))),
            ("~(?i)^/x", Some(PathMatch::Regex("(?i)^/x".to_owned()))),
            ("~ (", None),
            ("~ * x", None),
            ("/*", None),
            ("/a?b", None),
            ("/a#b", None),
            ("= é", None),
            ("= /é", None),
            ("a", None),
        ],
    );
    check(
        strip_prefix,
        &[("/api", Some("/api".to_owned())), ("/api//", Some("/api".to_owned())), ("/", None), ("api", None)],
    );
}

#[test]
fn locations() {
    let text = |text: &str| TextPart::Text(text.to_owned());
    check(
        location,
        &[
            ("https://{host}{uri}", Some(vec![text("https://"), TextPart::Host, TextPart::Uri])),
            ("/new{path}?{query}", Some(vec![text("/new"), TextPart::Path, text("?"), TextPart::Query])),
            ("/{{id}}", Some(vec![text("/{id}")])),
            ("/", Some(vec![text("/")])),
            ("https://a.example", Some(vec![text("https://a.example")])),
            // Each of these could send a client to a host of the requester's choice.
            ("{path}", None),
            ("{uri}/x", None),
            ("/{path}", None),
            ("/{host}", None),
            ("//a.example", None),
            ("/\\a.example", None),
            ("https://{path}", None),
            ("https:///a", None),
            ("javascript:alert(1)", None),
            ("a.example", None),
            ("/a\nb", None),
            ("/}", None),
            ("/a{", None),
            ("/a{}", None),
            ("", None),
        ],
    );
}

#[test]
fn access_formats() {
    let parts = vec![TemplatePart::Field("status".to_owned()), TemplatePart::Text(" {x}".to_owned())];
    check(
        access_format,
        &[
            ("json", Some(AccessFormat::Json)),
            ("combined", Some(AccessFormat::Combined)),
            ("common", Some(AccessFormat::Common)),
            ("{status} {{x}}", Some(AccessFormat::Template(parts))),
            ("JSON", None),
            ("plain", None),
            ("{status}\n", None),
            ("{status", None),
            ("{nope}", None),
            ("", None),
        ],
    );
    for name in ACCESS_FIELDS {
        assert!(access_format(&format!("{{{name}}}")).is_ok(), "{name}");
    }
}

#[test]
fn header_fields() {
    let some = |text: &str| Some(text.to_owned());
    check(settable_name, &[("X-From", some("x-from")), ("x_y", some("x_y")), ("Host", None), ("TE", None), ("", None)]);
    check(field_name, &[("Host", some("host")), ("a b", None), ("é", None), ("a:", None)]);
    check(
        field_value,
        &[(" a\tb ", some("a\tb")), ("", some("")), ("é", some("é")), ("a\nb", None), ("a\0", None), ("\x7f", None)],
    );
    check(method, &[("GET", some("GET")), ("M-SEARCH", some("M-SEARCH")), ("get", None), ("", None), ("A B", None)]);
    check(
        content_type,
        &[("text/html; charset=utf-8", some("text/html; charset=utf-8")), ("html", None), ("a/", None)],
    );
}

#[test]
fn balances() {
    for word in BALANCES {
        assert!(balance(word).is_ok(), "{word}");
    }
    check(
        balance,
        &[
            ("adaptive", Some(Balance::Adaptive)),
            ("hash", Some(Balance::Hash(HashKey::ClientIp))),
            ("peak_ewma", Some(Balance::PeakEwma)),
            ("Adaptive", None),
            ("least_conn", None),
            ("", None),
        ],
    );
}

/// The help that a fault gives.
fn help<T: Debug>(parse: fn(&str) -> Result<T, Fault>, table: &[(&str, &str)]) {
    for (text, expected) in table {
        let fault = parse(text).expect_err(text);
        let help = fault.help.unwrap_or_default();
        assert!(help.contains(expected), "{text}: {help}");
    }
}

#[test]
fn words_of_other_programs_are_understood() {
    help(
        balance,
        &[
            ("least_conn", "write balance = \"least_requests\""),
            ("leastconn", "write balance = \"least_requests\""),
            ("ip_hash", "hash_key = \"client_ip\""),
            ("ip-hash", "hash_key = \"client_ip\""),
            ("P2C", "write balance = \"two_choices\""),
            ("roundrobin", "did you mean \"round_robin\"?"),
            ("wrr", "write balance = \"round_robin\""),
            ("ewma", "write balance = \"peak_ewma\""),
            ("adaptiv", "did you mean \"adaptive\"?"),
            ("maglev", "write balance = \"hash\""),
            ("zzz", "the words are \"adaptive\", \"round_robin\""),
        ],
    );
    help(
        hash_key,
        &[
            ("$remote_addr", "\"client_ip\""),
            ("clientip", "\"client_ip\""),
            ("$request_uri", "\"uri\""),
            ("header", "\"header:NAME\""),
            ("hedaer:X", "\"header:X\""),
            ("cookie:", "\"cookie:user\""),
            ("zzz", "\"client_ip\", \"uri\""),
        ],
    );
    help(
        retry_on,
        &[
            ("conect", "\"connect\""),
            ("http_502", "write \"502\""),
            ("5xx", "the statuses that are meant"),
            ("error", "\"connect\" and \"reset\""),
            ("conn-failure", "\"connect\""),
            ("200", "400 to 599"),
        ],
    );
}

#[test]
fn hash_keys() {
    let text = |text: &str| text.to_owned();
    check(
        hash_key,
        &[
            ("client_ip", Some(HashKey::ClientIp)),
            ("uri", Some(HashKey::Uri)),
            ("path", Some(HashKey::Path)),
            ("header:X-User", Some(HashKey::Header(text("x-user")))),
            ("cookie:Sid", Some(HashKey::Cookie(text("Sid")))),
            ("query:User", Some(HashKey::Query(text("User")))),
            ("query:a%20b", Some(HashKey::Query(text("a%20b")))),
            ("query:a=b", None),
            ("query:a b", None),
            ("query:é", None),
            ("query:", None),
            ("header:a b", None),
            ("header:a:b", None),
            ("cookie:é", None),
            ("path:x", None),
            ("", None),
            (":", None),
        ],
    );
    assert!(hash_key(&format!("query:{}", "a".repeat(256))).is_ok());
    assert!(hash_key(&format!("query:{}", "a".repeat(257))).is_err());
}

#[test]
fn shares() {
    check(
        share,
        &[
            ("0%", Some(0.0)),
            ("20%", Some(0.2)),
            ("12.5%", Some(0.125)),
            ("100%", Some(1.0)),
            ("100.1%", None),
            ("300%", None),
            ("20", None),
            ("0.2", None),
            ("20 %", None),
            ("-5%", None),
            (".5%", None),
            ("5.%", None),
            ("1e1%", None),
            ("nan%", None),
            ("inf%", None),
            ("%", None),
            ("", None),
            ("٥%", None),
        ],
    );
    help(
        share,
        &[
            ("300%", "at most \"100%\""),
            ("0.29", "\"29%\""),
            ("20", "\"20%\""),
            ("1", "\"1%\""),
            ("20 %", "write \"20%\""),
            ("x", "such as \"20%\""),
        ],
    );
}

#[test]
fn statuses_of_good_answers() {
    check(
        statuses,
        &[
            ("200-399", Some(vec![200..=399])),
            ("204", Some(vec![204..=204])),
            ("200, 204 ,300-399", Some(vec![200..=200, 204..=204, 300..=399])),
            ("100-599", Some(vec![100..=599])),
            ("200-200", Some(vec![200..=200])),
            ("400-200", None),
            ("99", None),
            ("200-600", None),
            ("0200", Some(vec![200..=200])),
            ("+200", None),
            ("99999999", None),
            ("200-", None),
            ("-200", None),
            ("200-300-400", None),
            ("200,", None),
            ("", None),
            ("ok", None),
            ("é,200", None),
        ],
    );
    help(statuses, &[("400-200", "write \"200-400\""), ("2xx", "\"200-299\""), ("é", "for example")]);
    assert_eq!(statuses("200, 400-300").unwrap_err().part, Some(5..12));
}

#[test]
fn paths_of_checks() {
    let some = |text: &str| Some(text.to_owned());
    check(
        probe_path,
        &[
            ("/", some("/")),
            ("/healthz?full=1&x={y}", some("/healthz?full=1&x={y}")),
            ("healthz", None),
            ("", None),
            ("/a b", None),
            ("/a\r\nHost: x", None),
            ("/a\0", None),
            ("/a#b", None),
            ("/é", None),
            ("http://a/healthz", None),
            ("?x", None),
        ],
    );
    assert!(probe_path(&format!("/{}", "a".repeat(4095))).is_ok());
    assert!(probe_path(&format!("/{}", "a".repeat(4096))).is_err());
    help(
        probe_path,
        &[
            ("healthz", "write \"/healthz\""),
            ("http://a:80/healthz", "write \"/healthz\""),
            ("http://a", "write \"/\""),
            ("/a b", "write %20"),
            ("/a#b", "write \"/a\""),
        ],
    );
}

#[test]
fn cookies_and_secrets() {
    let some = |text: &str| Some(text.to_owned());
    check(
        cookie_name,
        &[
            ("evener", some("evener")),
            ("__Host-x", some("__Host-x")),
            ("a b", None),
            ("a;b", None),
            ("", None),
            ("é", None),
        ],
    );
    assert!(cookie_name(&"a".repeat(128)).is_ok());
    assert!(cookie_name(&"a".repeat(129)).is_err());
    check(secret, &[("0123456789abcdef", some("0123456789abcdef")), ("0123456789abcde", None), ("", None)]);
    assert!(secret(&"a".repeat(1025)).is_err());
    assert!(!secret("hunter2").unwrap_err().message.contains("hunter2"));
}

#[test]
fn failures_to_retry_on() {
    check(
        retry_on,
        &[
            ("connect", Some(RetryOn::Connect)),
            ("reset", Some(RetryOn::Reset)),
            ("timeout", Some(RetryOn::Timeout)),
            ("502", Some(RetryOn::Status(502))),
            ("400", Some(RetryOn::Status(400))),
            ("500-if-worse", Some(RetryOn::WorseThanPool)),
            ("399", None),
            ("600", None),
            ("99999999999", None),
            ("", None),
            ("5xx", None),
        ],
    );
}

#[test]
fn times_of_second_copies() {
    let quantile = |quantile| Some(HedgeAfter::Quantile(quantile));
    check(
        hedge_after,
        &[
            ("p50", quantile(0.5)),
            ("p95", quantile(0.95)),
            ("p99", quantile(0.99)),
            ("p99.9", quantile(0.999)),
            ("50ms", Some(HedgeAfter::Fixed(Duration::from_millis(50)))),
            ("p49", None),
            ("p100", None),
            ("p99.99", None),
            ("p99.", None),
            ("p+9", None),
            ("p", None),
            ("p9é", None),
            ("95", None),
            ("0s", None),
            ("", None),
        ],
    );
    help(
        hedge_after,
        &[("p999", "\"p99.9\""), ("95%", "\"p95\""), ("P95", "\"p95\""), ("p10", "\"p50\" to"), ("50", "\"50s\"")],
    );
}

#[test]
fn bounds_of_durations_are_those_that_are_told() {
    let within = duration_within("every", "100ms", "1h");
    for (text, fits) in [("100ms", true), ("1h", true), ("99ms", false), ("1h1ms", false), ("0s", false), ("x", false)]
    {
        assert_eq!(within(text).is_ok(), fits, "{text}");
    }
    assert_eq!(within("0s").unwrap_err().message, "`every` must be from 100ms to 1h");
    assert_eq!(duration_within("slow_start", "0s", "1h")("0s"), Ok(Duration::ZERO));
}

#[test]
fn a_slip_of_the_pen_is_understood_and_a_different_word_is_not() {
    let known = ["balance", "servers", "to", "host"];
    assert_eq!(closest("ballance", known), Some("balance"));
    assert_eq!(closest("Servers", known), Some("servers"));
    assert_eq!(closest("tp", known), Some("to"));
    assert_eq!(closest("health", known), None);
    assert_eq!(closest(&"a".repeat(10_000), known), None);
}

#[test]
fn a_quoted_text_stays_on_one_line_and_ends() {
    assert_eq!(quote("a\n\u{1b}b"), "`a\\n\\u{1b}b`");
    assert_eq!(quote(""), "\"\"");
    assert!(quote(&"é".repeat(10_000)).len() < 200);
}

#[test]
fn paths_of_files_and_folders() {
    let path = |path: &str| Some(path.to_owned());
    check(
        file,
        &[
            ("a.pem", path("a.pem")),
            ("/etc/evener/é b.pem", path("/etc/evener/é b.pem")),
            ("", None),
            ("keys/", None),
            ("a\0b", None),
            ("-----BEGIN PRIVATE KEY-----\nAAAA", None),
        ],
    );
    check(
        folder,
        &[("state//", path("state")), ("/", path("/")), ("/var/x", path("/var/x")), ("", None), ("\0", None)],
    );
}

#[test]
fn names_of_servers() {
    let name = |name: &str| Some(name.to_owned());
    check(
        server_name,
        &[
            ("App.Example.", name("app.example")),
            ("10.0.0.1", name("10.0.0.1")),
            ("[::1]", name("::1")),
            ("2001:DB8::1", name("2001:db8::1")),
            ("*.example.com", None),
            ("app.example:443", None),
            ("[::1]:443", None),
            ("", None),
            ("a b", None),
        ],
    );
}

#[test]
fn what_authorities_are_told() {
    let text = |text: &str| Some(text.to_owned());
    check(
        directory,
        &[
            ("letsencrypt", text(evener_plan::LETS_ENCRYPT)),
            ("letsencrypt-staging", text(evener_plan::LETS_ENCRYPT_STAGING)),
            ("https://ca.example/dir?x=1", text("https://ca.example/dir?x=1")),
            ("https://[::1]:14000/dir", text("https://[::1]:14000/dir")),
            ("https://ca.example", text("https://ca.example")),
            ("http://ca.example/dir", None),
            ("https://", None),
            ("https://:443/", None),
            ("https://user@ca.example/", None),
            ("https://ca.example/dir#x", None),
            ("https://ca.example/é", None),
            ("https://ca.example:0x/", None),
            ("staging", None),
            ("", None),
        ],
    );
    check(
        email,
        &[
            ("a@b", text("a@b")),
            ("a.b+c@example.com", text("a.b+c@example.com")),
            ("@b", None),
            ("a@", None),
            ("a b@c", None),
            ("a@b,c@d", None),
            ("mailto:a@b", None),
        ],
    );
    check(key_id, &[("kid 1", text("kid 1")), ("", None), ("a\nb", None)]);
    check(
        binding_key,
        &[
            ("AAECAw", text("AAECAw")),
            ("AAECAw==", text("AAECAw")),
            ("-_-_", text("-_-_")),
            ("+/+/", None),
            ("AAAAA", None),
            ("A=A", None),
            ("=", None),
            ("", None),
            ("é", None),
        ],
    );
}

#[test]
fn a_key_is_in_no_message() {
    for key in ["s3cret!", "s3cret+", "s3cr*"] {
        let fault = binding_key(key).expect_err("it is not base64url");
        assert!(!fault.message.contains("s3cr") && !fault.help.unwrap_or_default().contains("s3cr"), "{key}");
    }
}

#[test]
fn protocols() {
    check(
        protocol,
        &[
            ("http1", Some("http1")),
            ("h2", Some("h2")),
            ("h2c", Some("h2c")),
            ("auto", Some("auto")),
            ("HTTP/2", None),
            ("http/1.1", None),
            ("h3", None),
            ("", None),
        ],
    );
}
