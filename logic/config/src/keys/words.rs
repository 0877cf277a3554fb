//! What other programs call the keys of a section, so that the finding for an unknown key names the right one. Slips of
//! the pen are not listed; those are found by closeness.

/// The key of a section that is meant by a name that is common elsewhere.
pub(super) fn meant(section: &str, name: &str) -> Option<&'static str> {
    let plain = name.to_ascii_lowercase().replace('-', "_");
    let known = OTHER_WORDS.iter().find(|(home, words, _)| *home == section && words.contains(&plain.as_str()));
    known.map(|(_, _, key)| *key)
}

const OTHER_WORDS: &[(&str, &[&str], &str)] = &[
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
