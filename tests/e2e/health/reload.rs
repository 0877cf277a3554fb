//! What is known of servers stays known over a reload.

use rustix::process::Signal;

use super::{OFTEN, Patient, Ward, config};
use crate::harness::Step;
use crate::harness::evener::listed;
use crate::harness::wait::{PATIENCE, eventually};

impl Ward {
    #[track_caller]
    fn reload(&self, config: &str) {
        let before = self.said("evener: reloaded");
        self.evener.rewrite_config(config);
        self.evener.signal(Signal::HUP);
        eventually(PATIENCE, "evener has reloaded", || self.said("evener: reloaded") > before);
    }
}

#[test]
fn a_server_that_is_down_stays_down_until_checks_say_otherwise() {
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    let servers = listed(&[a.address(), b.address()]);
    let ward = Ward::with(&config(&servers, OFTEN));
    a.sicken();
    ward.wait_until_down(a.address(), "GET /healthz answered 503, wanted 200-399");
    // From now on no check of it comes to an end.
    a.answer(vec![Step::Hold]);
    a.wait_for_checks(1);
    // Nothing changes, then thresholds do, and the other servers.
    let own = listed(&[a.address()]);
    let c = Patient::new("c");
    let with_c = format!("{servers}, {}", listed(&[c.address()]));
    for (config, names) in [
        (config(&servers, OFTEN), &["b"][..]),
        (config(&servers, &format!("{OFTEN}, down = 3, up = 1")), &["b"]),
        (config(&with_c, &format!("{OFTEN}, down = 3, up = 1")), &["b", "c"]),
        // It is alone: it serves since nobody else does.
        (config(&own, OFTEN), &["a"]),
        (config(&servers, OFTEN), &["b"]),
    ] {
        ward.reload(&config);
        ward.wait_until_served_by(names);
        let texts = ward.texts(40);
        assert!(texts.iter().all(|text| names.contains(&text.as_str())), "{names:?}: {texts:?}");
    }
    assert_eq!((ward.said("is down"), ward.said("is up again")), (1, 0));
    a.heal();
    // Nobody waits for the check that hangs: that of the last reload is another one.
    ward.reload(&config(&servers, &format!("{OFTEN}, up = 3")));
    ward.wait_until_up(a.address());
    ward.wait_until_served_by(&["a", "b"]);
}

#[test]
fn without_checks_nobody_is_down() {
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    let servers = listed(&[a.address(), b.address()]);
    let ward = Ward::with(&config(&servers, OFTEN));
    a.sicken();
    ward.wait_until_down(a.address(), "GET /healthz answered 503, wanted 200-399");
    ward.expect_served_by(&["b"]);
    let checked = config(&servers, OFTEN);
    let unchecked: Vec<&str> = checked.lines().filter(|line| !line.starts_with("health")).collect();
    ward.reload(&(unchecked.join("\n") + "\n"));
    let checks = a.checks().len();
    ward.wait_until_served_by(&["a", "b"]);
    assert!(a.checks().len() <= checks + 1, "one may have been on its way");
    ward.reload(&checked);
    eventually(PATIENCE, "it is down again", || ward.said("is down") == 2);
    ward.expect_served_by(&["b"]);
}

#[test]
fn checks_that_do_not_change_go_on_as_if_nothing_had_happened() {
    // One check, and the next in an hour; one that begins anew has its first within half a second.
    let rarely = OFTEN.replace("100ms", "1h");
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    let ward = Ward::start(&[a.address(), b.address()], &rarely);
    eventually(PATIENCE, "both were checked", || !a.checks().is_empty() && !b.checks().is_empty());
    let others: Vec<Patient> = (0..6).map(|_| Patient::new("other")).collect();
    for count in 1..=others.len() {
        let addresses: Vec<_> = others[..count].iter().map(Patient::address).collect();
        let all = [&[a.address(), b.address()], &addresses[..]].concat();
        ward.reload(&config(&listed(&all), &rarely));
        eventually(PATIENCE, "the new one is checked", || !others[count - 1].checks().is_empty());
    }
    assert_eq!((a.checks().len(), b.checks().len()), (1, 1));
    assert!(others.iter().all(|other| other.checks().len() == 1));
}
