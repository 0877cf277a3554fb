//! The tables of keys are sound: every key is documented, and its example and default are values it takes.

use super::*;
use crate::{Outcome, World};
use evener_plan::{Limits, Plan};
use std::net::SocketAddr;

/// Every name has an address and every variable a value; there are no files.
struct Names;

impl World for Names {
    fn read(&self, _path: &str) -> Result<String, String> {
        Err(String::from("no files"))
    }

    fn glob(&self, _pattern: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }

    fn variable(&self, _name: &str) -> Option<String> {
        Some(String::from("0123456789abcdef"))
    }

    fn resolve(&self, _host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))])
    }
}

fn load(text: &str) -> Outcome {
    crate::load_text("evener.toml", text, &Names)
}

fn plan(text: &str) -> Plan {
    let outcome = load(text);
    outcome.plan.clone().unwrap_or_else(|| panic!("{text}\n{}", outcome.render(false)))
}

/// A whole config in which `line` stands in `section`, with what else the section needs.
fn config(section: &Section, name: &str, line: &str) -> String {
    let site = "[[site]]\nto = \"127.0.0.1:1\"\n";
    let action = if matches!(name, "to" | "redirect" | "respond") { "" } else { "to = \"127.0.0.1:1\"\n" };
    let unless = |other: &str, text: &'static str| if name == other { "" } else { text };
    match section.id {
        "evener" if line == "[[site]]" => site.to_owned(),
        "evener" if matches!(line, "[[tcp]]" | "[[udp]]") => {
            format!("{line}\nlisten = \":5432\"\nto = \"127.0.0.1:1\"\n")
        }
        "evener" if line == "[upstream.web]" => {
            "[[site]]\nto = \"web\"\n[upstream.web]\nservers = [\"127.0.0.1:1\"]\n".to_owned()
        }
        "evener" => format!("{line}\n{site}"),
        "log" | "limits" | "acme" => format!("{}\n{line}\n{site}", section.heading),
        "site" if line == "[[site.route]]" => format!("[[site]]\n{line}\nto = \"127.0.0.1:1\"\n"),
        "site" if name == "redirect_from" => format!("[[site]]\n{action}tls = \"internal\"\n{line}\n"),
        "site" => format!("[[site]]\n{action}{line}\n"),
        "binding" => {
            let other = format!("{}{}", unless("id", "id = \"a\", "), unless("key", "key = \"AAAA\", "));
            let line = if line.is_empty() { String::new() } else { format!("binding = {{ {other}{line} }}") };
            format!("[acme]\n{line}\n{site}")
        }
        "tls" => tls(name, line),
        "certificate" => {
            let other = format!("{}{}", unless("cert", "cert = \"a\", "), unless("key", "key = \"b\", "));
            format!("[[site]]\n{action}tls = {{ certificates = [{{ {other}{line} }}] }}\n")
        }
        "accept_proxy" => {
            let line = if line.is_empty() { String::new() } else { format!("proxy_protocol = {{ {line} }}") };
            format!("[[site]]\n{action}{line}\n")
        }
        "tcp_proxy" => format!("[[tcp]]\nlisten = \":1\"\n{action}proxy_protocol = {{ {line} }}\n"),
        "tcp" | "udp" => format!("{}\n{}{action}{line}\n", section.heading, unless("listen", "listen = \":1\"\n")),
        "upstream_tls" => {
            let pair = match name {
                "cert" => "key = \"a\", ",
                "key" => "cert = \"a\", ",
                _ => "",
            };
            upstream(&format!("{SERVERS}tls = {{ {pair}{line} }}\n"))
        }
        "health" if name == "grpc" => upstream(&format!("{SERVERS}protocol = \"h2c\"\nhealth = {{ {line} }}\n")),
        "route" => format!("[[site]]\n[[site.route]]\n{action}{line}\n"),
        "redirect" => format!("[[site]]\nredirect = {{ {}{line} }}\n", unless("to", "to = \"/x\", ")),
        "respond" => format!("[[site]]\nrespond = {{ {line} }}\n"),
        "upstream" => {
            let servers = unless("servers", "servers = [\"127.0.0.1:1\"]\n");
            upstream(&format!("{servers}{}{line}\n", if name == "hash_key" { "balance = \"hash\"\n" } else { "" }))
        }
        "health" => upstream(&format!("{SERVERS}health = {{ {}{line} }}\n", unless("path", "path = \"/x\", "))),
        "hedge" => upstream(&format!("{SERVERS}hedge = {{ {}{line} }}\n", unless("after", "after = \"p95\", "))),
        "sticky" | "queue" | "retry" => upstream(&format!("{SERVERS}{} = {{ {line} }}\n", section.id)),
        "server" => {
            let address = unless("address", "address = \"127.0.0.1:1\", ");
            format!("[[site]]\nto = [\"127.0.0.1:2\", {{ {address}{line} }}]\n")
        }
        other => panic!("the test does not know the section {other}"),
    }
}

/// A site with TLS, in the table form.
fn tls(name: &str, line: &str) -> String {
    let files = match name {
        "source" => "",
        "cert" => "key = \"b\", ",
        "key" => "cert = \"a\", ",
        _ => "cert = \"a\", key = \"b\", ",
    };
    let clients = if matches!(name, "client_auth" | "client_crl") { "client_ca = \"c\", " } else { "" };
    format!("[[site]]\nto = \"127.0.0.1:1\"\ntls = {{ {files}{clients}{line} }}\n")
}

const SERVERS: &str = "servers = [\"127.0.0.1:1\"]\n";

fn upstream(keys: &str) -> String {
    format!("[[site]]\nto = \"web\"\n[upstream.web]\n{keys}")
}

fn every_key() -> impl Iterator<Item = (&'static Section, &'static Key)> {
    SECTIONS.iter().flat_map(|section| section.keys().map(|key| (*section, key)))
}

/// The key whose context a config without the key has too.
fn context(key: &Key) -> &'static str {
    match key.name {
        "hash_key" | "redirect_from" | "client_auth" | "client_crl" | "grpc" => key.name,
        _ => "",
    }
}

#[test]
fn every_key_is_accepted_with_its_example_and_changes_the_plan() {
    for (section, key) in every_key() {
        let with = plan(&config(section, key.name, &key.sample()));
        let is_changeable =
            !matches!(key.kind, Kind::Tables(_) | Kind::Named(_)) && key.name != "include" && key.name != "address";
        if is_changeable {
            let without = plan(&config(section, context(key), ""));
            assert_ne!(with, without, "{} {} has no effect", section.heading, key.name);
        }
    }
}

#[test]
fn every_default_is_what_holds_without_the_key() {
    for (section, key) in every_key() {
        let Without::Default(default) = key.without else { continue };
        let line = format!("{} = {default}", key.name);
        if section.id == "log" {
            // An empty [log] is not the same as none.
            let other = if key.name == "access" { "format = \"common\"" } else { "access = \"stderr\"" };
            let with = plan(&config(section, key.name, &format!("{line}\n{other}")));
            assert_eq!(with, plan(&config(section, key.name, other)), "{line}");
            continue;
        }
        let with = plan(&config(section, key.name, &line));
        assert_eq!(with, plan(&config(section, context(key), "")), "{} {line}", section.heading);
    }
}

#[test]
fn every_key_refuses_what_is_neither_text_nor_number() {
    for (section, key) in every_key() {
        if matches!(key.kind, Kind::Tables(_) | Kind::Named(_)) {
            continue;
        }
        let outcome = load(&config(section, key.name, &format!("{} = 1979-05-27", key.name)));
        let codes: Vec<&str> = outcome.diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        assert!(codes.contains(&"wrong-type"), "{} {}: {codes:?}", section.heading, key.name);
    }
}

#[test]
fn the_defaults_of_limits_are_those_of_the_plan() {
    assert_eq!(plan("[[site]]\nto = \"127.0.0.1:1\"\n").limits, Limits::default());
    assert_eq!(plan("[limits]\n[[site]]\nto = \"127.0.0.1:1\"\n").limits, Limits::default());
}

#[test]
fn no_two_keys_of_a_section_have_the_same_name() {
    for section in SECTIONS {
        let mut names: Vec<&str> = section.keys().map(|key| key.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{}", section.heading);
    }
}
