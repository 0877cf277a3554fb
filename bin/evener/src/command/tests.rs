//! What the commands make: configs, findings about this machine, the manual page.

use super::check::{machine_findings, overlaps};
use super::{man, proxy};
use crate::cli::{Cli, Proxy};
use clap::CommandFactory;
use evener_config::{NoWorld, Severity, load_text};
use evener_plan::{Balance, HashKey, Listen, LogTarget, Plan, Probe};

fn plan(config: &str) -> Plan {
    let outcome = load_text("made up", config, &NoWorld);
    outcome.plan.clone().unwrap_or_else(|| panic!("{}", outcome.render(false)))
}

#[test]
fn the_options_of_proxy_become_a_config() {
    let options = Proxy {
        listen: String::from(":9090"),
        to: vec![String::from("127.0.0.1:1"), String::from("unix:/run/$app.sock")],
        balance: String::from("hash"),
        hash_key: Some(String::from("header:X-User")),
        health: Some(String::from("/healthz")),
        access_log: String::from("./a.log"),
    };
    let plan = plan(&proxy::config(&options));
    assert_eq!(plan.listens(), [Listen::Any(9090)]);
    assert_eq!(plan.log.access, LogTarget::File(String::from("./a.log")));
    let [upstream] = plan.upstreams.as_slice() else { panic!("there is one upstream") };
    assert_eq!(upstream.balance, Balance::Hash(HashKey::Header(String::from("x-user"))));
    let health = upstream.health.as_ref().expect("there are checks");
    assert!(matches!(&health.probe, Probe::Http { path, .. } if path == "/healthz"), "{health:?}");
    let labels: Vec<&str> = upstream.servers.iter().map(|server| server.label.as_str()).collect();
    assert_eq!(labels, ["127.0.0.1:1", "unix:/run/$app.sock"]);
}

#[test]
fn the_check_finds_what_run_would_fail_on() {
    let check = |top: &str, listen: &str, expected: &[(&str, Severity)]| {
        let plan = plan(&format!("{top}\n[[site]]\nlisten = [{listen}]\nrespond = {{ status = 404 }}\n"));
        let listens = plan.listens();
        let findings = overlaps(&listens).chain(machine_findings(&plan));
        let found: Vec<_> = findings.map(|finding| (finding.code, finding.severity)).collect();
        assert_eq!(found, expected, "{top} {listen}");
    };
    let log = |path: &str| format!("[log]\naccess = \"{path}\"");
    check("", "\"127.0.0.1:18080\", \":18081\"", &[]);
    check("", "\":18080\", \"127.0.0.1:18080\"", &[("listen-overlap", Severity::Error)]);
    check("", "\"192.0.2.1:18080\"", &[("foreign-address", Severity::Error)]);
    check(&log("/no/such/folder/a.log"), "\":18080\"", &[("bad-log-path", Severity::Error)]);
    check(&log("/dev/null"), "\":18080\"", &[]);
    let folder = std::env::temp_dir();
    check(&log(&folder.display().to_string()), "\":18080\"", &[("bad-log-path", Severity::Error)]);
    let fresh = folder.join(format!("evener-not-made-{}.log", std::process::id()));
    check(&log(&fresh.display().to_string()), "\":18080\"", &[]);
    assert!(!fresh.exists(), "a check makes no files");
}

#[test]
fn the_manual_page_has_every_command_and_option() {
    let page = man::page().unwrap();
    let plain = page.replace("\\-", "-");
    let mut command = Cli::command();
    command.build();
    for subcommand in command.get_subcommands() {
        assert!(plain.contains(&format!("\n.SS evener {}\n", subcommand.get_name())), "{}", subcommand.get_name());
        for option in subcommand.get_arguments().filter_map(|argument| argument.get_long()) {
            assert!(plain.contains(&format!("--{option}")), "--{option}");
        }
    }
    assert_eq!(plain.matches("\n.TH ").count() + usize::from(plain.starts_with(".TH ")), 1);
    let strays: Vec<&str> = page.lines().filter(|line| line.starts_with('\'')).collect();
    assert!(strays.is_empty(), "lines that man would take for requests: {strays:?}");
}
