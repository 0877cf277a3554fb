//! Sessions: resumed within a policy, also after a reload, never across.

use crate::wire::{Client, ONLY_12, ONLY_13, shake};
use crate::workshop::{Authority, Folder, HTTPS, Order, gated, plan, site, tls};
use evener_plan::{ClientAuth, Plan, ServerTls, Site, TlsVersion};
use evener_tls::TlsKeeper;
use std::time::{Duration, SystemTime};

struct Case {
    folder: Folder,
    ca: Authority,
    open: ServerTls,
}

fn case() -> Case {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let files = folder.put("a", &ca.issue(&Order::server(&["a.example"])));
    Case { open: tls(&[&files]), folder, ca }
}

impl Case {
    fn plan(&self, tls: ServerTls) -> Plan {
        plan(&self.folder, vec![site(&["a.example"], tls)])
    }

    fn keeper(&self) -> TlsKeeper {
        TlsKeeper::new(self.folder.0.clone())
    }
}

#[test]
fn sessions_are_resumed_in_both_versions() {
    let case = case();
    let frontends = case.keeper().frontends(&case.plan(case.open.clone())).unwrap();
    for versions in [ONLY_12, ONLY_13] {
        let client = Client { versions, ..Client::of(&case.ca) }.config();
        let shake = || shake(frontends.get(HTTPS).unwrap(), &client, "a.example").unwrap().is_resumed();
        assert_eq!([shake(), shake(), shake()], [false, true, true]);
    }
}

#[test]
fn sessions_survive_a_reload() {
    let case = case();
    let mut keeper = case.keeper();
    let client = Client::of(&case.ca).config();
    let first = keeper.frontends(&case.plan(case.open.clone())).unwrap();
    assert!(!shake(first.get(HTTPS).unwrap(), &client, "a.example").unwrap().is_resumed());
    drop(first);
    let mut changed: Vec<Site> = case.plan(case.open.clone()).sites;
    changed.insert(0, site(&["z.example"], case.open.clone()));
    let second = keeper.frontends(&plan(&case.folder, changed)).unwrap();
    assert!(shake(second.get(HTTPS).unwrap(), &client, "a.example").unwrap().is_resumed());
    // Another process has other keys.
    let other = case.keeper().frontends(&case.plan(case.open.clone())).unwrap();
    assert!(!shake(other.get(HTTPS).unwrap(), &client, "a.example").unwrap().is_resumed());
}

#[test]
fn sessions_do_not_cross_policies() {
    let case = case();
    let mut keeper = case.keeper();
    let client = Client { versions: ONLY_13, ..Client::of(&case.ca) }.config();
    let open = keeper.frontends(&case.plan(case.open.clone())).unwrap();
    let newer = ServerTls { version_min: TlsVersion::V13, ..case.open.clone() };
    let newer = keeper.frontends(&case.plan(newer)).unwrap();
    let is_resumed = |frontends: &evener_tls::Frontends| {
        shake(frontends.get(HTTPS).unwrap(), &client, "a.example").unwrap().is_resumed()
    };
    assert!(!is_resumed(&open));
    assert!(!is_resumed(&newer));
    assert!(is_resumed(&newer));
}

#[test]
fn a_session_without_a_certificate_does_not_open_a_site_that_asks_for_one() {
    let case = case();
    let mut keeper = case.keeper();
    let ca = case.folder.write("clients.pem", &case.ca.pem);
    let files = match &case.open.certificates {
        evener_plan::Certificates::Files(files) => files[0].clone(),
        other => panic!("{other:?}"),
    };
    let auth = ClientAuth { ca, is_required: true, crls: Vec::new() };
    let client = Client::of(&case.ca).config();
    let open = keeper.frontends(&case.plan(case.open.clone())).unwrap();
    let closed = keeper.frontends(&case.plan(gated(&files, auth.clone()))).unwrap();
    assert!(!shake(open.get(HTTPS).unwrap(), &client, "a.example").unwrap().is_resumed());
    assert!(shake(closed.get(HTTPS).unwrap(), &client, "a.example").is_err());
    // With a certificate each handshake is a whole one, so that each looks at it.
    for versions in [ONLY_12, ONLY_13] {
        let shown = case.ca.issue(&Order::client(&["someone"], 1));
        let client = Client { versions, ..Client::of(&case.ca).showing(&shown) }.config();
        for _ in 0..3 {
            assert!(!shake(closed.get(HTTPS).unwrap(), &client, "a.example").unwrap().is_resumed());
        }
    }
}

#[test]
fn keys_turn_every_twelve_hours() {
    let case = case();
    let mut keeper = case.keeper();
    let frontends = keeper.frontends(&case.plan(case.open.clone())).unwrap();
    let now = SystemTime::now();
    let hours = |hours: u64| now + Duration::from_secs(hours * 3600 + 60);
    let fresh = || Client::of(&case.ca).config();
    let is_resumed = |client| shake(frontends.get(HTTPS).unwrap(), client, "a.example").unwrap().is_resumed();
    let (kept, lost) = (fresh(), fresh());
    assert!(!is_resumed(&kept));
    assert!(!is_resumed(&lost));
    keeper.rotate_tickets(hours(11));
    keeper.rotate_tickets(hours(12));
    assert!(is_resumed(&kept), "sealed with what is the previous key now");
    keeper.rotate_tickets(hours(24));
    assert!(is_resumed(&kept), "was sealed anew with the resumption");
    assert!(!is_resumed(&lost), "its key is gone");
    // A clock that is set back does not stop the ring for long.
    keeper.rotate_tickets(now);
    keeper.rotate_tickets(hours(12));
    keeper.rotate_tickets(hours(24));
    keeper.rotate_tickets(hours(36));
    assert!(!is_resumed(&kept));
}
