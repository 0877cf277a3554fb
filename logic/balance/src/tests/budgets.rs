//! Budgets for what is sent more than once.

use super::*;

fn take_all(take: impl Fn() -> bool) -> usize {
    (0..100_000).take_while(|_| take()).count()
}

/// A group that was measured at its start, with nothing left in its budgets.
fn emptied(settings: Settings) -> Group {
    let group = Group::with(settings, members(&[1, 1]));
    drop(group.pick());
    take_all(|| group.balancer.take_retry());
    take_all(|| group.balancer.take_hedge());
    group
}

fn send(group: &Group, requests: usize) {
    (0..requests).for_each(|_| drop(group.pick()));
}

#[test]
fn a_group_begins_with_what_ten_seconds_bring() {
    let group = Group::new(Kind::Adaptive, &[1]);
    assert_eq!(group.balancer.retries_left(), 100);
    // The first measure takes nothing away.
    drop(group.pick());
    assert_eq!(take_all(|| group.balancer.take_retry()), 100);
    assert_eq!(group.balancer.retries_left(), 0);
}

#[test]
fn retries_are_a_fifth_of_the_requests_and_ten_in_a_second() {
    let check = |requests: usize, seconds: u64, expected: usize| {
        let group = emptied(Settings::new(Kind::Adaptive));
        // The one of the start counts too.
        send(&group, requests - 1);
        group.wait_ms(1000 * seconds);
        drop(group.pick());
        assert_eq!(take_all(|| group.balancer.take_retry()), expected, "{requests} requests in {seconds} s");
    };
    check(100, 1, 30);
    check(1000, 1, 210);
    check(1, 1, 10);
    check(100, 5, 70);
    // What is saved is bounded by ten seconds' worth.
    check(1, 1000, 100);
}

#[test]
fn hedges_are_a_share_and_no_more() {
    let settings = Settings { hedge_budget: 0.02, ..Settings::new(Kind::Adaptive) };
    let group = emptied(settings.clone());
    send(&group, 999);
    group.wait_ms(1000);
    drop(group.pick());
    assert_eq!(take_all(|| group.balancer.take_hedge()), 20);
    // With one request in a second it takes a while, but comes: of a hundred requests two.
    let group = emptied(settings);
    let mut hedges = 0;
    for _ in 0..201 {
        group.wait_ms(1000);
        drop(group.pick());
        hedges += usize::from(group.balancer.take_hedge());
    }
    assert!((3..=4).contains(&hedges), "{hedges}");
}

#[test]
fn without_a_share_there_are_no_hedges() {
    let group = emptied(Settings::new(Kind::Adaptive));
    send(&group, 10_000);
    group.wait_ms(1000);
    drop(group.pick());
    assert_eq!(take_all(|| group.balancer.take_hedge()), 0);
}

#[test]
fn a_storm_of_failures_gets_its_share_of_retries_however_long_it_lasts() {
    let group = emptied(Settings::new(Kind::Adaptive));
    let mut retries = 0;
    // 1000 requests in a second, all of which fail and want a retry, for a minute.
    for _ in 0..600 {
        send(&group, 100);
        retries += (0..100).filter(|_| group.balancer.take_retry()).count();
        group.wait_ms(100);
    }
    let expected = 60_000 / 5 + 60 * 10;
    assert!((expected - 30..=expected).contains(&retries), "{retries}");
}
