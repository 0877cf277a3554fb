//! What is learned from outcomes, against values computed by hand, and the verdicts that follow.

use super::*;

fn latency_ms(group: &Group, server: usize) -> f64 {
    group.report(server).latency.unwrap().as_secs_f64() * 1000.0
}

/// Servers with these latencies, measured once.
fn measured(ms: &[f64]) -> Group {
    let group = Group::new(Kind::Adaptive, &vec![1; ms.len()]);
    (0..).zip(ms).for_each(|(server, ms)| group.succeed(server, *ms));
    group.wait_ms(100);
    drop(group.pick());
    group
}

#[test]
fn latency_is_a_geometric_average() {
    let check = |wait_ms: u64, expected: f64| {
        let group = Group::new(Kind::Adaptive, &[1]);
        group.succeed(0, 10.0);
        assert_close(latency_ms(&group, 0), 10.0);
        group.wait_ms(wait_ms);
        group.succeed(0, 20.0);
        assert_close(latency_ms(&group, 0), expected);
    };
    // 10 * 2^gain: the gain is 1 - exp(-wait / 1 s), but 0.02 to 0.3.
    check(0, 10.0 * 2_f64.powf(0.02));
    check(10, 10.0 * 2_f64.powf(0.02));
    check(100, 10.0 * 2_f64.powf(1.0 - (-0.1_f64).exp()));
    check(300, 10.0 * 2_f64.powf(1.0 - (-0.3_f64).exp()));
    check(5_000, 10.0 * 2_f64.powf(0.3));
}

#[test]
fn failures_do_not_touch_latency() {
    let group = Group::new(Kind::Adaptive, &[1]);
    group.succeed(0, 10.0);
    group.fail(0, 3);
    assert_close(latency_ms(&group, 0), 10.0);
}

#[test]
fn errors_rise_by_a_tenth_and_fade() {
    let group = Group::new(Kind::Adaptive, &[1]);
    let errors = || f64::from(group.report(0).errors);
    assert_eq!(errors(), 0.0);
    group.fail(0, 1);
    assert_close(errors(), 0.1);
    group.fail(0, 1);
    assert_close(errors(), 0.19);
    group.succeed(0, 1.0);
    assert_close(errors(), 0.171);
    group.wait_ms(10_000);
    assert_close(errors(), 0.171 * (-1.0_f64).exp());
    group.succeed(0, 1.0);
    assert_close(errors(), 0.171 * (-1.0_f64).exp() * 0.9);
}

#[test]
fn the_reference_is_the_latency_of_the_fastest_quarter() {
    let check = |ms: &[f64], expected: f64| {
        let group = measured(ms);
        assert_close(group.report(0).latency_of_group.unwrap().as_secs_f64() * 1000.0, expected);
    };
    check(&[7.0], 7.0);
    check(&[40.0, 10.0, 30.0, 20.0], 10.0);
    check(&[80.0, 10.0, 30.0, 20.0, 70.0, 60.0, 50.0, 40.0], 20.0);
    let many: Vec<f64> = (1..=100).rev().map(f64::from).collect();
    check(&many, 25.0);
    check(&many[..65], 52.0);
}

#[test]
fn the_reference_for_errors_is_that_of_the_best_quarter() {
    let group = Group::new(Kind::Adaptive, &[1; 4]);
    group.fail(0, 1);
    group.fail(1, 2);
    group.fail(2, 3);
    group.fail(3, 1);
    group.wait_ms(100);
    drop(group.pick());
    assert_close(f64::from(group.report(0).errors_of_group), 0.1 * (-0.01_f64).exp());
}

#[test]
fn servers_that_take_no_requests_are_no_measure() {
    let group = Group::new(Kind::Adaptive, &[0, 1, 1]);
    group.succeed(0, 1.0);
    group.succeed(1, 10.0);
    group.succeed(2, 10.0);
    group.wait_ms(100);
    drop(group.pick());
    assert_close(group.report(1).latency_of_group.unwrap().as_secs_f64(), 0.010);
}

#[test]
fn the_factor_has_a_dead_band() {
    let group = measured(&[10.0, 12.0, 25.0, 80.0]);
    let factor = |server| f64::from(group.report(server).latency_factor);
    // A tenth of a second has passed, in which the verdicts have faded a little.
    let expected = |times: f64| 10.0 * times.powf((-0.01_f64).exp()) / (1.25 * 10.0 + 0.5);
    assert_close(factor(0), 1.0);
    assert_close(factor(1), 1.0);
    assert_close(factor(2), expected(2.5));
    assert_close(factor(3), expected(8.0));
    assert!(!group.balancer.is_worse(1, group.now.get()) && group.balancer.is_worse(2, group.now.get()));
}

#[test]
fn errors_cost_a_hundredfold_beyond_a_tenth_and_twice_the_groups() {
    let group = Group::new(Kind::Adaptive, &[1; 4]);
    let penalty = |server| f64::from(group.report(server).error_penalty);
    group.fail(0, 1);
    assert_close(penalty(0), 0.0);
    group.fail(0, 1);
    assert_close(penalty(0), 9.0);
    assert!(group.balancer.is_worse(0, group.now.get()));
    // When the group fails too: 100 * (0.19 - 2 * 0.1 - 0.1) is below nothing.
    (1..4).for_each(|server| drop(group.fail(server, 1)));
    group.wait_ms(100);
    drop(group.pick());
    assert_close(penalty(0), 0.0);
}

#[test]
fn the_verdict_on_an_unused_server_fades() {
    let group = measured(&[10.0, 10.0, 10.0, 80.0]);
    group.wait_ms(10_000 - 100);
    // 10 * 8^(1/e)
    assert_close(latency_ms(&group, 3), 10.0 * 8_f64.powf((-1.0_f64).exp()));
    group.wait_ms(100_000);
    assert_close(latency_ms(&group, 3), 10.0);
}

#[test]
fn adaptive_divides_requests_by_slowness() {
    let group = measured(&[10.0, 10.0, 10.0, 50.0]);
    let tickets: Vec<_> = (0..78).map(|_| group.pick().unwrap()).collect();
    let counts: Vec<u32> = (0..4).map(|server| group.state(server).in_flight()).collect();
    // 50 / 13 = 3.85 times the cost, so that (q + 1) is that part there: 24.2 for each of three, 5.5 there.
    assert_eq!(tickets.len(), 78);
    assert!(counts[..3].iter().all(|count| (23..=26).contains(count)) && (4..=6).contains(&counts[3]), "{counts:?}");
}

#[test]
fn of_many_servers_adaptive_avoids_the_bad_ones() {
    let group = Group::new(Kind::Adaptive, &[1; 100]);
    for server in 0..100 {
        group.succeed(server, if server % 2 == 0 { 10.0 } else { 100.0 });
    }
    group.wait_ms(100);
    let picks = tally(&group.servers(10_000), 100);
    let of_bad: usize = (0..100).filter(|server| server % 2 == 1).map(|server| picks[server]).sum();
    // Only if all six drawn were bad, and then all servers are looked at.
    assert_eq!(of_bad, 0);
}

#[test]
fn what_is_fast_is_not_told_apart() {
    let group = measured(&[0.2, 0.3, 0.6, 2.0]);
    let factor = |server| f64::from(group.report(server).latency_factor);
    assert_close(factor(2), 1.0);
    assert!(factor(3) > 2.0, "{}", factor(3));
}

#[test]
fn a_silent_server_is_taken_to_be_as_slow_as_it_is_silent() {
    let group = measured(&[10.0, 10.0]);
    let stuck = group.send(0);
    let mut others = group.load(&[0, 5]);
    // Eight times 10 ms, and not before.
    group.wait_ms(80);
    others[0].answered(millis(10.0), group.now.get());
    assert_eq!(group.report(0).silence, None);
    assert_eq!(group.server(), 0);
    group.wait_ms(920);
    others[1].answered(millis(10.0), group.now.get());
    assert_eq!(group.report(0).silence, Some(Duration::from_secs(1)));
    // 1000 / 13 = 77 times the cost, with two requests.
    assert_close(f64::from(group.report(0).cost), 2.0 * 1000.0 / 13.0);
    assert_eq!(group.server(), 1);
    // One word from it, and all is well.
    stuck.succeed(millis(1000.0), group.now.get());
    assert_eq!(group.report(0).silence, None);
}

#[test]
fn idle_is_not_silent() {
    let group = measured(&[10.0, 10.0]);
    drop(group.send(0));
    let mut streaming = group.send(0);
    streaming.answered(millis(10.0), group.now.get());
    streaming.streams();
    group.wait_ms(60_000);
    assert_eq!(group.report(0).silence, None);
    // Silence begins with the request that awaits its answer.
    let _waiting = group.send(0);
    group.wait_ms(50);
    assert_eq!(group.report(0).silence, None);
    group.wait_ms(50);
    assert_eq!(group.report(0).silence, Some(Duration::from_millis(100)));
}
