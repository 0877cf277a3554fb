//! Tables for the decisions.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn days(count: u64) -> Duration {
    DAY.saturating_mul(u32::try_from(count).unwrap())
}

fn at(after_issue: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH + days(20_000) + after_issue
}

fn lives(life: Duration) -> Validity {
    Validity { not_before: at(Duration::ZERO), not_after: at(life) }
}

#[track_caller]
fn renews(life: Duration, window: Option<(Duration, Duration)>, renew_before: Duration, draw: f64, expected: Duration) {
    let window = window.map(|(start, end)| Window { start: at(start), end: at(end) });
    let when = renewal(lives(life), window, renew_before, draw);
    let off = when.duration_since(at(expected)).unwrap_or_else(|earlier| earlier.duration());
    assert!(off < Duration::from_millis(1), "{:?} after issue", when.duration_since(at(Duration::ZERO)));
}

#[test]
fn without_a_window_the_end_decides() {
    renews(days(90), None, days(30), 0.0, days(60));
    renews(days(90), None, days(10), 0.0, days(80));
    renews(days(398), None, days(30), 0.0, days(368));
    // Short lives: two thirds.
    renews(days(6), None, days(30), 0.0, days(4));
    renews(days(89), None, days(30), 0.0, days(89) * 2 / 3);
    renews(days(90), None, HOUR, 0.0, days(90) - HOUR);
    renews(days(90), None, Duration::ZERO, 0.0, days(90));
    renews(days(90), None, Duration::MAX, 0.0, days(60));
}

#[test]
fn renewals_are_spread() {
    renews(days(90), None, days(30), 0.5, days(60) - 6 * HOUR);
    renews(days(6), None, days(30), 0.5, days(4) - days(6) / 60);
    renews(Duration::from_secs(30), None, days(30), 0.5, Duration::from_millis(19_500));
}

#[test]
fn the_window_decides() {
    renews(days(90), Some((days(50), days(52))), days(30), 0.0, days(50));
    renews(days(90), Some((days(50), days(52))), days(30), 0.75, days(51) + 12 * HOUR);
    renews(days(90), Some((days(0), HOUR)), days(30), 0.5, HOUR / 2);
    // Too late a moment is brought forward.
    renews(days(90), Some((days(80), days(90))), days(30), 0.9, days(81));
    // Nonsense counts as none.
    renews(days(90), Some((days(52), days(50))), days(30), 0.0, days(60));
    renews(days(90), Some((days(52), days(52))), days(30), 0.0, days(60));
    renews(days(90), Some((days(90), days(99))), days(30), 0.0, days(60));
}

#[track_caller]
fn pauses(setback: Setback, failures: u32, wanted: Option<Duration>, draw: f64, expected: Duration) {
    let pause = pause(setback, failures, wanted, &Pace::default(), draw);
    assert!(pause.abs_diff(expected) < Duration::from_millis(1), "{pause:?}");
}

#[test]
fn pauses_after_outages_double_from_seconds_to_an_hour() {
    let (second, hour) = (Duration::from_secs(1), HOUR);
    for (failures, expected) in [(0, 2), (1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (8, 256), (11, 2048)] {
        pauses(Setback::Outage, failures, None, 0.5, expected * second);
    }
    pauses(Setback::Outage, 12, None, 0.5, hour);
    pauses(Setback::Outage, u32::MAX, None, 0.999, hour);
    // Jitter.
    pauses(Setback::Outage, 1, None, 0.0, second.mul_f64(1.6));
    pauses(Setback::Outage, 1, None, 0.999_999, second.mul_f64(2.4));
    // The authority's wish.
    pauses(Setback::Outage, 1, Some(HOUR), 0.5, HOUR.mul_f64(1.05));
}

#[test]
fn pauses_after_what_counts_double_up_to_half_a_day() {
    let minute = Duration::from_secs(60);
    pauses(Setback::Counted, 1, None, 0.5, 3 * minute);
    pauses(Setback::Counted, 2, None, 0.5, 6 * minute);
    pauses(Setback::Counted, 5, None, 0.5, 48 * minute);
    pauses(Setback::Counted, 8, None, 0.5, 384 * minute);
    pauses(Setback::Counted, 9, None, 0.5, 12 * HOUR);
    pauses(Setback::Counted, u32::MAX, None, 0.5, 12 * HOUR);
    pauses(Setback::Counted, 0, None, 0.5, 3 * minute);
    // Jitter.
    pauses(Setback::Counted, 1, None, 0.0, minute.mul_f64(2.4));
    pauses(Setback::Counted, 1, None, 0.999_999, minute.mul_f64(3.6));
    pauses(Setback::Counted, 30, None, 0.9, 12 * HOUR);
    // The authority's wish.
    pauses(Setback::Counted, 1, Some(HOUR), 0.0, HOUR);
    pauses(Setback::Counted, 1, Some(HOUR), 0.5, HOUR.mul_f64(1.05));
    pauses(Setback::Counted, 8, Some(minute), 0.5, 384 * minute);
    pauses(Setback::Counted, 1, Some(Duration::MAX), 0.0, DAY);
}

#[test]
fn an_outage_does_not_make_forget_what_was_counted() {
    use Setback::{Counted, Outage};
    let mut failures = Failures::default();
    assert!(failures.is_none());
    for (setback, seconds) in [
        (Outage, 2),
        (Outage, 4),
        (Counted, 180),
        (Outage, 2),
        (Outage, 4),
        (Counted, 360),
        (Counted, 720),
        (Outage, 2),
    ] {
        let wait = failures.add(setback, None, &Pace::default(), 0.5);
        assert_eq!(wait, Duration::from_secs(seconds), "{failures:?}");
        assert!(!failures.is_none());
    }
}

#[test]
fn asking_is_bounded() {
    let pace = Pace::default();
    for (wanted, expected) in
        [(Duration::ZERO, Duration::from_secs(60)), (HOUR, HOUR), (6 * HOUR, 6 * HOUR), (Duration::MAX, DAY)]
    {
        assert_eq!(ask_again(wanted, &pace), expected);
    }
}

#[test]
fn the_other_challenge_is_second_best() {
    use Challenge::{Http, TlsAlpn};
    for (preferred, offered, expected) in [
        (TlsAlpn, &[TlsAlpn, Http][..], Some(TlsAlpn)),
        (Http, &[TlsAlpn, Http], Some(Http)),
        (TlsAlpn, &[Http], Some(Http)),
        (Http, &[TlsAlpn], Some(TlsAlpn)),
        (TlsAlpn, &[], None),
    ] {
        assert_eq!(choose(preferred, |challenge| offered.contains(&challenge)), expected);
    }
}

#[test]
fn each_warning_comes_once() {
    for (left, told, expected) in [
        (days(15), None, None),
        (days(14), None, Some(days(14))),
        (days(10), Some(days(14)), None),
        (days(7), Some(days(14)), Some(days(7))),
        (days(2), None, Some(days(3))),
        (days(2), Some(days(3)), None),
        (HOUR, Some(days(3)), Some(days(1))),
        (Duration::ZERO, Some(days(1)), Some(Duration::ZERO)),
        (Duration::ZERO, Some(Duration::ZERO), None),
    ] {
        assert_eq!(warning(left, told), expected, "{left:?} {told:?}");
    }
}
