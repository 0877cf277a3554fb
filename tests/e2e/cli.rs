//! The commands as a user meets them: the demo, a proxy without a file, the checks, the printed documents, and how
//! mistakes are told. What a running evener is asked to do later is in `operate`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;

use crate::harness::Recorder;
use crate::harness::client::{RawClient, get};
use crate::harness::evener::{Evener, Finished, Folder, evener};
use crate::harness::ports::free_address;
use crate::harness::process::Process;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually, wait_for};

/// A config file in a folder of its own.
struct ConfigFile {
    folder: Folder,
}

impl ConfigFile {
    fn new(text: &str) -> Self {
        let folder = Folder::new();
        std::fs::write(folder.0.join("evener.toml"), text).expect("it can be written");
        Self { folder }
    }

    fn path(&self) -> String {
        let path: PathBuf = self.folder.0.join("evener.toml");
        path.to_str().expect("temporary folders have plain names").to_owned()
    }
}

/// Runs evener in a folder.
fn evener_in(folder: &Folder, arguments: &[&str]) -> Finished {
    let mut process = Process::start(Command::new(env!("CARGO_BIN_EXE_evener")).args(arguments).current_dir(&folder.0));
    let status = process.wait_exit(PATIENCE);
    Finished { status, stdout: process.stdout(), stderr: process.stderr() }
}

/// A running demo.
struct Demo {
    process: Process,
    address: SocketAddr,
}

impl Demo {
    fn start(options: &[&str]) -> Self {
        let mut process = Process::start(Command::new(env!("CARGO_BIN_EXE_evener")).arg("demo").args(options));
        let marker = "in front of them on http://";
        let address = wait_for(PATIENCE, "the demo says where it is", || {
            let said = process.stdout();
            let (_, rest) = said.split_once(marker)?;
            let (address, _) = rest.split_once('\n')?;
            address.parse().ok()
        });
        process.wait_until_accepting(address);
        Self { process, address }
    }

    /// The names of the servers that answer so many requests on one connection.
    fn names(&self, requests: usize) -> BTreeMap<String, usize> {
        let mut client = RawClient::connect(self.address);
        let mut counts = BTreeMap::new();
        for _ in 0..requests {
            let response = client.send(get("/hello")).response();
            assert_eq!(response.status, 200, "{}", response.text());
            let text = response.text();
            assert!(text.contains("\nx-forwarded-for: 127.0.0.1\n"), "{text}");
            let name = text.split(' ').next().expect("split gives at least one").to_owned();
            *counts.entry(name).or_insert(0) += 1;
        }
        counts
    }
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn the_demo_spreads_requests_over_its_servers_and_ends_with_success() {
    let listen = free_address().to_string();
    let mut demo = Demo::start(&["--listen", &listen, "--balance", "round_robin"]);
    assert_eq!(demo.address.to_string(), listen);
    assert_eq!(demo.names(6), counts(&[("quick", 2), ("slow", 2), ("steady", 2)]));

    let mut client = RawClient::connect(demo.address);
    let page = client.send("GET / HTTP/1.1\r\nHost: test\r\nAccept: text/html\r\n\r\n").response();
    assert!(page.text().starts_with("<!doctype html>"), "{}", page.text());

    eventually(PATIENCE, "the requests are logged", || demo.process.stdout().matches("GET /hello 200 ").count() == 6);
    demo.process.signal(Signal::INT);
    let status = demo.process.wait_exit(PATIENCE);
    assert_eq!(status.code(), Some(0), "{}", demo.process.stderr());
    assert!(demo.process.stderr().contains("evener: served 7 requests"), "{}", demo.process.stderr());
}

#[test]
fn a_server_of_the_demo_that_is_stopped_costs_no_request_and_comes_back() {
    let demo = Demo::start(&["--listen", &free_address().to_string()]);
    // Whether it has been asked before it stops or not.
    demo.names(3);
    let mut client = RawClient::connect(demo.address);
    let told =
        client.send("POST /stop/steady HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi").response_to("POST");
    assert!(told.status == 200 && told.text().starts_with("steady refuses"), "{}", told.text());
    let meanwhile = demo.names(10);
    assert!(!meanwhile.contains_key("steady"), "{meanwhile:?}");
    eventually(PATIENCE, "it comes back", || demo.names(3).contains_key("steady"));
}

#[test]
fn the_demo_sends_most_requests_to_the_quick_server() {
    let demo = Demo::start(&["--listen", &free_address().to_string()]);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..6).map(|_| scope.spawn(|| demo.names(60))).collect();
        for client in clients {
            for (name, count) in client.join().expect("every request is answered") {
                *counts.entry(name).or_default() += count;
            }
        }
    });
    // By turns each would get 120.
    let of = |name: &str| counts.get(name).copied().unwrap_or(0);
    assert!(of("quick") > 200 && of("slow") < 60, "{counts:?}");
}

#[test]
fn the_demo_takes_the_balance_it_is_given() {
    let demo = Demo::start(&["--listen", &free_address().to_string(), "--balance", "first"]);
    assert_eq!(demo.names(5), counts(&[("quick", 5)]));
}

/// Either the usual port is taken by this test or it was taken before; the demo finds another one.
#[test]
fn the_demo_finds_another_port_when_the_usual_one_is_taken() {
    let _taken = std::net::TcpListener::bind("127.0.0.1:8080");
    let demo = Demo::start(&[]);
    assert_ne!(demo.address.port(), 8080);
    assert!(
        demo.process.stdout().starts_with("Another program listens on 127.0.0.1:8080"),
        "{}",
        demo.process.stdout()
    );
    demo.names(3);
}

#[test]
fn an_address_that_was_asked_for_and_is_taken_ends_the_demo() {
    let address = free_address();
    let _taken = std::net::TcpListener::bind(address).expect("the registry's port is free");
    let finished = evener(&["demo", "--listen", &address.to_string()]);
    assert_eq!(finished.status.code(), Some(1));
    let expected = format!("evener: cannot listen on {address}: Address already in use (another program");
    assert!(finished.stderr.starts_with(&expected), "{}", finished.stderr);
    assert_eq!(finished.stdout, "");
}

#[test]
fn proxy_takes_its_servers_from_several_options_and_logs() {
    let (first, second) = (Recorder::answering(ok("1")), Recorder::answering(ok("2")));
    let log = Folder::new();
    let path = log.0.join("access.log");
    let more = second.address().to_string();
    let log_path = path.to_str().expect("temporary folders have plain names");
    let options = ["--to", &more, "--access-log", log_path, "--balance", "round_robin"];
    let evener = Evener::proxy(&[first.address()], &options);
    let mut client = evener.connect();
    let mut texts: Vec<String> = (0..2).map(|_| client.send(get("/")).response().text()).collect();
    texts.sort();
    assert_eq!(texts, ["1", "2"]);
    let lines = || std::fs::read_to_string(&path).unwrap_or_default().lines().count();
    eventually(PATIENCE, "two lines are logged", || lines() == 2);
    assert!(evener.process.stderr().starts_with(&format!("evener: listening on {}\n", evener.address())));
}

#[test]
fn wrong_options_end_with_code_2_and_a_way_out() {
    let check = |arguments: &[&str], parts: &[&str]| {
        let finished = evener(arguments);
        assert_eq!(finished.status.code(), Some(2), "{arguments:?}: {}", finished.stderr);
        for part in parts {
            assert!(finished.stderr.contains(part), "`{part}` is missing in:\n{}", finished.stderr);
        }
    };
    check(
        &["proxy", "--to", "127.0.0.1:1", "--balance", "randm"],
        &["'randm'", "--balance", "did you mean \"random\"?"],
    );
    check(&["proxy", "--to", "127.0.0.1"], &["--to", "has no port", "\"127.0.0.1:80\""]);
    check(&["proxy", "--to", "127.0.0.1:1", "--listen", "8080"], &["--listen", "\":8080\""]);
    check(&["proxy"], &["--to"]);
    check(&["prox"], &["'prox'", "'proxy'"]);
    check(&["-t", "proxy", "--to", "127.0.0.1:1"], &["evener: -t checks a config file"]);
    check(&[], &["Usage: evener"]);
}

#[test]
fn a_name_without_an_address_ends_the_proxy() {
    let finished = evener(&["proxy", "--to", "no-such-name.invalid:80", "--listen", &free_address().to_string()]);
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.starts_with("evener: cannot resolve `no-such-name.invalid`"), "{}", finished.stderr);
}

#[test]
fn check_has_many_spellings_and_one_answer() {
    let good = ConfigFile::new("[[site]]\nto = [\"127.0.0.1:1\"]\n");
    let bad = ConfigFile::new("[[site]]\nto = [\"127.0.0.1:1\"]\nlissten = \":80\"\n");
    for (config, code) in [(&good, 0), (&bad, 1)] {
        let path = config.path();
        let spellings: [&[&str]; 6] =
            [&["check", &path], &["-t", &path], &["-t", "run", &path], &["-t", "check", &path], &["check"], &["-t"]];
        for arguments in spellings {
            let finished = evener_in(&config.folder, arguments);
            assert_eq!(finished.status.code(), Some(code), "{arguments:?}: {}", finished.stderr);
            assert_eq!(finished.stdout.ends_with("evener.toml is good\n"), code == 0, "{}", finished.stdout);
            assert_eq!(finished.stderr.contains("^^^^^^^"), code == 1, "{}", finished.stderr);
        }
    }
}

#[test]
fn check_speaks_json() {
    let good = ConfigFile::new("[[site]]\nto = [\"127.0.0.1:1\"]\n");
    let finished = evener(&["check", "--format", "json", &good.path()]);
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    let report: serde_json::Value = serde_json::from_str(&finished.stdout).expect("it is JSON");
    assert_eq!(report["ok"], true);

    let bad = ConfigFile::new("[[site]]\nlissten = \":80\"\nto = [\"127.0.0.1\"]\n");
    let finished = evener(&["check", "--format", "json", &bad.path()]);
    assert_eq!((finished.status.code(), finished.stderr.as_str()), (Some(1), ""));
    let report: serde_json::Value = serde_json::from_str(&finished.stdout).expect("it is JSON");
    assert_eq!(report["ok"], false);
    let errors = report["errors"].as_array().expect("there is a list");
    let lines: Vec<_> = errors.iter().map(|error| error["line"].as_u64()).collect();
    assert_eq!(lines, [Some(2), Some(3)], "{report:#}");
    assert!(errors.iter().all(|error| error["file"] == bad.path().as_str()), "{report:#}");
    assert!(errors[0]["help"].as_str().is_some_and(|help| help.contains("listen")), "{report:#}");
}

/// Right in itself, but `run` would fail on this machine.
#[test]
fn check_and_run_agree_on_what_this_machine_cannot_do() {
    let site = |listen: &str| format!("[[site]]\nlisten = [{listen}]\nto = [\"127.0.0.1:1\"]\n");
    let port = free_address().port();
    let cases = [
        (site("\"192.0.2.1:8080\""), "192.0.2.1:8080"),
        (site(&format!("\"127.0.0.1:{port}\", \":{port}\"")), "listen"),
        (
            format!("[log]\naccess = \"/no/such/folder/a.log\"\n{}", site(&format!("\"127.0.0.1:{port}\""))),
            "/no/such/folder",
        ),
    ];
    for (config, part) in cases {
        let file = ConfigFile::new(&config);
        for command in ["check", "run"] {
            let finished = evener(&[command, &file.path()]);
            assert_eq!(finished.status.code(), Some(1), "{command}: {}", finished.stderr);
            assert!(finished.stderr.contains(part), "{command}: {}", finished.stderr);
        }
    }
}

/// What the machine has against a config is told beside what is wrong with the config itself.
#[test]
fn check_tells_every_error_at_once() {
    let text = "[log]\naccess = \"/no/such/folder/a.log\"\n[[site]]\nlisten = \"192.0.2.1:8443\"\nredirect_from = []\n\
                tls = { cert = \"nofile.pem\", key = \"nofile.key\" }\nto = \"nosuch\"\n[[tcp]]\nlisten = \":1\"\n\
                timeout = \"5s\"\n[upstream.api]\nservers = [\"127.0.0.1:1\"]\ntls = { ca = \"noca.pem\" }\n";
    let file = ConfigFile::new(text);
    let finished = evener_in(&file.folder, &["check"]);
    assert_eq!(finished.status.code(), Some(1));
    let parts = [
        "evener.toml:6:16",
        "nofile.pem: cannot be read",
        "evener.toml:6:36",
        "nofile.key: cannot be read",
        "evener.toml:7:6",
        "there is no upstream `nosuch`",
        "a [[tcp]] needs `to`",
        "unknown key `timeout` in [[tcp]]",
        "noca.pem: cannot be read",
        "the access log `/no/such/folder/a.log` cannot be opened",
        "this machine cannot listen on `192.0.2.1:8443`",
        "\n8 errors\n",
    ];
    for part in parts {
        assert!(finished.stderr.contains(part), "`{part}` is missing in:\n{}", finished.stderr);
    }
    // In the order of the file.
    let at = |part: &str| finished.stderr.find(part).expect("it is there");
    assert!(at("nofile.key") < at("nosuch") && at("nosuch") < at("noca.pem"), "{}", finished.stderr);
}

/// What stands for a key that could not be read is no ground for further findings.
#[test]
fn check_does_not_judge_what_it_could_not_read() {
    let config = "state_dri = \"/tmp\"\n[[site]]\nlissen = \":8443\"\nredirect_from = []\nhosts = [\"a.test\"]\ntls = \"auto\"\n\
                  respond = {}\n[[site]]\nlisten = \"127.0.0.1:443\"\ntls = { crt = \"a.pem\", kye = \"a.key\" }\nrespond = {}\n";
    let file = ConfigFile::new(config);
    let finished = evener_in(&file.folder, &["check"]);
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.ends_with("\n4 errors\n"), "{}", finished.stderr);
    assert_eq!(finished.stderr.matches("error[unknown-key]").count(), 4, "{}", finished.stderr);
}

#[test]
fn without_a_file_it_says_where_it_looked() {
    let empty = Folder::new();
    for arguments in [["run"], ["check"], ["-t"]] {
        let finished = evener_in(&empty, &arguments);
        assert_eq!(finished.status.code(), Some(1));
        assert!(finished.stderr.starts_with("evener: there is neither evener.toml"), "{}", finished.stderr);
    }
    let finished = evener(&["run", "/no/such.toml"]);
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains("`/no/such.toml`: No such file or directory"), "{}", finished.stderr);
}

#[test]
fn a_wrong_config_on_run_is_shown_with_a_caret() {
    let file = ConfigFile::new("[[site]]\nto = \"web\"\n");
    let finished = evener(&["run", &file.path()]);
    assert_eq!(finished.status.code(), Some(1));
    for part in ["evener.toml:2:6", "to = \"web\"", "^^^^^"] {
        assert!(finished.stderr.contains(part), "`{part}` is missing in:\n{}", finished.stderr);
    }
}

#[test]
fn the_documents_are_printed() {
    let schema = evener(&["schema"]);
    let parsed: serde_json::Value = serde_json::from_str(&schema.stdout).expect("it is JSON");
    assert!(parsed["properties"]["site"].is_object(), "{}", schema.stdout);

    let commands = ["run", "proxy", "demo", "check", "schema", "completions", "man"];
    for shell in ["bash", "zsh", "fish"] {
        let completions = evener(&["completions", shell]);
        assert!(completions.status.success());
        for part in commands.iter().chain(&["least_requests"]) {
            assert!(completions.stdout.contains(part), "{shell}: {part}");
        }
    }

    let man = evener(&["man"]);
    assert!(man.status.success());
    assert!(man.stdout.contains(".TH evener 1"), "{}", man.stdout);
    for command in commands {
        assert!(man.stdout.contains(&format!(".SS evener {command}\n")), "{command}:\n{}", man.stdout);
    }
}
