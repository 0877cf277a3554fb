//! What other programs call the keys of a section, so that the finding for an unknown key names the right one. Slips of
//! the pen are not listed; those are found by closeness.

use crate::tree::Value;

/// The key of a section that is meant by a name that is common elsewhere.
pub(super) fn meant(section: &str, name: &str) -> Option<&'static str> {
    let plain = name.to_ascii_lowercase().replace('-', "_");
    let known = OTHER_WORDS.iter().find(|(home, words, _)| *home == section && words.contains(&plain.as_str()));
    known.map(|(_, _, key)| *key)
}

/// How to write what is meant by a value that other programs have for a key of this name.
pub(super) fn meant_value(key: &str, value: &Value) -> Option<&'static str> {
    match (key, value) {
        ("admin", Value::Boolean(true)) => Some("write admin = \"127.0.0.1:9911\""),
        ("admin", Value::Boolean(false)) => Some("write admin = \"off\""),
        ("tls", Value::Boolean(true)) => Some("write tls = \"auto\", or name the files: { cert = \"…\", key = \"…\" }"),
        ("tls", Value::Boolean(false)) => Some("leave `tls` out"),
        ("tls", Value::Text(_)) => Some("write tls = true, or a table such as { ca = \"/etc/evener/servers.pem\" }"),
        _ => None,
    }
}

const OTHER_WORDS: &[(&str, &[&str], &str)] = &[
    ("evener", &["stream", "streams", "l4"], "tcp"),
    ("evener", &["metrics", "stats", "status", "prometheus", "api"], "admin"),
    ("evener", &["letsencrypt", "lets_encrypt"], "acme"),
    ("evener", &["data_dir", "storage"], "state_dir"),
    ("site", &["ssl", "https"], "tls"),
    ("site", &["h2"], "http2"),
    ("site", &["accept_proxy", "proxy"], "proxy_protocol"),
    ("site", &["http_redirect", "redirect_http", "force_https"], "redirect_from"),
    ("tls", &["certificate", "cert_file", "certfile", "crt", "fullchain"], "cert"),
    ("tls", &["key_file", "keyfile", "private_key", "certificate_key"], "key"),
    ("tls", &["ca", "ca_file", "client_ca_file", "client_certificate"], "client_ca"),
    ("tls", &["verify_client", "client_verify", "verify"], "client_auth"),
    ("tls", &["crl"], "client_crl"),
    ("tls", &["minimum_version", "protocols", "versions"], "min_version"),
    ("acme", &["server", "url", "ca_url"], "directory"),
    ("acme", &["mail", "contact"], "email"),
    ("acme", &["eab", "external_account", "external_account_binding"], "binding"),
    ("binding", &["kid", "key_id"], "id"),
    ("binding", &["hmac", "hmac_key"], "key"),
    ("tcp", &["sni", "server_name", "server_names"], "hosts"),
    ("tcp", &["servers", "upstream", "proxy_pass", "backend"], "to"),
    ("tcp", &["accept_proxy", "send_proxy", "proxy"], "proxy_protocol"),
    ("udp", &["servers", "upstream", "proxy_pass", "backend"], "to"),
    ("udp", &["sessions", "max_requests"], "max_sessions"),
    ("upstream", &["proto", "http_version"], "protocol"),
    ("upstream", &["ssl", "https"], "tls"),
    ("upstream_tls", &["server_name", "servername", "name", "host"], "sni"),
    ("upstream_tls", &["ca_file", "trust", "root"], "ca"),
    ("upstream", &["algorithm", "lb_policy", "policy", "lb", "strategy", "load_balancing"], "balance"),
    ("upstream", &["max_conns", "maxconn", "max_concurrency", "max_in_flight", "concurrency"], "max_requests"),
    ("upstream", &["health_check", "health_checks", "healthcheck", "check", "checks"], "health"),
    ("upstream", &["sticky_session", "session_affinity", "affinity", "sticky_cookie"], "sticky"),
    ("upstream", &["hash_on", "hash_by"], "hash_key"),
    ("upstream", &["next_upstream", "retry_policy", "retry_on"], "retry"),
    ("upstream", &["warmup", "warm_up"], "slow_start"),
    ("server", &["priority"], "tier"),
    ("health", &["interval", "period", "inter"], "every"),
    ("health", &["rise", "passes", "healthy_threshold"], "up"),
    ("health", &["fall", "fails", "unhealthy_threshold", "max_fails"], "down"),
    ("health", &["uri", "url"], "path"),
    ("health", &["expect", "expected_status", "expected_statuses"], "status"),
    ("health", &["match", "expected_body"], "body"),
    ("sticky", &["name"], "cookie"),
    ("sticky", &["key"], "secret"),
    ("sticky", &["ttl", "expires"], "max_age"),
    ("queue", &["timeout", "deadline", "max_wait"], "wait"),
    ("queue", &["length", "max", "limit"], "size"),
    ("retry", &["max", "count", "retries", "tries", "num_retries"], "attempts"),
    ("hedge", &["delay", "at"], "after"),
];
