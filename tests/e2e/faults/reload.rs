//! Reloads under load, and reloads of configs that cannot be run.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::client::get;
use crate::harness::evener::Folder;
use crate::harness::ports::free_address;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

use super::traffic::{Traffic, expect_no_failure, expect_no_post_twice};
use super::{Trial, echo_server, executed_by, expect_next_client_served, upstream, with_log};

const RELOADS: usize = 20;

impl Trial {
    /// Has evener read this config and waits for what it says of it.
    #[track_caller]
    fn reload(&self, config: &str, said: &str) {
        let count = || self.evener.process.stderr().matches(said).count();
        let before = count();
        self.evener.rewrite_config(&with_log(config));
        self.evener.signal(Signal::HUP);
        eventually(PATIENCE, &format!("evener says {said:?}"), || count() > before);
    }
}

#[test]
fn reloads_under_load_fail_no_request_and_refuse_no_connection() {
    let servers = [echo_server(), echo_server(), echo_server()];
    let addresses: Vec<SocketAddr> = servers.iter().map(Recorder::address).collect();
    let held = Recorder::per_request(|_| vec![Step::Pause(Duration::from_secs(2)), Step::send(ok("held"))]);
    let route = format!("[[site.route]]\npath = \"/held\"\nto = \"{}\"\n", held.address());
    // Different servers, limits, routes, and a second listener that comes and goes.
    let extra = free_address();
    let configs = [
        upstream(&addresses[..1], ""),
        upstream(&addresses[1..], "idle_timeout = \"1s\"").replace("\"first\"", "\"round_robin\""),
        format!("limits = {{ fields = 64 }}\n{}", upstream(&addresses[2..], "")),
        format!("{}[[site]]\nlisten = \"{extra}\"\nrespond = {{ body = \"extra\" }}\n", upstream(&addresses, "")),
    ];
    let with_route = |config: &String| config.replacen("[upstream.web]", &format!("{route}[upstream.web]"), 1);
    let trial = Trial::start(&with_route(&configs[0]));
    // It begins on one config and ends on another.
    let mut in_flight = trial.evener.connect();
    in_flight.send(get("/held"));
    let traffic = Traffic::start(trial.evener.address(), 4);
    for number in 1..=RELOADS {
        let config = &configs[number % configs.len()];
        let config = if number % 3 == 0 { config.clone() } else { with_route(config) };
        traffic.wait_for(20);
        trial.reload(&config, "evener: reloaded");
        let has_extra = number % configs.len() == 3;
        assert_eq!(TcpStream::connect(extra).is_ok(), has_extra, "the second listener after reload {number}");
    }
    let outcomes = traffic.end();
    expect_no_failure(&outcomes);
    let executed: Vec<String> = servers.iter().flat_map(executed_by).collect();
    expect_no_post_twice(&outcomes, &executed);
    assert_eq!(in_flight.response().text(), "held");
    drop(in_flight);
    trial.end((servers, held)).expect_failures(&[]);
}

#[test]
fn a_reload_ends_neither_idle_nor_busy_connections_nor_tunnels() {
    let server = Recorder::scripted(|_| {
        let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        vec![Step::ReadHead, Step::send(switched), Step::ReadBytes(4), Step::send("pong"), Step::Hold]
    });
    let (old, new) = (Recorder::answering(ok("old")), Recorder::answering(ok("new")));
    let config = |target: &Recorder| {
        let route = format!("[[site.route]]\npath = \"/ws\"\nto = \"{}\"\n", server.address());
        upstream(&[target.address()], "").replacen("[upstream.web]", &format!("{route}[upstream.web]"), 1)
    };
    let trial = Trial::start(&config(&old));
    let mut idle = trial.evener.connect();
    assert_eq!(idle.send(get("/")).response().text(), "old");
    let mut tunnel = trial.evener.connect();
    tunnel.send("GET /ws HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(tunnel.response().status, 101);
    trial.reload(&config(&new), "evener: reloaded");
    assert_eq!(idle.send(get("/")).response().text(), "new");
    assert_eq!(tunnel.send("ping").bytes(4), b"pong");
    drop((idle, tunnel));
    trial.end((server, old, new)).expect_failures(&[]);
}

#[test]
fn a_config_that_cannot_be_run_changes_nothing_and_the_reason_is_said() {
    let server = echo_server();
    let good = upstream(&[server.address()], "");
    let trial = Trial::start(&good);
    let taken = TcpListener::bind(free_address()).expect("the registry's port is free");
    let taken_address = taken.local_addr().expect("a bound socket has an address");
    let (fresh, folder) = (free_address(), Folder::new());
    let missing = folder.0.join("nowhere.toml").display().to_string();
    let nothing_changed = "nothing was changed";
    let broken: [(String, &str); 7] = [
        ("[[site]\n".to_owned(), "evener.toml:"),
        (String::new(), "site"),
        (good.replace("to = \"web\"", "to = \"wbe\""), "wbe"),
        (good.replace("balance", "ballance"), "ballance"),
        (format!("include = \"{missing}\"\n{good}"), "nowhere.toml"),
        (good.replace(&server.address().to_string(), "no-such-host.invalid:80"), "no-such-host.invalid"),
        // Nothing stays bound of a config of which one address is taken.
        (
            format!("{good}[[site]]\nlisten = [\"{fresh}\", \"{taken_address}\"]\nrespond = {{ body = \"x\" }}\n"),
            "another program listens there",
        ),
    ];
    let traffic = Traffic::start(trial.evener.address(), 2);
    for (config, reason) in &broken {
        let before = trial.evener.process.stderr().len();
        trial.reload(config, nothing_changed);
        let said = trial.evener.process.stderr()[before..].to_owned();
        assert!(said.contains(reason), "{reason:?} in:\n{said}");
        assert!(TcpStream::connect(fresh).is_err(), "{reason}: something listens on {fresh}");
        expect_next_client_served(&trial.evener, "/still");
    }
    assert!(trial.evener.process.stderr().contains(&taken_address.to_string()));
    // The next good one is taken.
    drop(taken);
    trial.reload(&broken[6].0, "evener: reloaded");
    assert!(TcpStream::connect(fresh).is_ok() && TcpStream::connect(taken_address).is_ok());
    trial.reload(&good, "evener: reloaded");
    expect_no_failure(&traffic.end());
    trial.end(server).expect_failures(&[]);
}
