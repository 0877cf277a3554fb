//! The algorithms that keep response times of their own: least time and peak EWMA.

use super::*;

fn own_ms(group: &Group, server: usize) -> f64 {
    f64::from(group.state(server).own_latency.sample().unwrap().value)
}

/// Servers that have answered once each, after so many milliseconds.
fn measured(kind: Kind, weights: &[u16], ms: &[f64]) -> Group {
    let group = Group::new(kind, weights);
    for (server, ms) in ms.iter().enumerate() {
        group.succeed(server, *ms);
    }
    group.wait_ms(100);
    group
}

/// Which servers get a request with these loads.
fn seen(group: &Group, in_flight: &[usize]) -> Vec<usize> {
    let _load = group.load(in_flight);
    let mut seen = group.servers(100);
    seen.sort_unstable();
    seen.dedup();
    seen
}

#[test]
fn least_time_averages_one_part_in_twenty() {
    let group = measured(Kind::LeastTime, &[1], &[10.0]);
    group.now.set(START);
    group.succeed(0, 20.0);
    assert_close(own_ms(&group, 0), 10.5);
    // After ten seconds of silence what was known counts e times less: 30 + (10.5 - 30) * 0.95 / e.
    group.wait_ms(10_000);
    group.succeed(0, 30.0);
    assert_close(own_ms(&group, 0), 23.1853);
}

#[test]
fn peak_ewma_jumps_up_and_comes_down_slowly() {
    let group = measured(Kind::PeakEwma, &[1], &[10.0]);
    group.now.set(START);
    group.succeed(0, 50.0);
    assert_close(own_ms(&group, 0), 50.0);
    group.succeed(0, 10.0);
    assert_close(own_ms(&group, 0), 50.0);
    // 10 + 40 / e.
    group.wait_ms(10_000);
    group.succeed(0, 10.0);
    assert_close(own_ms(&group, 0), 24.7152);
}

#[test]
fn the_least_product_of_time_and_requests_is_picked() {
    for kind in [Kind::LeastTime, Kind::PeakEwma] {
        let check = |weights: &[u16], ms: &[f64], in_flight: &[usize], expected: usize| {
            let seen = seen(&measured(kind, weights, ms), in_flight);
            assert_eq!(seen, [expected], "{kind:?}: weights {weights:?}, {ms:?} ms, in flight {in_flight:?}");
        };
        check(&[1, 1], &[10.0, 21.0], &[0, 0], 0);
        check(&[1, 1], &[10.0, 21.0], &[1, 0], 0);
        check(&[1, 1], &[10.0, 19.0], &[1, 0], 1);
        check(&[1, 3], &[10.0, 25.0], &[0, 0], 1);
        check(&[3, 1], &[10.0, 10.0], &[1, 0], 0);
        // No steps: servers that differ by parts of a millisecond do differ.
        check(&[1, 1], &[0.3, 0.2], &[0, 0], 1);
        check(&[1, 1], &[10.2, 10.1], &[0, 0], 1);
    }
}

#[test]
fn a_fast_failure_does_not_look_fast() {
    for kind in [Kind::LeastTime, Kind::PeakEwma] {
        let group = measured(kind, &[1, 1], &[20.0, 10.0]);
        group.send(0).fail(Failure::Status(500), group.now.get());
        assert_close(own_ms(&group, 0), 20.0);
        assert_eq!(seen(&group, &[0, 0]), [1]);
    }
}

#[test]
fn a_new_server_gets_its_share_and_no_flood() {
    for kind in [Kind::LeastTime, Kind::PeakEwma] {
        let group = measured(kind, &[1; 10], &[10.0; 9]);
        // A hundred requests before the first answer.
        let tickets: Vec<_> = (0..100).map(|_| group.pick().unwrap()).collect();
        let new = group.state(9).in_flight();
        assert!((6..=14).contains(&new), "{kind:?}: {new} of {}", tickets.len());
    }
}

#[test]
fn servers_without_any_measurement_are_alike() {
    for kind in [Kind::LeastTime, Kind::PeakEwma] {
        let group = Group::new(kind, &[1; 4]);
        let tickets: Vec<_> = (0..400).map(|_| group.pick().unwrap()).collect();
        let counts: Vec<u32> = (0..4).map(|server| group.state(server).in_flight()).collect();
        assert_eq!(tickets.len(), 400);
        let is_even = counts.iter().all(|count| (90..=110).contains(count));
        assert!(is_even, "{kind:?}: {counts:?}");
    }
}

#[test]
fn a_time_too_short_to_measure_brings_no_flood() {
    for kind in [Kind::LeastTime, Kind::PeakEwma] {
        let group = measured(kind, &[1, 1], &[0.0, 1.0]);
        let tickets: Vec<_> = (0..110).map(|_| group.pick().unwrap()).collect();
        let other = tickets.iter().filter(|ticket| ticket.server() == 1).count();
        assert!(other >= 8, "{kind:?}: the other server got {other}");
    }
}

#[test]
fn a_slow_server_is_tried_again_and_one_answer_shows_what_it_is() {
    for kind in [Kind::LeastTime, Kind::PeakEwma] {
        let check = |later_ms: f64, expected: &[usize]| {
            let group = measured(kind, &[1, 1], &[10.0, 100.0]);
            assert_eq!(seen(&group, &[2, 0]), [0], "{kind:?}: 10 * 3 against 100");
            // Server 0 stays at 10 ms; after twenty seconds the other one counts as 10 + 90 * exp(-2) = 22 ms.
            for _ in 0..200 {
                group.wait_ms(100);
                group.succeed(0, 10.0);
            }
            assert_eq!(seen(&group, &[2, 0]), [1], "{kind:?}: 10 * 3 against 22");
            group.succeed(1, later_ms);
            assert_eq!(seen(&group, &[2, 0]), expected, "{kind:?} after {later_ms} ms");
        };
        check(100.0, &[0]);
        check(10.0, &[1]);
    }
}
