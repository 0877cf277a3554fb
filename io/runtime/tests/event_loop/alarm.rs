//! Deadlines that come, move and go, and connections that are told to close.

use crate::world::{expect_pending, run};
use evener_runtime::alarm::Wake;
use evener_runtime::{Alarm, Alarms, Millis};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// How late an alarm may be on a loaded machine.
const LATE_MAX: Duration = Duration::from_secs(2);

fn after(milliseconds: u64) -> Millis {
    Millis::now().after(Duration::from_millis(milliseconds))
}

fn driven() -> Rc<Alarms> {
    let alarms = Alarms::new();
    tokio::task::spawn_local(Rc::clone(&alarms).drive());
    alarms
}

async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// Waits for the alarm: it comes at the deadline or soon after, never before.
async fn expect_deadline(alarm: &Alarm, deadline: Millis) {
    let wake = poll_fn(|cx| alarm.poll(cx)).await;
    let now = Millis::now();
    assert_eq!(wake, Wake::Deadline);
    assert!(now >= deadline, "{:?} early", deadline.since(now));
    assert!(now.since(deadline) < LATE_MAX, "{:?} late", now.since(deadline));
}

#[test]
fn a_deadline_comes_in_time_and_stays() {
    run(async {
        let alarms = driven();
        let alarm = alarms.register();
        expect_pending(poll_fn(|cx| alarm.poll(cx))).await;
        for milliseconds in [30, 1, 0, 90] {
            let deadline = after(milliseconds);
            alarm.set(deadline);
            expect_deadline(&alarm, deadline).await;
            expect_deadline(&alarm, deadline).await;
        }
        alarm.set(after(5000));
        expect_pending(poll_fn(|cx| alarm.poll(cx))).await;
    });
}

#[test]
fn a_deadline_that_moved_later_does_not_come_early() {
    run(async {
        let alarms = driven();
        let alarm = alarms.register();
        alarm.set(after(20));
        pause(5).await;
        let deadline = after(150);
        alarm.set(deadline);
        expect_deadline(&alarm, deadline).await;
        // Off, and on again at a moment beyond the one that the wheel still has.
        alarm.set(after(20));
        alarm.set(Millis::NEVER);
        expect_pending(poll_fn(|cx| alarm.poll(cx))).await;
        pause(60).await;
        expect_pending(poll_fn(|cx| alarm.poll(cx))).await;
        let deadline = after(40);
        alarm.set(deadline);
        expect_deadline(&alarm, deadline).await;
    });
}

#[test]
fn a_deadline_that_moved_nearer_comes_in_time() {
    run(async {
        let alarms = driven();
        let alarm = alarms.register();
        for far in [60_000, 3_000, 500] {
            alarm.set(after(far));
            // The driver sleeps now for what it knows.
            pause(5).await;
            let deadline = after(20);
            alarm.set(deadline);
            expect_deadline(&alarm, deadline).await;
        }
    });
}

#[test]
fn a_deadline_beyond_the_horizon_and_one_after_a_long_pause_come_in_time() {
    run(async {
        let alarms = driven();
        let far = alarms.register();
        let deadline = after(4500);
        far.set(deadline);
        let without_work = async {
            // A wheel of its own, on which nothing happens for longer than its horizon.
            let alarms = driven();
            pause(4400).await;
            let alarm = alarms.register();
            let deadline = after(30);
            alarm.set(deadline);
            expect_deadline(&alarm, deadline).await;
            // And a worker that hung.
            let deadline = after(20);
            alarm.set(deadline);
            std::thread::sleep(Duration::from_millis(200));
            expect_deadline(&alarm, deadline).await;
        };
        tokio::join!(without_work, async {
            let wake = poll_fn(|cx| far.poll(cx)).await;
            assert_eq!(wake, Wake::Deadline);
            assert!(Millis::now() >= deadline && Millis::now().since(deadline) < LATE_MAX);
        });
    });
}

#[test]
fn the_longest_idle_are_told_first_and_only_idle_ones() {
    run(async {
        let alarms = driven();
        let [young, old, busy, middle] = [(); 4].map(|()| alarms.register());
        young.rest(Millis(30));
        old.rest(Millis(10));
        middle.rest(Millis(20));
        busy.rest(Millis(1));
        busy.work();
        assert_eq!(alarms.shed_idle(2), 2);
        for told in [&old, &middle] {
            assert_eq!(poll_fn(|cx| told.poll(cx)).await, Wake::Shed);
        }
        expect_pending(poll_fn(|cx| young.poll(cx))).await;
        expect_pending(poll_fn(|cx| busy.poll(cx))).await;
        // Who was told already is not told again, and does not count.
        assert_eq!(alarms.shed_idle(5), 1);
        assert_eq!(poll_fn(|cx| young.poll(cx)).await, Wake::Shed);
        assert_eq!(alarms.shed_idle(5), 0);
        // A new deadline forgets it.
        old.work();
        let deadline = after(10);
        old.set(deadline);
        expect_deadline(&old, deadline).await;
        assert_eq!(alarms.len(), 4);
    });
}

#[test]
fn who_is_idle_only_later_is_left_alone_until_then() {
    run(async {
        let alarms = driven();
        let alarm = alarms.register();
        alarm.rest(after(200));
        assert_eq!(alarms.shed_idle(1), 0);
        pause(400).await;
        assert_eq!(alarms.shed_idle(1), 1);
        assert_eq!(poll_fn(|cx| alarm.poll(cx)).await, Wake::Shed);
    });
}

#[test]
fn a_sleeping_owner_is_woken_when_it_is_told() {
    run(async {
        let alarms = driven();
        let alarm = alarms.register();
        alarm.rest(Millis::now());
        let task = tokio::task::spawn_local(async move { poll_fn(|cx| alarm.poll(cx)).await });
        pause(5).await;
        assert_eq!(alarms.shed_idle(1), 1);
        assert_eq!(task.await.expect("no panic"), Wake::Shed);
        assert!(alarms.is_empty());
    });
}

#[test]
fn everybody_wakes_at_once() {
    run(async {
        let alarms = driven();
        let looks = Rc::new(Cell::new(0));
        for _ in 0..50 {
            let (alarm, looks) = (alarms.register(), Rc::clone(&looks));
            alarm.set(after(60_000));
            tokio::task::spawn_local(poll_fn(move |cx| {
                looks.set(looks.get() + 1);
                alarm.poll(cx).map(drop)
            }));
        }
        for round in 1..4 {
            pause(5).await;
            assert_eq!(looks.get(), 50 * round);
            alarms.wake_all();
        }
    });
}

#[test]
fn alarms_are_dropped_in_any_order() {
    for seed in 1..20_u64 {
        run(async move {
            let mut random = seed * 0x9E37_79B9;
            let mut next = move || {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random
            };
            let alarms = driven();
            let mut kept: Vec<(Alarm, Millis)> = Vec::new();
            for _ in 0..300 {
                if !kept.is_empty() && next().is_multiple_of(3) {
                    let index = usize::try_from(next()).expect("64 bits") % kept.len();
                    drop(kept.swap_remove(index));
                } else {
                    let deadline = after(next() % 60);
                    let alarm = alarms.register();
                    alarm.set(deadline);
                    kept.push((alarm, deadline));
                }
                if next().is_multiple_of(16) {
                    pause(next() % 8).await;
                }
            }
            assert_eq!(alarms.len(), kept.len(), "seed {seed}");
            let fired = Rc::new(RefCell::new(0));
            let count = kept.len();
            let tasks: Vec<_> = kept
                .into_iter()
                .map(|(alarm, deadline)| {
                    let fired = Rc::clone(&fired);
                    tokio::task::spawn_local(async move {
                        expect_deadline(&alarm, deadline).await;
                        *fired.borrow_mut() += 1;
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("no panic");
            }
            assert_eq!(*fired.borrow(), count, "seed {seed}");
            assert!(alarms.is_empty(), "seed {seed}");
        });
    }
}

#[test]
fn a_fired_alarm_wakes_its_owner_once_more_after_each_new_deadline() {
    run(async {
        let alarms = driven();
        let alarm = alarms.register();
        let mut rounds = 0;
        alarm.set(after(10));
        // As a wait does that is set anew whenever it has fired too early for its owner.
        poll_fn(|cx| {
            while alarm.poll(cx).is_ready() {
                rounds += 1;
                if rounds == 5 {
                    return Poll::Ready(());
                }
                alarm.set(after(10));
            }
            Poll::Pending
        })
        .await;
        assert_eq!(rounds, 5);
    });
}

#[test]
fn the_most_at_a_time_is_known_until_it_is_asked() {
    run(async {
        let alarms = driven();
        let kept = alarms.register();
        drop([alarms.register(), alarms.register()]);
        assert_eq!([alarms.take_most(), alarms.take_most()], [3, 1]);
        drop(kept);
        assert_eq!([alarms.take_most(), alarms.take_most()], [1, 0]);
    });
}
