//! What is done for a host and when, with clocks that the test moves.

use super::*;
use crate::certificate::Certificate;
use crate::order::Failed;
use crate::schedule::{Challenge, DAY, Setback, Window};
use crate::settings::Pace;
use evener_plan::Acme;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

/// A host whose certificate lives from 1 January to 1 April 2030 and is renewed on 2 March, and its two clocks.
struct Bench {
    host: Host,
    settings: AcmeSettings,
    now: Now,
}

impl Bench {
    fn new(stored: Option<Arc<Certificate>>) -> Self {
        let now = Now { steady: Instant::now(), wall: made().not_before() };
        let settings = AcmeSettings::new(Acme::default(), std::path::PathBuf::new());
        Self { host: Host::new(stored, now, 0.0), settings, now }
    }

    fn pass(&mut self, time: Duration) {
        self.now.steady += time;
        self.now.wall += time;
    }

    #[track_caller]
    fn does(&self, expected: Work) {
        assert_eq!(self.host.next(&self.settings, self.now), Next::Do(expected));
    }

    #[track_caller]
    fn waits(&self, expected: Duration) {
        match self.host.next(&self.settings, self.now) {
            Next::Wait(wait) => assert!(wait.abs_diff(expected) < Duration::from_millis(1), "{wait:?}"),
            Next::Do(work) => panic!("does {work:?}"),
        }
    }

    /// A failure that counts; by this challenge, if that is given.
    fn fail(&mut self, failed: Option<Challenge>) -> Duration {
        let of = |challenge| Fault::Challenge { challenge, detail: String::new() };
        self.fail_by(failed.map_or(Fault::Broken, of))
    }

    fn fail_by(&mut self, fault: Fault) -> Duration {
        self.host.order_failed(&Failed::from(fault), &self.settings.pace, self.now, 0.5)
    }
}

fn unreachable() -> Fault {
    Fault::Unreachable("refused".into())
}

fn refused(status: u16, retry_after: Option<Duration>) -> Fault {
    Fault::Refused { status, kind: String::from("urn:x"), detail: String::new(), retry_after }
}

fn made() -> Arc<Certificate> {
    let key = KeyPair::generate().unwrap();
    let mut wanted = CertificateParams::new([String::from("a.test")]).unwrap();
    wanted.not_before = date_time_ymd(2030, 1, 1);
    wanted.not_after = date_time_ymd(2030, 4, 1);
    let chain = wanted.self_signed(&key).unwrap().pem();
    Arc::new(Certificate::check("a.test", chain, key.serialize_pem()).unwrap())
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_new_host_is_ordered_and_ordered_again_after_a_pause() {
    let mut bench = Bench::new(None);
    bench.does(Work::Order);
    assert_eq!(bench.host.challenge(), Challenge::TlsAlpn);
    // The other challenge is tried at once, and only then there is a pause.
    assert_eq!(bench.fail(Some(Challenge::TlsAlpn)), Duration::ZERO);
    assert_eq!(bench.host.challenge(), Challenge::Http);
    bench.does(Work::Order);
    assert_eq!(bench.fail(None), 6 * MINUTE);
    assert_eq!(bench.host.challenge(), Challenge::Http);
    assert_eq!(bench.fail(Some(Challenge::Http)), 12 * MINUTE);
    assert_eq!(bench.host.challenge(), Challenge::TlsAlpn);
    assert_eq!(bench.host.warn(bench.now), None);
}

#[test]
fn a_new_certificate_is_stored_then_asked_about() {
    let mut bench = Bench::new(None);
    bench.fail(None);
    bench.host.ordered(made(), &bench.settings.pace, bench.now, 0.0);
    bench.does(Work::Save);
    bench.host.save_failed(&bench.settings.pace, bench.now);
    bench.does(Work::Ask);
    bench.host.asked(None, &bench.settings.pace, bench.now, 0.0);
    bench.waits(5 * MINUTE);
    bench.pass(5 * MINUTE);
    bench.does(Work::Save);
    bench.host.saved();
    bench.waits(6 * HOUR - 5 * MINUTE);
    // Its failures are forgotten.
    assert_eq!(bench.fail(None), 3 * MINUTE);
}

#[test]
fn renewal_comes_with_time_and_rests_after_success() {
    let mut bench = Bench::new(Some(made()));
    bench.does(Work::Ask);
    bench.host.asked(None, &bench.settings.pace, bench.now, 0.0);
    bench.pass(60 * DAY);
    bench.does(Work::Ask);
    bench.host.asked(None, &bench.settings.pace, bench.now, 0.0);
    bench.does(Work::Order);
    assert!(bench.host.replaced().is_none());
    // An authority or a clock that makes certificates old at once does not make evener order without end.
    bench.host.ordered(made(), &bench.settings.pace, bench.now, 0.0);
    bench.host.saved();
    bench.host.asked(None, &bench.settings.pace, bench.now, 0.0);
    bench.waits(HOUR);
}

#[test]
fn the_window_moves_the_renewal() {
    let mut bench = Bench::new(Some(made()));
    let start = bench.now.wall + 3 * HOUR;
    let window = Window { start, end: start + 2 * HOUR };
    bench.host.asked(Some((window, 10 * HOUR)), &bench.settings.pace, bench.now, 0.5);
    bench.waits(4 * HOUR);
    assert!(bench.host.replaced().is_some());
    // The same window keeps the moment that was drawn, another one does not.
    bench.host.asked(Some((window, 10 * HOUR)), &bench.settings.pace, bench.now, 0.0);
    bench.waits(4 * HOUR);
    let past = Window { start: start - 9 * DAY, end: start - 8 * DAY };
    bench.host.asked(Some((past, 10 * HOUR)), &bench.settings.pace, bench.now, 0.9);
    bench.does(Work::Order);
    // No answer keeps what is known.
    bench.host.asked(None, &bench.settings.pace, bench.now, 0.0);
    bench.does(Work::Order);
}

#[test]
fn a_step_of_the_wall_clock_does_not_touch_pauses() {
    let mut bench = Bench::new(None);
    bench.fail(None);
    bench.now.wall += 3650 * DAY;
    bench.waits(3 * MINUTE);
    bench.now.wall -= 7300 * DAY;
    bench.waits(3 * MINUTE);
    bench.pass(3 * MINUTE);
    bench.does(Work::Order);
}

#[test]
fn an_outage_is_waited_for_in_small_steps_and_a_reload_cuts_them() {
    let second = Duration::from_secs(1);
    let mut bench = Bench::new(None);
    for (fault, pause) in [(unreachable(), 2), (refused(503, None), 4), (Fault::Unanswered(second), 8)] {
        assert_eq!(bench.fail_by(fault), pause * second);
    }
    bench.waits(8 * second);
    bench.host.hurry(bench.now);
    bench.does(Work::Order);
    // Nothing was asked for in vain, and the folder may be mended.
    let unwritable = Fault::Unwritable { path: "/state".into(), error: std::io::Error::other("read-only") };
    assert_eq!(bench.fail_by(unwritable), 16 * second);
    bench.host.hurry(bench.now);
    bench.does(Work::Order);
    // What the authority wants is kept, and so is the pause after what it counts.
    assert_eq!(bench.fail_by(refused(503, Some(HOUR))), HOUR.mul_f64(1.05));
    bench.host.hurry(bench.now);
    bench.waits(HOUR.mul_f64(1.05));
    let full = Fault::State { path: "/state".into(), error: std::io::Error::other("full") };
    for counted in [refused(403, None), Fault::Broken, full] {
        let pause = bench.fail_by(counted);
        assert!(pause >= 3 * MINUTE, "{pause:?}");
        bench.host.hurry(bench.now);
        bench.waits(pause);
    }
    // Breaking off while the authority looks for the answer counts, whatever broke it off.
    let mut bench = Bench::new(None);
    let broken_off = Failed { fault: unreachable(), setback: Setback::Counted };
    assert_eq!(bench.host.order_failed(&broken_off, &bench.settings.pace, bench.now, 0.5), 3 * MINUTE);
    bench.host.hurry(bench.now);
    bench.waits(3 * MINUTE);
    // A rest after success is no pause of an outage.
    bench.fail_by(unreachable());
    bench.host.ordered(made(), &bench.settings.pace, bench.now, 0.0);
    bench.host.saved();
    bench.host.asked(None, &bench.settings.pace, bench.now, 0.0);
    bench.now.wall += 60 * DAY;
    bench.host.hurry(bench.now);
    bench.waits(HOUR);
}

#[test]
fn a_closed_way_opens_soon_after_an_outage() {
    let (now, pace, second) = (Instant::now(), Pace::default(), Duration::from_secs(1));
    let mut session = Session::new(now);
    for seconds in [2, 4, 8] {
        assert_eq!(session.failed(&unreachable(), &pace, now, 0.5), seconds * second);
        assert_eq!(session.wait(now), Some(seconds * second));
    }
    session.hurry(now);
    assert_eq!(session.wait(now), Some(Duration::ZERO));
    assert_eq!(session.failed(&refused(403, None), &pace, now, 0.5), 3 * MINUTE);
    session.hurry(now);
    assert_eq!(session.wait(now), Some(3 * MINUTE));
    // One that has already come to its end is not put off.
    session.failed(&unreachable(), &pace, now, 0.5);
    session.hurry(now + MINUTE);
    assert_eq!(session.wait(now), Some(2 * second));
    session.opening();
    session.hurry(now);
    assert_eq!(session.wait(now), None);
}

/// Let's Encrypt admits five failed validations of a host in an hour.
#[test]
fn failed_validations_are_rare_enough_whatever_comes_between_them() {
    for seed in 0..500_u64 {
        let mut state = seed;
        let mut random = || {
            // A linear congruential generator (Knuth's); only its upper bits are good.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1_u32 << 31)
        };
        let mut bench = Bench::new(None);
        let (begin, mut failed) = (bench.now.steady, Vec::new());
        while bench.now.steady - begin < 24 * HOUR {
            let fault = if random() < 0.2 {
                unreachable()
            } else {
                failed.push(bench.now.steady - begin);
                Fault::Challenge { challenge: bench.host.challenge(), detail: String::new() }
            };
            let mut wait = bench.host.order_failed(&Failed::from(fault), &bench.settings.pace, bench.now, random());
            if random() < 0.3 {
                bench.host.hurry(bench.now);
            }
            if let Next::Wait(left) = bench.host.next(&bench.settings, bench.now) {
                wait = wait.min(left);
            } else {
                wait = Duration::ZERO;
            }
            bench.pass(wait);
        }
        let sixth = failed.windows(6).map(|six| six[5] - six[0]).min().unwrap();
        assert!(sixth > HOUR, "seed {seed}: six within {sixth:?} of {failed:?}");
        assert!(failed.len() >= 8, "seed {seed}: tries go on: {failed:?}");
    }
}

#[test]
fn warnings_come_only_while_renewal_fails() {
    let mut bench = Bench::new(Some(made()));
    bench.pass(80 * DAY);
    assert_eq!(bench.host.warn(bench.now), None);
    bench.fail(None);
    assert_eq!(bench.host.warn(bench.now), Some(10 * DAY));
    assert_eq!(bench.host.warn(bench.now), None);
    bench.pass(4 * DAY);
    assert_eq!(bench.host.warn(bench.now), Some(6 * DAY));
    bench.pass(7 * DAY);
    assert_eq!(bench.host.warn(bench.now), Some(Duration::ZERO));
    assert_eq!(bench.host.warn(bench.now), None);
}

#[test]
fn names_that_cannot_be_ordered() {
    let long = format!("{}.test", "a".repeat(64));
    for (given, expected) in [
        ("Example.COM.", Ok("example.com")),
        ("localhost", Ok("localhost")),
        ("xn--bcher-kva.example", Ok("xn--bcher-kva.example")),
        ("a_b.example", Ok("a_b.example")),
        ("*.example.com", Err("wildcard")),
        ("10.0.0.1", Err("addresses")),
        ("[::1]", Err("not a DNS name")),
        ("", Err("between 1 and 253")),
        (".", Err("between 1 and 253")),
        ("a..b", Err("not a DNS name")),
        (".a", Err("not a DNS name")),
        ("a/b", Err("not a DNS name")),
        ("..", Err("not a DNS name")),
        ("-a.example", Err("not a DNS name")),
        ("bücher.example", Err("not a DNS name")),
        (&long, Err("not a DNS name")),
    ] {
        match (names::orderable(given), expected) {
            (Ok(name), Ok(expected)) => assert_eq!(name, expected),
            (Err(reason), Err(part)) => assert!(reason.contains(part), "{given}: {reason}"),
            (got, _) => panic!("{given}: {got:?}"),
        }
    }
}

#[test]
fn draws_are_below_one() {
    let draws: Vec<f64> = (0..1000).map(|_| draw()).collect();
    assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
    assert!(draws.iter().any(|draw| *draw > 0.5) && draws.iter().any(|draw| *draw < 0.5));
}

#[test]
fn the_time_of_the_next_order_is_known() {
    let mut bench = Bench::new(None);
    let order_in =
        |bench: &Bench| bench.host.order_at(&bench.settings, bench.now).duration_since(bench.now.wall).unwrap();
    assert_eq!(order_in(&bench), Duration::ZERO);
    assert_eq!(order_in(&bench), Duration::ZERO, "asking changes nothing");
    bench.fail(None);
    assert_eq!(order_in(&bench), 3 * MINUTE);
    bench.pass(MINUTE);
    assert_eq!(order_in(&bench), 2 * MINUTE);
    bench.host.ordered(made(), &bench.settings.pace, bench.now, 0.0);
    // Its renewal, on 2 March; less than an hour before that the rest after an order would come later.
    let renewed_at = made().not_before() + 60 * DAY;
    assert_eq!(bench.host.order_at(&bench.settings, bench.now), renewed_at);
    bench.pass(60 * DAY);
    bench.fail(None);
    assert_eq!(order_in(&bench), 3 * MINUTE);
}
