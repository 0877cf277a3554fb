//! Settings of balancing that cannot be, as `evener check` tells them.

use super::site;
use crate::harness::evener::{Folder, evener};

/// The mistake is shown where `written` stands in that line of the settings, underlined; these words explain it.
#[track_caller]
fn check(upstream: &str, line: usize, written: &str, words: &[&str]) {
    let folder = Folder::new();
    let path = folder.0.join("evener.toml");
    let config = site(&format!("servers = [\n\"127.0.0.1:1\"\n]\n{upstream}")).replace("{listen}", "127.0.0.1:1");
    std::fs::write(&path, &config).expect("it can be written");
    let finished = evener(&["check", path.to_str().expect("temporary folders have plain names")]);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    let own = config.lines().position(|own| own == upstream.lines().next().unwrap_or_default()).expect("it is there");
    let text = config.lines().nth(own + line).expect("there is such a line");
    let column = text.find(written).expect("it is written there") + 1;
    let place = format!("evener.toml:{}:{column}", own + line + 1);
    for part in [place.as_str(), text, &"^".repeat(written.len())].iter().chain(words) {
        assert!(finished.stderr.contains(part), "`{part}` is missing in:\n{}", finished.stderr);
    }
}

#[test]
fn numbers_out_of_their_range_are_shown_where_they_stand() {
    check("max_requests = 0", 0, "0", &["1 to 1000000"]);
    check("health = { path = \"/\", status = \"400-200\" }", 0, "400-200", &["200-400"]);
    check("health = \"healthz\"", 0, "\"healthz\"", &["/healthz"]);
    check("health = { path = \"healthz\" }", 0, "\"healthz\"", &["/healthz"]);
    check("retry = { budget = \"300%\" }", 0, "\"300%\"", &["more than all", "100%"]);
    check("retry = { attempts = -1 }", 0, "-1", &["0 to 10"]);
    check("retry = { on = [\"connect\", \"600\"] }", 0, "\"600\"", &["400 to 599"]);
    check("hedge = { after = \"p101\" }", 0, "\"p101\"", &["p99.9"]);
    check("sticky = { secret = \"short\" }", 0, "\"short\"", &["16 random bytes"]);
    check("balance = \"hash\"\nhash_key = \"header:\"", 1, "\"header:\"", &["header:user"]);
}

#[test]
fn a_negative_weight_is_shown_where_it_stands() {
    let folder = Folder::new();
    let path = folder.0.join("evener.toml");
    let text = "[[site]]\nto = \"web\"\n[upstream.web]\nservers = [{ address = \"127.0.0.1:1\", weight = -1 }]\n";
    std::fs::write(&path, text).expect("it can be written");
    let finished = evener(&["check", path.to_str().expect("temporary folders have plain names")]);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    for part in ["evener.toml:4:48", "`weight`", "weight = -1 }]", "0 to 1000"] {
        assert!(finished.stderr.contains(part), "`{part}` is missing in:\n{}", finished.stderr);
    }
}
