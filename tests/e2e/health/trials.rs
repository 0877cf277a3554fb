//! Servers without `health`: one that took no connections is tried without a request, and is back soon.

use std::time::{Duration, Instant};

use super::{Patient, Ward, config};
use crate::harness::evener::listed;
use crate::harness::ports::free_address;
use crate::harness::wait::{PATIENCE, eventually, pause_unless};

/// Two servers in turn without checks; the first one refuses and has been ejected for a while.
fn with_ejected(address: std::net::SocketAddr, b: &Patient) -> Ward {
    let config = config(&listed(&[address, b.address()]), "").replace("health = {  }\n", "");
    assert!(!config.contains("health"));
    let ward = Ward::with(&config);
    let begun = Instant::now();
    // Until trials by requests would be seconds apart.
    while begun.elapsed() < Duration::from_secs(4) {
        assert!(ward.texts(10).iter().all(|text| text == "b"));
    }
    ward
}

#[test]
fn an_ejected_server_is_back_two_seconds_after_it_takes_connections() {
    let (address, b) = (free_address(), Patient::new("b"));
    let ward = with_ejected(address, &b);
    let begun = Instant::now();
    let a = Patient::at(address, "a");
    eventually(PATIENCE, "it serves", || ward.texts(10).iter().any(|text| text == "a"));
    let after = begun.elapsed();
    // A second, a trial, and some more because the machine may be busy.
    assert!(after < Duration::from_secs(3), "{after:?}");
    ward.wait_until_served_by(&["a", "b"]);
    drop(a);
}

#[test]
fn while_it_refuses_no_request_is_spent_on_it() {
    let (address, b) = (free_address(), Patient::new("b"));
    let mut ward = with_ejected(address, &b);
    ward.evener.signal(rustix::process::Signal::TERM);
    assert!(ward.evener.process.wait_exit(PATIENCE).success());
    let stderr = ward.evener.process.stderr();
    let (before, _) = stderr.split_once(" attempts at servers failed").expect("some did");
    let failed: usize = before.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a count");
    // Those that ejected it, and one if its time was over before the first connection.
    assert!((5..=6).contains(&failed), "{failed}:\n{stderr}");
}

#[test]
fn it_is_tried_without_traffic_and_only_until_it_takes_a_connection() {
    let (address, b) = (free_address(), Patient::new("b"));
    let ward = with_ejected(address, &b);
    let a = Patient::at(address, "a");
    let tried = || a.recorder.conversations().len();
    eventually(PATIENCE, "it is tried", || tried() > 0);
    assert_eq!(a.recorder.text(), "", "nobody has asked it anything");
    // Nothing more is to be learned before the next request.
    pause_unless(Duration::from_secs(3), || tried() > 1);
    assert_eq!(tried(), 1);
    assert!(ward.texts(2).iter().any(|text| text == "a"));
}
