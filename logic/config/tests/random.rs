//! No text makes the reader panic, and what it says about a text has places inside it.

use evener_config::{NoWorld, Outcome, load_text};
use proptest::prelude::*;

/// A config with every kind of key, to be spoilt.
const WHOLE: &str = r#"workers = "auto"
shutdown_grace = "30s"
include = ["x.toml", "conf.d/*.toml"]
state_dir = "./state"
[acme]
directory = "https://ca.example:14000/dir"
email = "a@b.example"
ca = "ca.pem"
renew_before = "20d"
binding = { id = "kid", key = "AAECAw" }
[log]
access = "./a.log"
format = "{time} {status} {{x}}"
[limits]
head = "64KiB"
body = 10
body_rate = "off"
[[site]]
listen = [":80", "[::1]:8080"]
hosts = ["example.com", "*.example.com"]
to = "web"
timeout = "1m"
host = "upstream"
set_headers = { x-from = "${NAME:-x}", y = "é" }
trusted_proxies = ["10.0.0.0/8", "::1"]
[[site.route]]
path = "~ ^/v[0-9]+/"
methods = ["GET"]
headers = { x-a = "1" }
redirect = { to = "https://{host}{uri}", status = 301 }
[[site.route]]
path = "= /x"
respond = { status = 404, body = "no" }
[[site]]
listen = [":443", ":80"]
hosts = ["a.example", "b.example"]
tls = { source = "auto", client_ca = "c.pem", client_auth = "optional", client_crl = ["1.crl"], min_version = "1.3" }
redirect_from = [":80", ":81"]
http2 = false
proxy_protocol = { from = ["10.0.0.0/8"] }
respond = {}
[[site]]
hosts = "c.example"
listen = ":9443"
tls = { cert = "a.pem", key = "a.key", certificates = [{ cert = "b.pem", key = "b.key" }] }
to = "grpc"
[[tcp]]
listen = ":5432"
hosts = "*.db.example"
tls = "internal"
to = "grpc"
proxy_protocol = { accept = true, from = "::1", send = "v2" }
[[udp]]
listen = [":53", ":54"]
to = ["10.0.0.1:53"]
max_sessions = 10
[upstream.grpc]
servers = ["127.0.0.1:1", "unix:/run/a.sock"]
protocol = "h2"
tls = { ca = "ca.pem", sni = "app.example", cert = "c.pem", key = "c.key" }
health = { grpc = "a.B" }
[upstream.web]
servers = ["127.0.0.1:1", { address = "127.0.0.1:2", weight = 0, backup = true }, { address = "127.0.0.1:3", tier = 2 }]
balance = "hash"
hash_key = "header:X-User"
health = { path = "/healthz", every = "1s", timeout = "500ms", up = 1, down = 3, status = ["200,204", "300-399", 404], body = "ok", host = "a:80", port = 9 }
sticky = { cookie = "sid", secret = "0123456789abcdef", max_age = "1h", secure = true }
slow_start = "0s"
max_requests = "auto"
queue = { size = 10, wait = "5ms" }
retry = { attempts = 2, on = ["connect", 503, "500-if-worse"], budget = "12.5%" }
hedge = { after = "p99.9", budget = "2%" }
"#;

fn sound(outcome: &Outcome) {
    assert_eq!(outcome.plan.is_none(), outcome.errors() > 0);
    for diagnostic in &outcome.diagnostics {
        for place in diagnostic.place.iter().chain(diagnostic.labels.iter().map(|(place, _)| place)) {
            let text = outcome.sources.text(place.source);
            assert!(text.get(place.range.clone()).is_some(), "{:?} is not in the text", place.range);
        }
    }
    let text = outcome.render(false);
    assert_eq!(text.is_empty(), outcome.diagnostics.is_empty());
    assert!(outcome.to_json().starts_with("{\"ok\":"));
}

/// Pieces from which something like a config comes about.
fn piece() -> impl Strategy<Value = String> {
    let words = prop_oneof![
        Just("[[site]]\n"),
        Just("[[site.route]]\n"),
        Just("[upstream.web]\n"),
        Just("[log]\n"),
        Just("[[tcp]]\n"),
        Just("[[udp]]\n"),
        Just("[acme]\n"),
        Just("tls = "),
        Just("\"auto\"\n"),
        Just("redirect_from = "),
        Just("proxy_protocol = "),
        Just("{ cert = \"a\", key = \"b\" }\n"),
        Just("{ from = \"::1\" }\n"),
        Just("\":80\"\n"),
        Just("[limits]\n"),
        Just("to = "),
        Just("listen = "),
        Just("hosts = "),
        Just("path = "),
        Just("redirect = "),
        Just("respond = "),
        Just("format = "),
        Just("servers = "),
        Just("head = "),
        Just("balance = "),
        Just("health = "),
        Just("retry = "),
        Just("hedge = "),
        Just("true\n"),
        Just("0.5\n"),
        Just("\"web\"\n"),
        Just("\"127.0.0.1:1\"\n"),
        Just("{ to = \"/\", status = 301 }\n"),
        Just("[\"a.example\", 1, {}]\n"),
        Just("${A}"),
        Just("$"),
        Just("\""),
        Just("'''"),
        Just("{"),
        Just("}"),
        Just("="),
        Just("\n"),
        Just("5"),
    ];
    let strings = "[ -~é\u{1F40E}]{0,8}".prop_map(|text| format!("\"{text}\"\n"));
    prop_oneof![4 => words.prop_map(String::from), 1 => strings]
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        sound(&load_text("a.toml", &text, &NoWorld));
    }

    #[test]
    fn pieces_of_configs(pieces in prop::collection::vec(piece(), 0..40)) {
        sound(&load_text("a.toml", &pieces.concat(), &NoWorld));
    }

    #[test]
    fn a_spoilt_config(cut in 0..WHOLE.len(), length in 0usize..40, with in "[ -~\n\té\u{0}\u{1b}]{0,6}") {
        let whole: Vec<char> = WHOLE.chars().collect();
        let cut = cut.min(whole.len());
        let end = (cut + length).min(whole.len());
        let (head, tail) = (whole[..cut].iter().copied(), whole[end..].iter().copied());
        let text: String = head.chain(with.chars()).chain(tail).collect();
        sound(&load_text("a.toml", &text, &NoWorld));
    }

    #[test]
    fn any_value_of_any_text_key(value in "[ -~é\u{7f}]{0,24}") {
        let value = value.replace(['\\', '"'], "");
        for key in ["listen", "hosts", "to", "redirect", "strip_prefix", "timeout", "host", "trusted_proxies",
            "tls", "redirect_from", "proxy_protocol", "http2"] {
            sound(&load_text("a.toml", &format!("[[site]]\n{key} = \"{value}\"\n"), &NoWorld));
        }
        for key in ["balance", "hash_key", "health", "sticky", "slow_start", "max_requests", "queue", "retry", "hedge",
            "protocol", "tls"] {
            let text = format!("[[site]]\nto = \"a\"\n[upstream.a]\nservers = [\"127.0.0.1:1\"]\n{key} = \"{value}\"\n");
            sound(&load_text("a.toml", &text, &NoWorld));
        }
        let tables = [
            format!("health = {{ path = \"{value}\", status = \"{value}\", host = \"{value}\", every = \"{value}\" }}"),
            format!("sticky = {{ cookie = \"{value}\", secret = \"{value}\", max_age = \"{value}\" }}"),
            format!("retry = {{ on = [\"{value}\"], budget = \"{value}\" }}"),
            format!("tls = {{ ca = \"{value}\", sni = \"{value}\", cert = \"{value}\", key = \"{value}\" }}"),
            format!("health = {{ grpc = \"{value}\" }}"),
            format!("hedge = {{ after = \"{value}\", budget = \"{value}\" }}"),
        ];
        for line in tables {
            sound(&load_text("a.toml", &format!("[upstream.a]\n{line}\n"), &NoWorld));
        }
        for key in ["directory", "email", "ca", "renew_before", "binding"] {
            sound(&load_text("a.toml", &format!("[acme]\n{key} = \"{value}\"\n"), &NoWorld));
        }
        for key in ["listen", "hosts", "to", "tls", "idle_timeout", "proxy_protocol"] {
            sound(&load_text("a.toml", &format!("[[tcp]]\n{key} = \"{value}\"\n[[udp]]\n{key} = \"{value}\"\n"), &NoWorld));
        }
        let tls = format!("tls = {{ cert = \"{value}\", client_ca = \"{value}\", source = \"{value}\", min_version = \"{value}\" }}");
        sound(&load_text("a.toml", &format!("[[site]]\n{tls}\n"), &NoWorld));
        for line in [format!("path = \"{value}\""), format!("headers = {{ \"{value}\" = \"{value}\" }}")] {
            sound(&load_text("a.toml", &format!("[[site]]\n[[site.route]]\nrespond = {{}}\n{line}\n"), &NoWorld));
        }
        sound(&load_text("a.toml", &format!("include = \"{value}\"\n[log]\nformat = \"{value}\"\n"), &NoWorld));
    }
}
