//! The command line, made-up texts, the world of files, and how things are told.

use crate::cli::{BALANCES, Cli, Command};
use crate::operator::{duration, reason};
use crate::source::{Source, quoted};
use crate::world::{RealWorld, Unresolved, matches};
use clap::CommandFactory;
use evener_config::World;
use std::time::Duration;

fn parse(line: &str) -> Result<Cli, String> {
    Cli::read_from(line.split_whitespace().map(Into::into)).map_err(|error| error.to_string())
}

#[test]
fn the_definition_of_the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_test_option_stands_alone_or_before_a_file_or_a_command() {
    let check = |line: &str, file: Option<Option<&str>>, command: &str| {
        let cli = parse(line).unwrap();
        let found = match &cli.command {
            None => "none",
            Some(Command::Run(_)) => "run",
            Some(Command::Check(_)) => "check",
            Some(_) => "another",
        };
        let test = cli.test.as_ref().map(|file| file.as_deref());
        assert_eq!((test, found), (file, command), "{line}");
    };
    check("evener -t", Some(None), "none");
    check("evener -t a.toml", Some(Some("a.toml")), "none");
    check("evener -t run a.toml", Some(None), "run");
    check("evener -t check a.toml", Some(None), "check");
    check("evener run a.toml", None, "run");
}

#[test]
fn several_servers_come_with_commas_and_with_several_options() {
    let cli = parse("evener proxy --to 127.0.0.1:1,app.local:2 --to unix:/run/app.sock").unwrap();
    let Some(Command::Proxy(proxy)) = cli.command else { panic!("it is a proxy") };
    assert_eq!(proxy.to, ["127.0.0.1:1", "app.local:2", "unix:/run/app.sock"]);
    assert_eq!((proxy.listen.as_str(), proxy.balance.as_str()), (":8080", "adaptive"));
    assert_eq!((proxy.hash_key, proxy.health), (None, None));
}

#[test]
fn a_hash_key_means_that_requests_are_hashed() {
    let balance = |line: &str| match parse(line).unwrap().command {
        Some(Command::Proxy(proxy)) => proxy.balance,
        _ => panic!("it is a proxy"),
    };
    assert_eq!(balance("evener proxy --to 127.0.0.1:1 --hash-key uri"), "hash");
    // The config says then that the two do not go together.
    assert_eq!(balance("evener proxy --to 127.0.0.1:1 --hash-key uri --balance random"), "random");
}

#[test]
fn wrong_options_are_named_with_their_value_and_a_way_out() {
    let check = |line: &str, parts: &[&str]| {
        let error = parse(line).expect_err(line);
        for part in parts {
            assert!(error.contains(part), "`{part}` is missing in:\n{error}");
        }
    };
    check("evener proxy --to 127.0.0.1:1 --balance randm", &["'randm'", "--balance", "\"random\""]);
    check("evener demo --balance leastconn", &["'leastconn'", "write balance = \"least_requests\""]);
    check("evener proxy --to 127.0.0.1:1 --health healthz", &["'healthz'", "--health", "tip: write \"/healthz\""]);
    check("evener proxy --to 127.0.0.1:1 --hash-key ip", &["'ip'", "--hash-key", "tip: write \"client_ip\""]);
    check("evener proxy --to 127.0.0.1", &["'127.0.0.1'", "--to", "has no port", "tip: add it: \"127.0.0.1:80\""]);
    check("evener proxy --to 127.0.0.1:1,8082", &["'8082'", "--to", "tip: write \"127.0.0.1:8082\""]);
    check("evener proxy --to http://10.0.0.1:80", &["--to", "is a URL", "10.0.0.1:80"]);
    check("evener proxy --to 127.0.0.1:1 --listen 8080", &["'8080'", "--listen", "tip: write \":8080\""]);
    check("evener demo --listen localhost:80", &["--listen", "tip: write \"127.0.0.1:80\""]);
    check("evener proxy --to 127.0.0.1:1 --access-log stdot", &["--access-log", "stdout"]);
    check("evener proxy", &["--to <SERVERS>"]);
    check("evener proxy --to 127.0.0.1:1,", &["--to", "no server between two commas"]);
    check("evener prox", &["'prox'", "'proxy'"]);
    check("evener site.toml", &["'site.toml'", "'evener run site.toml'"]);
    check("evener ./site", &["'evener run ./site'"]);
}

#[test]
fn every_balance_of_the_command_line_is_one_of_the_config() {
    for balance in BALANCES {
        let config =
            format!("[[site]]\nto = \"a\"\n[upstream.a]\nservers = [\"127.0.0.1:1\"]\nbalance = {}\n", quoted(balance));
        let outcome = evener_config::load_text("made up", &config, &Unresolved);
        assert_eq!(outcome.errors(), 0, "{}", outcome.render(false));
    }
    let schema: serde_json::Value = serde_json::from_str(&evener_config::schema()).unwrap();
    let words = &schema["$defs"]["upstream"]["properties"]["balance"]["anyOf"][0]["enum"];
    assert_eq!(*words, serde_json::Value::from(BALANCES.to_vec()));
}

#[test]
fn a_quoted_value_means_itself() {
    for value in ["plain", "a \"b\" \\ c", "tab\tnewline\n", "\u{1}\u{7f}\u{85}", "${HOME} $$ $", "größe", ""] {
        let config = format!("[[site]]\nrespond = {{ status = 200, body = {} }}\n", quoted(value));
        let outcome = evener_config::load_text("made up", &config, &Unresolved);
        let plan = outcome.plan.clone().unwrap_or_else(|| panic!("{}", outcome.render(false)));
        let evener_plan::Action::Respond(respond) = &plan.sites[0].routes[0].action else { panic!("it responds") };
        assert_eq!(respond.body, value);
    }
}

#[test]
fn made_up_text_has_findings_without_places() {
    let source = Source::Options(String::from("[[site]]\nto = [\"no-such-name.invalid:80\"]\n"));
    let outcome = source.load();
    assert!(outcome.plan.is_none());
    let text = crate::source::without_places(&outcome);
    assert!(text.starts_with("evener: cannot resolve `no-such-name.invalid`"), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn stars_stand_for_any_text() {
    let check = |pattern: &str, name: &str, expected: bool| {
        assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
    };
    check("*.toml", "a.toml", true);
    check("*.toml", ".toml", true);
    check("*.toml", "a.toml.bak", false);
    check("site-*.toml", "site-a.toml", true);
    check("site-*.toml", "a.toml", false);
    check("*a*b*", "xaybz", true);
    check("*a*b*", "xbya", false);
    check("a*a", "a", false);
    check("a.toml", "a.toml", true);
    check("a.toml", "b.toml", false);
}

#[test]
fn a_missing_file_is_told_in_words() {
    assert_eq!(RealWorld.read("/no/such/file"), Err(String::from("No such file or directory")));
    assert_eq!(RealWorld.read("/"), Err(String::from("Is a directory")));
    assert_eq!(RealWorld.read("/dev/null"), Ok(String::new()));
    assert_eq!(RealWorld.read("/dev/zero"), Err(String::from("it is longer than 16 MiB, so it is no config")));
    assert_eq!(reason(&std::io::Error::other("of its own")), "of its own");
}

#[test]
fn times_read_as_the_config_writes_them() {
    let check = |milliseconds: u64, expected: &str| {
        assert_eq!(duration(Duration::from_millis(milliseconds)), expected);
    };
    check(0, "0s");
    check(250, "250ms");
    check(30_000, "30s");
    check(90_000, "1m30s");
    check(3_600_500, "1h500ms");
    check(90_000_000, "25h");
}

/// The config admits exactly the names that the log can write.
#[test]
fn the_config_and_the_log_know_the_same_fields() {
    assert_eq!(evener_config::access_field_names(), evener_observe::FIELD_NAMES);
}
