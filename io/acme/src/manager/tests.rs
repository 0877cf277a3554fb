//! What is done for a host and when, with clocks that the test moves.

use super::*;
use crate::certificate::Certificate;
use crate::schedule::{Challenge, DAY, Window};
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

    fn fail(&mut self, failed: Option<Challenge>) -> Duration {
        self.host.order_failed(failed, None, &self.settings.pace, self.now, 0.5)
    }
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
    assert_eq!(bench.fail(None), 2 * MINUTE);
    assert_eq!(bench.host.challenge(), Challenge::Http);
    assert_eq!(bench.fail(Some(Challenge::Http)), 4 * MINUTE);
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
    assert_eq!(bench.fail(None), MINUTE);
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
    bench.waits(MINUTE);
    bench.now.wall -= 7300 * DAY;
    bench.waits(MINUTE);
    bench.pass(MINUTE);
    bench.does(Work::Order);
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
