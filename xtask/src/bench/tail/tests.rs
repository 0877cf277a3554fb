//! What `bench tail` decides and computes, on fixed inputs, and the scripted servers with their load
//! on real sockets without a proxy between them.

use std::time::{Duration, Instant};

use super::contestant::{self, Kind};
use super::desk::{Answer, Desk, Due, Outcome, Ticket};
use super::figures::{self, percentile};
use super::load::{End, Fate, Finished};
use super::measure::{Row, Table, batches};
use super::options::{self, Options};
use super::plan::{self, Arrival, DEMAND_MEAN_S, Stretch};
use super::plot::{self, canvas::Canvas, lines::Axis};
use super::report;
use super::run::{Record, Stage};
use super::script::{Change, Event, Role, SERVERS, Scenario, Script};
use super::wire::{self, Response};

const SECOND: Duration = Duration::from_secs(1);
const MS: u64 = 1_000_000;

fn options(line: &str) -> Options {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    match options::parse(&words) {
        Ok(Some(options)) => options,
        other => panic!("`{line}` gave {other:?}"),
    }
}

#[test]
fn options_have_defaults_and_can_be_set() {
    let plain = options("");
    assert_eq!(plain.scenarios, Scenario::ALL);
    assert!(plain.contestants.iter().all(|contestant| contestant.kind != Kind::Policy));
    assert_eq!((plain.seeds, plain.seconds, plain.rate, plain.noisy), (5, 15, None, false));

    let set = options(
        "--policies --scenario mixed,half --proxies evener,haproxy:armed,evener:random --seeds 2 --seconds 8 --rate 900 --plots",
    );
    assert_eq!(set.scenarios, [Scenario::Mixed, Scenario::Half]);
    assert_eq!(set.contestants[..2].iter().map(|one| one.name).collect::<Vec<_>>(), ["evener", "haproxy:armed"]);
    assert!(set.contestants[2..].iter().all(|contestant| contestant.kind == Kind::Policy));
    assert_eq!(set.contestants.iter().filter(|contestant| contestant.name == "evener:random").count(), 1);
    assert_eq!((set.seeds, set.seconds, set.rate, set.plots), (2, 8, Some(900.0), true));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for line in ["--scenario sick", "--proxies apache", "--seeds 0", "--seconds 3", "--rate x", "--rate", "--fast"] {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        assert!(options::parse(&words).is_err(), "{line}");
    }
    assert_eq!(options::parse(&["--help".to_owned()]), Ok(None));
}

#[test]
fn every_contestant_is_found_by_its_name_and_has_its_files() {
    for contestant in &contestant::ALL {
        assert_eq!(contestant::parse(contestant.name), Ok(contestant));
        for template in contestant.templates() {
            let path = crate::command::workspace_root().join("bench/configs/tail").join(template);
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains("@SERVER@") || text.contains("@DIR@"), "{template} names no server");
        }
    }
}

#[test]
fn lines_that_name_a_server_are_repeated() {
    let text = "listen @@\n  server s@INDEX@ 127.0.0.1:@SERVER@\nend\n";
    let filled = "listen @@\n  server s1 127.0.0.1:81\n  server s2 127.0.0.1:82\nend\n";
    assert_eq!(contestant::for_each_server(text, &[81, 82]), filled);
}

fn arrivals(seed: u64) -> Vec<Arrival> {
    plan::arrivals(seed, &[Stretch { rate: 1200.0, span: 2 * SECOND }, Stretch { rate: 3000.0, span: 30 * SECOND }])
}

#[test]
fn a_plan_follows_from_its_seed_and_keeps_its_rates() {
    let plan = arrivals(7);
    assert_eq!(plan, arrivals(7));
    assert_ne!(plan, arrivals(8));
    assert!(plan.is_sorted_by_key(|arrival| arrival.at_ns));
    let warm_up = plan.iter().filter(|arrival| arrival.at_ns < 2000 * MS).count();
    assert_eq!((warm_up, plan.len()), (2400, 2400 + 90_000));
}

#[test]
fn a_plan_comes_in_bursts() {
    let plan = plan::arrivals(3, &[Stretch { rate: 1000.0, span: 100 * SECOND }]);
    let mut counts = vec![0_u32; 2000];
    for arrival in &plan {
        counts[usize::try_from(arrival.at_ns / (50 * MS)).unwrap().min(1999)] += 1;
    }
    // 50 in each on average. Chance alone would make its variance 50 as well.
    let variance = counts.iter().map(|count| (f64::from(*count) - 50.0).powi(2)).sum::<f64>() / 2000.0;
    assert!(variance > 80.0, "{variance}");
}

#[test]
fn demands_have_the_mean_and_the_tail_that_capacity_is_computed_from() {
    let plan = plan::arrivals(1, &[Stretch { rate: 10_000.0, span: 100 * SECOND }]);
    #[expect(clippy::cast_precision_loss, reason = "the test's numbers are small")]
    let mean_s = plan.iter().map(|arrival| arrival.demand_ns as f64 / 1e9).sum::<f64>() / plan.len() as f64;
    assert!((mean_s / DEMAND_MEAN_S - 1.0).abs() < 0.01, "{mean_s}");
    assert!(plan.iter().all(|arrival| arrival.demand_ns >= 500_000));
    let long = plan.iter().filter(|arrival| arrival.demand_ns > 100 * MS).count();
    // 0.5 % × e^-0.995 + 9.5 % × e^-4.975
    assert!((2300..2750).contains(&long), "{long} of a million");
}

#[test]
fn scripts_have_ten_servers_and_stay_inside_the_run() {
    let span = 15 * SECOND;
    for scenario in Scenario::ALL {
        let Script { roles, events } = scenario.script(span);
        assert_eq!(roles.len(), SERVERS as usize, "{}", scenario.name());
        assert!(events.is_sorted_by_key(|event| event.after), "{}", scenario.name());
        assert!(events.iter().all(|event| event.server < roles.len() && event.after < span), "{}", scenario.name());
        let killed = events.iter().filter(|event| event.change == Change::Kill).count();
        assert_eq!(events.iter().filter(|event| event.change == Change::Open).count(), killed, "{}", scenario.name());
        assert_eq!(Scenario::parse(scenario.name()), Ok(scenario));
    }
}

#[test]
fn mixed_kills_one_for_a_sixth_and_freezes_another() {
    let Script { roles, events } = Scenario::Mixed.script(12 * SECOND);
    let classes = |class: &str| roles.iter().filter(|role| role.class == class).count();
    assert_eq!((classes("half"), classes("double")), (3, 3));
    let when = |change: Change| events.iter().find(|event| event.change == change).unwrap();
    let (killed, back) = (when(Change::Kill), when(Change::Open));
    assert_eq!((back.after - killed.after, killed.server), (2 * SECOND, back.server));
    assert_ne!(when(Change::Freeze(SECOND)).server, killed.server);
}

#[test]
fn overload_is_more_than_the_servers_can_do_and_nothing_else_is() {
    for scenario in Scenario::ALL {
        let excess = scenario.excess(scenario.rate());
        assert_eq!(excess > 0.0, scenario == Scenario::Overload, "{}: {excess}", scenario.name());
    }
    let excess = Scenario::Overload.excess(4000.0);
    assert!((excess - 923.1 / 5200.0).abs() < 0.001, "{excess}");
}

fn ticket(connection: u64) -> Ticket {
    Ticket { connection, number: 1 }
}

fn done(at_ms: u64, connection: u64) -> Due {
    Due { at_ns: at_ms * MS, ticket: ticket(connection), answer: Answer::Done }
}

#[test]
fn a_server_works_on_two_and_lets_the_others_wait_in_order() {
    let mut desk = Desk::new(2, 1.0);
    assert_eq!(desk.arrive(ticket(1), 10 * MS, 0.5, 0), Some(done(10, 1)));
    assert_eq!(desk.arrive(ticket(2), 30 * MS, 0.5, 0), Some(done(30, 2)));
    assert_eq!(desk.arrive(ticket(3), 5 * MS, 0.5, MS), None);
    assert_eq!(desk.arrive(ticket(4), 5 * MS, 0.5, MS), None);
    desk.forget(3);
    assert_eq!(desk.come(done(10, 1), 10 * MS), Outcome::Send(Answer::Done));
    assert_eq!(desk.next(10 * MS), Some(done(15, 4)));
    assert_eq!(desk.next(10 * MS), None);
}

#[test]
fn speed_counts_for_what_begins_after_it() {
    let mut desk = Desk::new(2, 2.0);
    assert_eq!(desk.arrive(ticket(1), 10 * MS, 0.5, 0), Some(done(5, 1)));
    desk.change(Change::Speed(0.1), 0);
    assert_eq!(desk.arrive(ticket(2), 10 * MS, 0.5, 0), Some(done(100, 2)));
}

#[test]
fn a_failing_share_fails_at_once_without_a_worker() {
    let mut desk = Desk::new(1, 1.0);
    desk.change(Change::Fail(0.3), 0);
    let failed = desk.arrive(ticket(1), 10 * MS, 0.29, 0).unwrap();
    assert_eq!((failed.at_ns, failed.answer), (300_000, Answer::Failed));
    assert_eq!(desk.come(failed, failed.at_ns), Outcome::Send(Answer::Failed));
    assert_eq!(desk.arrive(ticket(2), 10 * MS, 0.3, 0), Some(done(10, 2)));
}

#[test]
fn a_frozen_server_goes_on_where_it_was() {
    let mut desk = Desk::new(2, 1.0);
    let first = desk.arrive(ticket(1), 10 * MS, 0.5, 0).unwrap();
    desk.change(Change::Freeze(SECOND), 4 * MS);
    assert_eq!(desk.arrive(ticket(2), 10 * MS, 0.5, 5 * MS), None, "nothing begins while it stands still");
    assert_eq!(desk.come(first, 10 * MS), Outcome::Later(done(1010, 1)));
    assert_eq!(desk.frozen_until_ns(), 1004 * MS);
    assert_eq!(desk.next(1004 * MS), Some(done(1014, 2)));
    assert_eq!(desk.come(done(1010, 1), 1010 * MS), Outcome::Send(Answer::Done));
}

#[test]
fn a_killed_server_forgets_everything() {
    let mut desk = Desk::new(1, 1.0);
    let due = desk.arrive(ticket(1), 10 * MS, 0.5, 0).unwrap();
    assert_eq!(desk.arrive(ticket(2), 10 * MS, 0.5, 0), None);
    desk.change(Change::Kill, MS);
    assert_eq!(desk.come(due, 10 * MS), Outcome::Nothing);
    assert_eq!(desk.next(10 * MS), None);
}

#[test]
fn responses_are_found_however_they_are_framed() {
    let check = |text: &str, ended: bool, expected: Response| {
        assert_eq!(wire::response(text.as_bytes(), ended), expected, "{text}");
    };
    let whole = |status, length, keeps| Response::Whole { status, length, keeps };
    check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", false, whole(200, 41, true));
    check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", false, Response::Part);
    check("HTTP/1.1 200 OK\r\nContent-Le", false, Response::Part);
    check("HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false, whole(503, 57, false));
    check("HTTP/1.1 502 No\r\n\r\n<html>", false, Response::Part);
    check("HTTP/1.1 502 No\r\n\r\n<html>", true, whole(502, 25, false));
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", false, whole(200, 60, true));
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", false, Response::Part);
    check("ICY 200 OK\r\n\r\n", false, Response::Garbage);
}

#[test]
fn requests_carry_their_demand_whatever_case_a_proxy_writes() {
    let text = b"GET /work HTTP/1.1\r\nhost: x\r\nx-demand: 1500000\r\n\r\nGET";
    assert_eq!(wire::request(text), Some((text.len() - 3, 1_500_000)));
    assert_eq!(wire::request(b"GET / HTTP/1.1\r\n"), None);
}

#[test]
fn percentiles_are_values_that_occurred() {
    let values: Vec<u64> = (1..=1000).collect();
    assert_eq!((percentile(&values, 50.0), percentile(&values, 99.9), percentile(&values, 100.0)), (500, 999, 1000));
    assert_eq!((percentile(&[7], 1.0), percentile(&[], 50.0)), (7, 0));
}

const ROLES: [Role; 2] = [Role { class: "well", speed: 1.0 }, Role { class: "sick", speed: 1.0 }];

/// A record of requests that were sent every 10 ms, the first at 0.
fn record(ends: &[(End, u64)], servers: Vec<Vec<u64>>) -> Record {
    let plan: Vec<Arrival> =
        (0..ends.len() as u64).map(|number| Arrival { at_ns: number * 10 * MS, demand_ns: 5 * MS }).collect();
    let fates = ends.iter().map(|(end, ms)| Fate { end: *end, latency_ns: ms * MS }).collect();
    Record { clients: Finished { late_ns: vec![20_000; ends.len()], plan, fates, crowded: 0 }, servers }
}

#[test]
fn figures_count_errors_as_misses_and_keep_quick_failures_out_of_the_percentiles() {
    let ends = [
        (End::Answered(200), 900),
        (End::Answered(200), 5),
        (End::Answered(404), 7),
        (End::Answered(500), 1),
        (End::Answered(200), 101),
        (End::Broken, 2),
        (End::TimedOut, 5000),
    ];
    let times = vec![vec![0, 10 * MS, 20 * MS, 30 * MS], vec![40 * MS, 90 * MS]];
    // The first is the warm-up.
    let figures = figures::figures(&record(&ends, times), &ROLES, Duration::from_millis(10), 12.5).unwrap();
    let sixth = 100.0 / 6.0;
    assert_eq!(figures.requests, 6);
    assert!((figures.errors() - 3.0 * sixth).abs() < 1e-9 && (figures.statuses - sixth).abs() < 1e-9);
    assert!((figures.missed - 4.0 * sixth).abs() < 1e-9, "{}", figures.missed);
    assert!((figures.latency_ms(50.0) - 7.0).abs() < 1e-9 && (figures.latency_ms(100.0) - 5000.0).abs() < 1e-9);
    assert_eq!(figures.shares, [("well", 75.0), ("sick", 25.0)]);
    assert!((figures.amplification - 4.0 / 6.0).abs() < 1e-9);
    assert_eq!(figures.timeline, [(6, 4)]);
    // Of the answers, those in 101 and in 5000 ms come after 100 ms, and errors never come.
    let after_100_ms = figures::THRESHOLDS_MS.iter().position(|limit| (*limit - 100.0).abs() < 1e-9).unwrap();
    assert!((figures.unserved[after_100_ms] - 4.0 * sixth).abs() < 1e-9);
}

#[test]
fn a_proxy_that_does_not_work_is_not_measured() {
    let warm_up = Duration::from_millis(40);
    let check = |ends: &[(End, u64)], servers: Vec<Vec<u64>>| figures::judge_warm_up(&record(ends, servers), warm_up);
    let good = [(End::Answered(200), 5); 6];
    assert_eq!(check(&good, vec![vec![1], vec![2]]), Ok(()));
    assert!(check(&good, vec![vec![1], vec![]]).is_err_and(|reason| reason.contains("server 1")));
    let mut bad = good;
    bad[3] = (End::Answered(502), 1);
    assert!(check(&bad, vec![vec![1], vec![2]]).is_err_and(|reason| reason.contains("502")));
    let mut starting = good;
    starting[0] = (End::Answered(503), 1);
    assert_eq!(check(&starting, vec![vec![1], vec![2]]), Ok(()), "only its second half is judged");
}

#[test]
fn batches_are_packed_by_weight() {
    let weights = [1, 2, 2, 1, 1, 1, 1];
    let packed = batches(&[0, 1, 2, 3, 4, 5, 6], |place| weights[place], 3);
    assert_eq!(packed, [vec![1, 0], vec![2, 3], vec![4, 5, 6]]);
    assert_eq!(batches(&[1, 0], |place| weights[place], 1), [vec![1], vec![0]]);
}

/// A table of two contestants with two runs each.
fn table() -> Table {
    let run = |late: u64| {
        let ends =
            [(End::Answered(200), 4), (End::Answered(200), late), (End::Answered(500), 1), (End::Answered(200), 8)];
        let figures = figures::figures(&record(&ends, vec![vec![0], vec![MS]]), &ROLES, Duration::ZERO, 10.0);
        figures.unwrap()
    };
    let row = |name: &str, late: u64| Row {
        contestant: contestant::parse(name).unwrap(),
        runs: vec![(1, run(late)), (2, run(200))],
        rejected: vec!["the load was 3.0 ms late at p99.9".to_owned()],
        has_given_up: false,
    };
    Table { scenario: Scenario::Mixed, rate: 1200.0, rows: vec![row("evener", 50), row("evener:random", 300)] }
}

#[test]
fn tables_show_medians_ranges_and_rejections() {
    let text = report::scenario(&table());
    assert!(text.contains("| evener | 37.50 (25.00..50.00) | 25.00 |"), "{text}");
    assert!(text.contains("well 50.0, sick 50.0"), "{text}");
    assert!(text.contains("- evener: 1 runs rejected, the last because the load was 3.0 ms late"), "{text}");
}

#[test]
fn pictures_show_what_was_measured() {
    let pictures = plot::pictures(&table(), 15);
    let names: Vec<&str> = pictures.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["tail-mixed-policies.svg", "tail-mixed-policies-time.svg"]);
    for (name, picture) in &pictures {
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{name}");
        assert!(picture.contains(">evener:random</text>") && !picture.contains("NaN"), "{name}: {picture}");
    }
}

#[test]
fn axes_place_values_between_their_ends() {
    let (linear, logarithmic) = (Axis::linear("", 0.0, 50.0), Axis::logarithmic("", 0.1, 10.0));
    assert!((linear.place(25.0) - 0.5).abs() < 1e-9 && (logarithmic.place(1.0) - 0.5).abs() < 1e-9);
    assert!((linear.place(99.0) - 1.0).abs() < 1e-9 && logarithmic.place(0.0).abs() < 1e-9);
    assert_eq!(linear.ticks(), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
    assert_eq!(logarithmic.ticks(), [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]);
}

#[test]
fn texts_cannot_break_a_picture() {
    let mut canvas = Canvas::new(10.0, 10.0);
    canvas.text((0.0, 0.0), plot::canvas::Anchor::Start, "", "a < b & c");
    assert!(canvas.finish().contains(">a &lt; b &amp; c<"));
}

/// Plays a plan straight against one scripted server, without a proxy.
fn played(events: Vec<Event>, plan: Vec<Arrival>) -> Record {
    let script = Script { roles: vec![Role { class: "only", speed: 1.0 }], events };
    let stage = Stage::open(script, 1, Duration::ZERO).unwrap();
    let [port] = stage.ports()[..] else { panic!("one server has one port") };
    stage.play(Instant::now(), port, plan).unwrap()
}

fn every(step_ms: u64, count: u64, demand_ms: u64) -> Vec<Arrival> {
    (0..count).map(|number| Arrival { at_ns: (5 + number * step_ms) * MS, demand_ns: demand_ms * MS }).collect()
}

#[test]
fn the_load_reaches_the_servers_and_waits_for_their_work() {
    let record = played(Vec::new(), every(10, 10, 20));
    assert_eq!(record.servers[0].len(), 10);
    for fate in &record.clients.fates {
        assert_eq!(fate.end, End::Answered(200));
        assert!(fate.latency_ns >= 20 * MS, "{fate:?}");
    }
}

#[test]
fn a_full_server_makes_later_requests_wait_longer() {
    // Two workers, 20 ms each, and a request every 2 ms: the tenth waits for four rounds.
    let record = played(Vec::new(), every(2, 10, 20));
    let last = record.clients.fates[9];
    assert!(last.latency_ns >= 80 * MS, "{last:?}");
}

#[test]
fn a_killed_server_refuses_until_it_is_back() {
    let at = |ms: u64, change: Change| Event { after: Duration::from_millis(ms), server: 0, change };
    let record = played(vec![at(200, Change::Kill), at(400, Change::Open)], every(10, 60, 1));
    let ends: Vec<End> = record.clients.fates.iter().map(|fate| fate.end).collect();
    assert!(ends[..10].iter().chain(&ends[50..]).all(|end| *end == End::Answered(200)), "{ends:?}");
    assert!(ends[25..35].iter().all(|end| *end == End::Broken), "{ends:?}");
}
