//! When nobody is left: all servers are down, or all but the backups.

use super::{OFTEN, Patient, Ward, config};
use crate::harness::wait::{PATIENCE, eventually};

#[test]
fn when_all_are_down_all_serve() {
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    a.sicken();
    b.sicken();
    let ward = Ward::start(&[a.address(), b.address()], OFTEN);
    eventually(PATIENCE, "both are down", || ward.said("is down") == 2);
    ward.wait_until_served_by(&["a", "b"]);
    a.heal();
    ward.wait_until_up(a.address());
    ward.expect_served_by(&["a"]);
}

#[test]
fn backups_take_over_when_all_others_are_down() {
    let (a, b, spare) = (Patient::new("a"), Patient::new("b"), Patient::new("spare"));
    let servers =
        format!("\"{}\", \"{}\", {{ address = \"{}\", backup = true }}", a.address(), b.address(), spare.address());
    let ward = Ward::with(&config(&servers, OFTEN));
    ward.expect_served_by(&["a", "b"]);
    a.sicken();
    ward.wait_until_down(a.address(), "GET /healthz answered 503, wanted 200-399");
    ward.expect_served_by(&["b"]);
    b.sicken();
    ward.wait_until_down(b.address(), "GET /healthz answered 503, wanted 200-399");
    ward.expect_served_by(&["spare"]);
    // Backups are checked as well: the last resort is all of them.
    spare.sicken();
    ward.wait_until_down(spare.address(), "GET /healthz answered 503, wanted 200-399");
    assert_eq!(ward.texts(20).len(), 20);
    b.heal();
    ward.wait_until_up(b.address());
    ward.expect_served_by(&["b"]);
}
