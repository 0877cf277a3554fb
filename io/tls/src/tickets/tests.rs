//! Tickets as an attacker may send them, and the ring's turns.

use super::*;

fn hours(now: SystemTime, hours: u64) -> SystemTime {
    now + Duration::from_secs(hours * 3600)
}

#[test]
fn a_ticket_opens_as_it_was_sealed_and_not_otherwise() {
    let ring = Ring::new(SystemTime::now());
    let ticketer = Ticketer::new(Arc::clone(&ring), String::from("a"));
    let other = Ticketer::new(Arc::clone(&ring), String::from("b"));
    let ticket = ticketer.encrypt(b"session").unwrap();
    assert_eq!(ticketer.decrypt(&ticket).as_deref(), Some(&b"session"[..]));
    assert_eq!(Ticketer::new(ring, String::from("a")).decrypt(&ticket).as_deref(), Some(&b"session"[..]));
    assert_eq!(other.decrypt(&ticket), None);
    for index in 0..ticket.len() {
        let mut bent = ticket.clone();
        bent[index] ^= 1;
        assert_eq!(ticketer.decrypt(&bent), None, "byte {index}");
        assert_eq!(ticketer.decrypt(&ticket[..index]), None, "cut to {index}");
    }
    assert_ne!(ticketer.encrypt(b"session").unwrap(), ticket, "each has a nonce of its own");
}

#[test]
fn a_key_lives_for_three_periods() {
    let now = SystemTime::now();
    let ring = Ring::new(now);
    let ticketer = Ticketer::new(Arc::clone(&ring), String::new());
    let ticket = ticketer.encrypt(b"x").unwrap();
    let ahead = Ticketer::new(ring_one_turn_ahead(&ring), String::new());
    let early = ahead.encrypt(b"x").unwrap();
    assert!(ticketer.decrypt(&early).is_some(), "sealed by what is the next key here");
    for (hour, opens) in [(11, true), (12, true), (23, true), (24, false)] {
        ring.turn(hours(now, hour));
        assert_eq!(ticketer.decrypt(&ticket).is_some(), opens, "after {hour} hours");
    }
    let ticket = ticketer.encrypt(b"x").unwrap();
    ring.turn(hours(now, 24 + 24));
    assert!(ticketer.decrypt(&ticket).is_none(), "two periods at once are two turns");
}

fn ring_one_turn_ahead(ring: &Ring) -> Arc<Ring> {
    let keys = Keys::clone(&ring.keys.load());
    let ahead = Arc::new(Ring { keys: ArcSwap::from_pointee(keys.clone()) });
    ahead.turn(keys.since + PERIOD);
    ahead
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_the_ring() {
    let now = hours(SystemTime::now(), 1000);
    let ring = Ring::new(now);
    let turn = || ring.keys.load().turn;
    ring.turn(now - Duration::from_secs(900 * 3600));
    assert_eq!(turn(), 0);
    ring.turn(hours(now - Duration::from_secs(900 * 3600), 12));
    assert_eq!(turn(), 1);
}

#[test]
fn nothing_of_a_key_is_shown() {
    let ring = Ring::new(SystemTime::now());
    let ticketer = Ticketer::new(Arc::clone(&ring), String::from("a"));
    assert_eq!(format!("{ring:?}"), "Ring { turn: 0, .. }");
    assert!(format!("{ticketer:?}").contains("current: Some(Key { .. })"));
}
