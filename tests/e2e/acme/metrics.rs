//! What the page of metrics tells of orders: how they end, when the next one is due, and until when what they brought is
//! valid.

use std::time::UNIX_EPOCH;

use super::{Pebble, Scene};
use crate::admin::{Page, expiry, start};
use crate::harness::ports::free_address;
use crate::harness::wait::{PATIENCE, wait_for};

const NEXT: &str = "evener_acme_next_attempt_timestamp_seconds{name=a.test}";
const EXPIRY: &str = "evener_tls_certificate_expiry_timestamp_seconds{file=,name=a.test,source=acme}";

#[test]
fn an_outage_and_an_order_are_in_the_metrics() {
    let scene = Scene::new();
    let admin = free_address();
    let mut pebble = Pebble::new(free_address(), scene.tls);
    let config = format!("admin = \"{admin}\"\n{}", scene.config(&pebble.section()));
    let _evener = start(&config, admin);
    let has_failed = |page: &Page| page.value("evener_acme_authority_failures_total{}") >= 1.0;
    let page = wait_for(PATIENCE, "the outage is told", || Some(Page::fetch(admin)).filter(has_failed));
    let now = UNIX_EPOCH.elapsed().expect("it is later").as_secs_f64();
    let retry_in = page.value(NEXT) - now;
    assert!(-2.0 < retry_in && retry_in < 600.0, "{retry_in}");
    assert_eq!(page.get(EXPIRY), None);
    assert_eq!(page.value("evener_acme_orders_total{result=ok}"), 0.0);

    pebble.start(&scene.folder.0);
    scene.await_certificate(&pebble);
    let has_next = |page: &Page| page.value(NEXT) > now + 3600.0;
    let page = wait_for(PATIENCE, "the renewal is told", || Some(Page::fetch(admin)).filter(has_next));
    assert_eq!(page.value("evener_acme_orders_total{result=ok}"), 1.0);
    let end = page.value(EXPIRY);
    assert_eq!(end, expiry(scene.tls, "a.test", &pebble.root(&scene.folder.0)));
    assert!(page.value(NEXT) < end, "it is renewed before it ends");
}
