//! The least rate, window by window, and deadlines that move while a wait goes on.

use super::*;
use evener_runtime::Alarms;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};

const START: Millis = Millis(1_000_000);

fn limits(bytes_per_second: u64, window: Duration) -> Limits {
    Limits { rate_bytes_per_second_min: bytes_per_second, rate_window: window, ..Limits::default() }
}

/// Whether a peer passes that sends so many bytes in each of its windows.
fn check(bytes_per_second: u64, window: Duration, bytes: &[usize], expected: &[bool]) {
    let mut rate = RateWindow::new(&limits(bytes_per_second, window), START);
    let mut now = START;
    for (bytes, expected) in bytes.iter().zip(expected) {
        assert_eq!(rate.end(), now.after(window));
        rate.count(bytes / 2);
        rate.count(bytes - bytes / 2);
        now = rate.end();
        assert_eq!(rate.turn(now), *expected, "{bytes} bytes in {window:?}");
    }
}

#[test]
fn a_peer_keeps_the_rate_in_each_window_anew() {
    let ten = Duration::from_secs(10);
    check(240, ten, &[2400, 2399, 2400, 0, 9000, 2399], &[true, false, true, false, true, false]);
    check(1, Duration::from_secs(1), &[1, 0], &[true, false]);
    check(u64::MAX, ten, &[usize::MAX / 2], &[false]);
}

#[test]
fn no_window_ends_without_a_rate() {
    let mut rate = RateWindow::new(&limits(0, Duration::from_secs(10)), START);
    assert_eq!(rate.end(), Millis::NEVER);
    assert!(rate.turn(START.after(Duration::from_secs(60))));
}

#[test]
fn waiting_for_somebody_else_opens_a_new_window() {
    let window = Duration::from_secs(10);
    let mut rate = RateWindow::new(&limits(100, window), START);
    rate.count(999);
    let later = START.after(Duration::from_secs(9));
    rate.restart(later);
    assert_eq!(rate.end(), later.after(window));
    rate.count(1);
    assert!(!rate.turn(rate.end()), "what came before does not count");
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_time().build_local(LocalOptions::default());
    let bounded = async { tokio::time::timeout(Duration::from_secs(30), test).await.expect("it ends in time") };
    runtime.expect("an event loop").block_on(bounded)
}

fn after(milliseconds: u64) -> Millis {
    Millis::now().after(Duration::from_millis(milliseconds))
}

#[test]
fn a_deadline_that_moves_during_a_wait_is_the_one_that_counts() {
    run(async {
        let alarms = Alarms::new();
        tokio::task::spawn_local(Rc::clone(&alarms).drive());
        let alarm = alarms.register();
        for moves in [[10_000, 20], [5, 60], [0, 0]] {
            let mut watch = Watch::new(&alarm);
            let [first, second] = moves.map(after);
            poll_fn(|cx| {
                let is_over = first <= Millis::now();
                assert!(is_over || watch.poll(cx, first).is_pending());
                Poll::Ready(())
            })
            .await;
            poll_fn(|cx| watch.poll(cx, second)).await;
            assert!(Millis::now() >= second);
        }
    });
}

#[test]
fn a_wait_is_not_ended_by_what_an_earlier_one_was_told() {
    run(async {
        let alarms = Alarms::new();
        tokio::task::spawn_local(Rc::clone(&alarms).drive());
        let alarm = alarms.register();
        // The deadline of the rest came, and so did the wish to close, but a request was there first.
        alarm.rest(Millis::now());
        assert_eq!(alarms.shed_idle(1), 1);
        alarm.work();
        let deadline = after(40);
        let mut watch = Watch::new(&alarm);
        let mut wait = pin!(poll_fn(|cx| watch.poll(cx, deadline)));
        poll_fn(|cx| {
            assert!(wait.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        wait.await;
        assert!(Millis::now() >= deadline);
    });
}
