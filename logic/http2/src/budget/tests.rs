//! How much is taken at once, and what time and messages give back.

use super::*;

/// How many of these in a row are taken, one after each `pause` of so many milliseconds.
fn taken(pause: u64, mut take: impl FnMut(&mut Budget, Moment) -> bool) -> Option<u32> {
    let mut now = 1_000;
    let mut budget = Budget::new(now);
    (0..100_000).find(|_| {
        now += pause;
        !take(&mut budget, now)
    })
}

#[test]
fn what_comes_at_once_is_bounded() {
    assert_eq!(taken(0, |budget, now| budget.pay(1, now)), Some(CREDIT_MAX));
    assert_eq!(taken(0, |budget, now| budget.pay(4, now)), Some(CREDIT_MAX / 4));
    assert_eq!(taken(0, Budget::fault), Some(FAULTS_MAX));
}

#[test]
fn time_gives_room_again() {
    assert_eq!(taken(1, |budget, now| budget.pay(1, now)), None);
    assert_eq!(taken(50, Budget::fault), None);
    // As fast as an attack with a round trip for each.
    assert!(taken(5, Budget::fault).is_some_and(|count| count < 250));
}

#[test]
fn messages_earn() {
    let earning = |budget: &mut Budget, now| {
        budget.earn();
        budget.pay(EARNED, now)
    };
    assert_eq!(taken(0, earning), None);
    let mut budget = Budget::new(0);
    (0..100_000).for_each(|_| budget.earn());
    assert!(!budget.pay(CREDIT_MAX + 1, 0), "what is earned is bounded");
}

/// What time gives is not lost by asking often.
#[test]
fn small_steps_of_time_add_up() {
    let mut budget = Budget::new(0);
    for _ in 0..FAULTS_MAX {
        assert!(budget.fault(0));
    }
    let taken = (0..1_000).filter(|&now| budget.fault(now)).count();
    assert_eq!(taken, 19);
}
