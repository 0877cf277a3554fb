//! What the bench reads and decides, on fixed inputs. Nothing is started here.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use super::front::Front;
use super::load::{h2load, own, wrk};
use super::measure::{Row, Table};
use super::metric::Metric;
use super::options::{self, Command, Guard};
use super::proxy::Proxy;
use super::scenario::{Kind, Scenario};
use super::{cage, client, host, instructions, load, process, proof, quiet, report, statistics};

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn compared(line: &str) -> options::Options {
    match options::parse(&words(line)) {
        Ok(Command::Compare(options)) => options,
        other => panic!("`{line}` gave {other:?}"),
    }
}

#[test]
fn options_have_defaults_and_can_be_set() {
    let plain = compared("");
    assert_eq!(plain.proxies, Proxy::QUICK);
    assert_eq!(plain.scenarios, Scenario::ALL);
    assert_eq!((plain.rounds, plain.seconds, plain.quota_percent, plain.save), (9, 2, 50, false));

    let set = compared("--scenario 10k,idle --proxies caddy --rounds 3 --seconds 7 --quota 25 --save");
    assert_eq!(set.proxies, [Proxy::Caddy]);
    assert_eq!(set.scenarios, [Scenario::TenKilobytes, Scenario::Idle]);
    assert_eq!((set.rounds, set.seconds, set.quota_percent, set.save), (3, 7, 25, true));
    assert_eq!(compared("--all").proxies, Proxy::ALL);
    let quick = compared("--quick");
    assert_eq!((quick.rounds, quick.seconds), (3, 1));
}

#[test]
fn scenarios_come_alone_or_in_groups() {
    assert_eq!(
        compared("--scenario tls-1m,tcp").scenarios,
        [Scenario::TlsMegabyte, Scenario::TcpPingPong, Scenario::TcpMegabyte]
    );
    let grouped = compared("--scenario http1,tls,h2,tcp").scenarios;
    assert_eq!(grouped, Scenario::ALL);
    for scenario in Scenario::ALL {
        assert_eq!(Scenario::parse(scenario.name()), Ok(vec![scenario]));
    }
}

#[test]
fn the_peers_of_the_bars_have_a_config_for_each_scenario() {
    let folder = crate::command::workspace_root().join("bench/configs");
    for scenario in Scenario::ALL {
        for proxy in Proxy::QUICK {
            let templates = proxy.templates(scenario.front());
            assert!(!templates.is_empty(), "{} {}", proxy.name(), scenario.name());
            for template in templates {
                let text = std::fs::read_to_string(folder.join(template)).unwrap();
                assert!(text.contains("@PORT@") && text.contains("@BACKEND3@"), "{template}");
                assert_eq!(text.contains("@DIR@/") && text.contains(".pem"), scenario.front() == Front::Https);
            }
        }
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for line in ["--scenario 11k", "--proxies apache", "--rounds 0", "--rounds x", "--rounds", "--qick", "--quota 101"]
    {
        assert!(options::parse(&words(line)).is_err(), "{line}");
    }
}

#[test]
fn subcommands_are_found() {
    assert_eq!(options::parse(&words("instructions")), Ok(Command::Instructions(Guard::Compare)));
    assert_eq!(options::parse(&words("instructions --bless")), Ok(Command::Instructions(Guard::Bless)));
    assert!(options::parse(&words("instructions --blss")).is_err());
    assert_eq!(options::parse(&words("--help")), Ok(Command::Help));
    assert_eq!(options::parse(&words("echo 4001 4002")), Ok(Command::Echo(vec![4001, 4002])));
    assert!(options::parse(&words("echo 0")).is_err());
    let Ok(Command::Profile(profile)) = options::parse(&words("profile --scenario 1m")) else { panic!("no profile") };
    assert_eq!((profile.proxies, profile.scenarios), (vec![Proxy::Evener], vec![Scenario::Megabyte]));
}

const WRK: &str = "\
Running 4s test @ http://127.0.0.1:40001/128
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.29ms    1.00ms  12.00ms   88.00%
    Req/Sec    58.10k     1.20k   60.00k    75.00%
  Latency Distribution
     50%  870.00us
     75%    1.90ms
     90%    2.20ms
     99%    1.05s
  232123 requests in 4.02s, 70.00MB read
Requests/sec:  57742.04
Transfer/sec:     17.41MB
";

#[test]
fn wrk_is_read() {
    let seen = wrk::read(WRK).unwrap();
    assert_eq!((seen.requests, seen.per_second), (232_123.0, 57_742.04));
    assert_eq!((seen.p50_us, seen.p99_us), (Some(870.0), Some(1_050_000.0)));
    assert!(seen.errors.is_empty());
}

#[test]
fn errors_of_wrk_are_noticed() {
    let socket = format!("{WRK}  Socket errors: connect 0, read 3, write 0, timeout 0\n");
    assert_eq!(wrk::read(&socket).unwrap().errors.len(), 1);
    let status = format!("{WRK}  Non-2xx or 3xx responses: 5\n");
    assert_eq!(wrk::read(&status).unwrap().errors, ["Non-2xx or 3xx responses: 5"]);
    for nothing in [
        "  0 requests in 4.02s, 0.00B read\nRequests/sec:      0.00\n",
        "unable to connect to 127.0.0.1:1 Connection refused\n",
    ] {
        assert!(wrk::read(nothing).unwrap().not_empty("wrk").is_err(), "{nothing}");
    }
}

const H2LOAD: &str = "\
starting benchmark...
spawning thread #0: 32 total client(s). Timing-based test with 0s of warm-up time and 2s of main duration for measurements.
Warm-up started for thread #0.
TLS Protocol: TLSv1.3
Cipher: TLS_AES_128_GCM_SHA256
Server Temp Key: X25519 253 bits
Application protocol: h2
Main benchmark duration is over for thread #0. Stopping all clients.

finished in 2.00s, 23850.50 req/s, 4.30MB/s
requests: 47701 total, 48021 started, 47701 done, 47701 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 47701 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 8.60MB (9016489) total, 1.23MB (1288000) headers (space savings 85.00%), 5.82MB (6105728) data
                     min         max         mean         sd        +/- sd
time for request:      912us     34.30ms     13.40ms      3.10ms    70.10%
";

#[test]
fn h2load_is_read() {
    let seen = h2load::read(H2LOAD).unwrap();
    assert_eq!((seen.requests, seen.per_second), (47_701.0, 23_850.5));
    assert_eq!((seen.p50_us, seen.errors.len()), (None, 0));
}

#[test]
fn errors_of_h2load_are_noticed() {
    let changed = [
        ("Application protocol: h2", "Application protocol: http/1.1"),
        ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"),
        ("TLSv1.3", "TLSv1.2"),
        ("0 5xx", "3 5xx"),
        ("0 errored", "3 errored"),
        ("0 failed", "3 failed"),
    ];
    for (right, wrong) in changed {
        assert_eq!(h2load::read(&H2LOAD.replace(right, wrong)).unwrap().errors.len(), 1, "{wrong}");
    }
    assert!(h2load::read("finished in 2.00s, many req/s\n").is_err());
}

#[test]
fn the_own_load_generator_tells_what_it_saw() {
    let seen = load::Seen {
        requests: 12.0,
        per_second: 6.5,
        p50_us: Some(80.25),
        p99_us: None,
        errors: vec!["connecting: refused".to_owned()],
    };
    assert_eq!(own::read(&format!("{}\n", own::write(&seen))), Ok(seen));
    assert!(own::read("").is_err());
    assert!(own::read("{\"requests\": 1}").is_err());
}

#[test]
fn tables_hold_what_their_load_tells() {
    for scenario in Scenario::ALL {
        let tells_percentiles = match scenario.kind() {
            Kind::Traffic(load) => !matches!(load.ask, load::Ask::H2 { .. }),
            Kind::IdleConnections(_) | Kind::FreshStart => false,
        };
        assert_eq!(scenario.metrics().contains(&Metric::P99), tells_percentiles, "{}", scenario.name());
        for bar in scenario.bars() {
            assert!(scenario.metrics().contains(&bar.metric), "{}", scenario.name());
            assert!(bar.aim.is_none_or(|aim| aim <= bar.limit), "{}", scenario.name());
        }
    }
}

#[test]
fn stat_lines_are_read_even_with_odd_names() {
    let line = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 2 3 4 150 250 5 6 20 0 1 0 99";
    let status = process::parse_stat(line).unwrap();
    assert_eq!((status.id, status.parent), (42, 7));
    assert_eq!((status.user_ticks, status.system_ticks), (150.0, 250.0));
    assert_eq!(process::parse_stat("42 (short) S 7"), None);
}

#[test]
fn user_nice_and_stolen_time_is_everyones() {
    assert_eq!(quiet::everyone_ticks("cpu  100 20 3000 40000 5 6 7 800 9 9\ncpu0 1 1 1 1\n"), 920.0);
    assert_eq!(quiet::everyone_ticks("cpu  100 20 3000 40000\n"), 120.0);
    assert_eq!(quiet::everyone_ticks(""), 0.0);
}

#[test]
fn a_tree_holds_children_and_grandchildren_only() {
    let status = |id, parent| process::Status { id, parent, user_ticks: 0.0, system_ticks: 0.0 };
    let all = vec![status(1, 0), status(10, 1), status(11, 10), status(12, 11), status(20, 1), status(21, 20)];
    let ids: Vec<u32> = process::descendants(10, all).iter().map(|status| status.id).collect();
    assert_eq!(ids, [10, 11, 12]);
}

#[test]
fn the_hierarchy_with_the_cpu_controller_is_found() {
    let none = |_: &Path| PathBuf::from("/nonexistent");
    let one = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
               cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0\n\
               cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0\n\
               cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
    let found = format!("{:?}", cage::find(one, none));
    assert!(found.contains("One") && found.contains("cpu,cpuacct"), "{found}");

    let two = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
    assert_eq!(cage::find(two, none), None);
    let folder = std::env::temp_dir().join(format!("evener-bench-controllers-{}", std::process::id()));
    std::fs::write(&folder, "cpuset cpu io memory\n").unwrap();
    let found = format!("{:?}", cage::find(two, |_| folder.clone()));
    std::fs::remove_file(&folder).unwrap();
    assert!(found.contains("Two"), "{found}");
}

#[test]
fn responses_are_read_whole() {
    let body = |text: &str| client::read_response(&mut Cursor::new(text.to_owned()));
    let good = "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-LENGTH: 5\r\n\r\nhello";
    assert_eq!(body(good).unwrap(), b"hello");
    assert!(body("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello").is_err());
    assert!(body("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").is_err());
    assert!(body("HTTP/1.1 200 OK\r\n\r\n").is_err());
    assert!(body("HTTP/1.1 200 OK\r\nContent-Le").is_err());
}

/// 30 answers of three servers in turn, changed by `edit`.
fn judged(edit: impl Fn(usize, &mut String)) -> Result<(), String> {
    let answers = (0..30).map(|number: usize| {
        let port = 9001 + number % 3;
        let mut answer = format!("{port} {port}7 127.0.0.1");
        edit(number, &mut answer);
        answer
    });
    proof::judge(&answers.collect::<Vec<_>>(), &[9001, 9002, 9003])
}

#[test]
fn a_proxy_must_balance_keep_connections_and_name_the_client() {
    assert_eq!(judged(|_, _| {}), Ok(()));
    let one_server = judged(|_, answer| *answer = "9001 5 127.0.0.1".to_owned());
    assert!(one_server.unwrap_err().contains("port 9002"));
    let no_address = judged(|number, answer| {
        if number == 29 {
            *answer = "9003 5".to_owned()
        }
    });
    assert!(no_address.unwrap_err().contains("X-Forwarded-For"));
    let closing = judged(|number, answer| *answer = format!("{} {number} 127.0.0.1", 9001 + number % 3));
    assert!(closing.unwrap_err().contains("not kept"));
}

#[test]
fn medians_are_in_the_middle() {
    assert_eq!(statistics::spread([]), None);
    let spread = statistics::spread([3.0, 1.0, 2.0, 10.0]).unwrap();
    assert_eq!((spread.least, spread.median, spread.most), (1.0, 2.5, 10.0));
    assert_eq!(statistics::spread([5.0, 1.0, 2.0]).unwrap().median, 2.0);
}

#[test]
fn versions_are_found() {
    let check = |text: &str, expected: Option<&str>| assert_eq!(host::version_in(text).as_deref(), expected, "{text}");
    check("nginx version: nginx/1.22.1", Some("1.22.1"));
    check("HAProxy version 2.8.25-5cf5d0683 2026/06/26 - https://haproxy.org/", Some("2.8.25"));
    check("envoy  version: 9e5580933739/1.40.0/Clean/RELEASE/BoringSSL", Some("1.40.0"));
    check("v2.11.7 h1:yj0Y4fYZGPk", Some("2.11.7"));
    check("Version:      3.7.15\nCodename:     langres", Some("3.7.15"));
    check("no version", None);
}

fn table(scenario: Scenario, cpu: &[(Proxy, &[f64])]) -> Table {
    let rows = cpu.iter().map(|(proxy, values)| Row {
        proxy: *proxy,
        samples: values
            .iter()
            .map(|value| vec![(Metric::Cpu, *value), (Metric::User, value / 4.0)])
            .enumerate()
            .collect(),
        rejected: Vec::new(),
    });
    Table { scenario, rows: rows.collect() }
}

#[test]
fn ratios_are_made_within_rounds() {
    // The machine was twice as slow in the second round and evener alone in the third.
    let table = table(
        Scenario::Small,
        &[
            (Proxy::Evener, &[8.0, 16.0, 100.0]),
            (Proxy::Nginx, &[10.0, 20.0, 10.0]),
            (Proxy::Haproxy, &[12.5, 25.0]),
            (Proxy::Caddy, &[5.0, 10.0, 5.0]),
        ],
    );
    let best = |proxy, peers| table.ratio_to_best(proxy, peers, Metric::Cpu);
    assert_eq!(best(Proxy::Evener, &Proxy::STANDARD), Some(0.8));
    assert_eq!(best(Proxy::Evener, &Proxy::ALL[1..]), Some(1.6));
    assert_eq!(best(Proxy::Envoy, &Proxy::STANDARD), None);
    let [total, user] = Scenario::Small.bars()[..] else { panic!("two bars") };
    assert_eq!(report::passes(&table, &total), Some(true));
    assert_eq!(report::passes(&table, &user), Some(false));
    let text = report::scenario(&table);
    assert!(text.contains("| evener | 16.00 (8.00..100) |"), "{text}");
    assert!(text.contains("0.80 **pass**") && text.contains("0.80 **MISSED**"), "{text}");
}

#[test]
fn what_was_not_measured_neither_passes_nor_fails() {
    let table = table(Scenario::Connect, &[(Proxy::Evener, &[]), (Proxy::Nginx, &[10.0])]);
    assert_eq!(report::passes(&table, &Scenario::Connect.bars()[0]), None);
    assert!(report::scenario(&table).contains("not measured"));
}

#[test]
fn callgrind_and_cargo_are_read() {
    assert_eq!(instructions::summary("events: Ir\nfn=(1)\n1 2\nsummary: 123456\n"), Some(123_456));
    assert_eq!(instructions::summary("events: Ir\ntotals: 77\n"), Some(77));
    assert_eq!(instructions::summary("events: Ir\n"), None);
    let messages = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"evener_http\"},\"executable\":null}\n\
                    {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"instructions\"},\"executable\":\"/t/i\"}\n";
    assert_eq!(instructions::executable(messages), Some(PathBuf::from("/t/i")));
    assert_eq!(instructions::executable("not json\n"), None);
}

#[test]
fn cases_are_named_before_a_colon() {
    let said = "small_request: 1000 iterations\nresponse: 1000 iterations\nthe end\n";
    assert_eq!(instructions::case_names(said), ["small_request", "response"]);
    assert!(instructions::case_names("").is_empty());
}

#[test]
fn counts_are_guarded_in_both_directions() {
    let counts = |pairs: &[(&str, u64)]| -> BTreeMap<String, u64> {
        pairs.iter().map(|(case, count)| ((*case).to_owned(), *count)).collect()
    };
    let expected = counts(&[("head", 1000), ("chunk", 200)]);
    assert!(instructions::compare(&expected, &counts(&[("head", 1050), ("chunk", 190)])).is_empty());
    for wrong in [&[("head", 1051), ("chunk", 200)][..], &[("head", 949), ("chunk", 200)], &[("head", 1000)]] {
        assert_eq!(instructions::compare(&expected, &counts(wrong)).len(), 1, "{wrong:?}");
    }
    let added = counts(&[("head", 1000), ("chunk", 200), ("new", 1)]);
    assert_eq!(instructions::compare(&expected, &added).len(), 1);

    let text = "{\"x86_64\": {\"head\": 1000, \"chunk\": 200}}";
    assert_eq!(instructions::expected(text, "x86_64"), Ok(Some(expected)));
    assert_eq!(instructions::expected(text, "aarch64"), Ok(None));
    assert!(instructions::expected("{\"x86_64\": {\"head\": \"many\"}}", "x86_64").is_err());
}
