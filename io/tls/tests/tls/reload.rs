//! Certificates that change while they are in use.

use crate::wire::{Client, shake};
use crate::workshop::{Authority, Folder, HTTPS, Order, plan, site, tls};
use evener_plan::{CertificateFiles, Certificates, ServerTls};
use evener_tls::{CertificateSource, Problem, TlsKeeper, TlsNotice};
use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

#[test]
fn a_new_certificate_is_used_at_once_and_a_broken_one_never() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let issue = |extra: &str| ca.issue(&Order::server(&["a.example", extra]));
    let files = folder.put("a", &issue("one.example"));
    let mut keeper = TlsKeeper::new(folder.0.clone());
    let frontends = keeper.frontends(&plan(&folder, vec![site(&["a.example"], tls(&[&files]))])).unwrap();
    let client = || Client::of(&ca).config();
    let shown = || shake(frontends.get(HTTPS).unwrap(), &client(), "a.example").unwrap().names()[1].clone();
    assert_eq!(shown(), "one.example");
    assert!(keeper.refresh(SystemTime::now()).is_empty());

    folder.put("a", &issue("two.example"));
    let notices = keeper.refresh(SystemTime::now());
    assert!(matches!(notices.as_slice(), [TlsNotice::Renewed { .. }]), "{notices:?}");
    assert_eq!(shown(), "two.example");

    // The certificate has come, its key has not yet.
    let three = issue("three.example");
    folder.write("a.pem", &three.chain);
    let notices = keeper.refresh(SystemTime::now());
    let is_mismatch =
        |notice: &TlsNotice| matches!(notice, TlsNotice::Kept(f) if matches!(f.problem, Problem::KeyMismatch { .. }));
    assert!(notices.len() == 1 && notices.iter().all(is_mismatch), "{notices:?}");
    assert!(keeper.refresh(SystemTime::now()).is_empty(), "told once");
    assert_eq!(shown(), "two.example");
    folder.write("a.key", &three.key);
    assert_eq!(keeper.refresh(SystemTime::now()).len(), 1);
    assert_eq!(shown(), "three.example");

    // A reload with a broken file fails, and what is in use stays.
    fs::remove_file(&files.certificate).unwrap();
    assert!(matches!(keeper.refresh(SystemTime::now()).as_slice(), [TlsNotice::Kept(_)]));
    assert!(keeper.frontends(&plan(&folder, vec![site(&["a.example"], tls(&[&files]))])).is_err());
    assert_eq!(shown(), "three.example");
}

#[test]
fn a_swap_of_a_folder_behind_links_is_seen() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    for (place, extra) in [("1", "one.example"), ("2", "two.example")] {
        fs::create_dir(folder.path(place)).unwrap();
        folder.put(&format!("{place}/tls"), &ca.issue(&Order::server(&["a.example", extra])));
    }
    // As Kubernetes does it: the name is a link through a link that is replaced.
    symlink("1", folder.path("..data")).unwrap();
    symlink("..data/tls.pem", folder.path("tls.pem")).unwrap();
    symlink("..data/tls.key", folder.path("tls.key")).unwrap();
    let files = CertificateFiles { certificate: folder.path("tls.pem"), key: folder.path("tls.key") };
    let mut keeper = TlsKeeper::new(folder.0.clone());
    let frontends = keeper.frontends(&plan(&folder, vec![site(&[], tls(&[&files]))])).unwrap();
    let shown = || shake(frontends.get(HTTPS).unwrap(), &Client::of(&ca).config(), "a.example").unwrap().names();
    assert_eq!(shown()[1], "one.example");
    symlink("2", folder.path("..new")).unwrap();
    fs::rename(folder.path("..new"), folder.path("..data")).unwrap();
    assert_eq!(keeper.refresh(SystemTime::now()).len(), 1);
    assert_eq!(shown()[1], "two.example");
}

#[test]
fn an_end_that_is_near_is_told_once_a_day() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let files = folder.put("a", &ca.issue(&Order { years: (2025, 2040), ..Order::server(&["a.example"]) }));
    let mut keeper = TlsKeeper::new(folder.0.clone());
    let _frontends = keeper.frontends(&plan(&folder, vec![site(&[], tls(&[&files]))])).unwrap();
    let end = keeper.certificates()[0].not_after;
    let before = |days: u64| end - Duration::from_secs(days * 24 * 3600 - 60);
    assert!(keeper.refresh(before(20)).is_empty());
    assert!(matches!(keeper.refresh(before(10)).as_slice(), [TlsNotice::Expires { days: 9, .. }]));
    assert!(keeper.refresh(before(10) + Duration::from_secs(60)).is_empty());
    assert!(matches!(keeper.refresh(before(9)).as_slice(), [TlsNotice::Expires { days: 8, .. }]));
    let after = end + Duration::from_secs(3600);
    assert!(
        matches!(keeper.refresh(after).as_slice(), [TlsNotice::Flawed(f)] if matches!(f.problem, Problem::Expired(..)))
    );
}

#[test]
fn a_certificate_that_is_over_does_not_stop_the_start() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let files = folder.put("a", &ca.issue(&Order { years: (2020, 2021), ..Order::server(&["a.example"]) }));
    let mut keeper = TlsKeeper::new(folder.0.clone());
    keeper.frontends(&plan(&folder, vec![site(&[], tls(&[&files]))])).unwrap();
    let warnings = keeper.take_warnings();
    assert!(warnings.iter().any(|fault| matches!(fault.problem, Problem::Expired(1, _))), "{warnings:?}");
    assert!(keeper.take_warnings().is_empty());
}

#[test]
fn a_host_without_its_ordered_certificate_is_refused_until_it_comes() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let auto = ServerTls { certificates: Certificates::Auto, ..tls(&[]) };
    let plan = plan(&folder, vec![site(&["a.example", "b.example"], auto)]);
    let state = std::path::PathBuf::from(&plan.state_dir);
    let mut keeper = TlsKeeper::new(state.clone());
    let frontends = keeper.frontends(&plan).unwrap();
    let client = || Client::of(&ca).config();
    let outcome = |name: &str| shake(frontends.get(HTTPS).unwrap(), &client(), name).map(|shaken| shaken.names());
    assert!(outcome("a.example").is_err());
    let (a, b) = (ca.issue(&Order::server(&["a.example"])), ca.issue(&Order::server(&["b.example"])));
    assert!(keeper.install("a.example", &a.chain, &b.key).is_err());
    keeper.install("a.example", &a.chain, &a.key).unwrap();
    assert_eq!(outcome("a.example").unwrap(), ["a.example"]);
    assert!(outcome("b.example").is_err());
    assert_eq!(keeper.refresh(SystemTime::now()).len(), 0, "what was installed stays without files");
    assert_eq!(outcome("a.example").unwrap(), ["a.example"]);
    let awaited = |name: &str| frontends.get(HTTPS).unwrap().choose(Some(name), std::iter::empty()).unwrap().awaited;
    assert_eq!((awaited("a.example"), awaited("b.example").as_deref()), (None, Some("b.example")));

    // Files that another process has put there are found, now and at the start.
    let kept = state.join("acme/certificates");
    fs::create_dir_all(&kept).unwrap();
    fs::write(kept.join("b.example.key"), &b.key).unwrap();
    fs::write(kept.join("b.example.pem"), &b.chain).unwrap();
    keeper.refresh(SystemTime::now());
    assert_eq!(outcome("b.example").unwrap(), ["b.example"]);
    let mut again = TlsKeeper::new(state);
    let second = again.frontends(&plan).unwrap();
    assert!(shake(second.get(HTTPS).unwrap(), &client(), "b.example").is_ok());
    let report = again.certificates();
    assert_eq!((report.len(), report[0].source), (1, CertificateSource::Acme));
}

#[test]
fn a_reload_does_not_bring_an_older_certificate_back() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let auto = ServerTls { certificates: Certificates::Auto, ..tls(&[]) };
    let plan = plan(&folder, vec![site(&["a.example"], auto)]);
    let state = std::path::PathBuf::from(&plan.state_dir);
    let issue = |extra: &str| ca.issue(&Order::server(&["a.example", extra]));
    let store = |extra: &str| {
        let issued = issue(extra);
        let kept = state.join("acme/certificates");
        fs::create_dir_all(&kept).unwrap();
        fs::write(kept.join("a.example.key"), &issued.key).unwrap();
        fs::write(kept.join("a.example.pem"), &issued.chain).unwrap();
    };
    store("old.example");
    let mut keeper = TlsKeeper::new(state.clone());
    let frontends = keeper.frontends(&plan).unwrap();
    let shown = || {
        let shaken = shake(frontends.get(HTTPS).unwrap(), &Client::of(&ca).config(), "a.example");
        shaken.unwrap().names()[1].clone()
    };
    assert_eq!(shown(), "old.example");
    // The new one could not be stored.
    let new = issue("new.example");
    keeper.install("a.example", &new.chain, &new.key).unwrap();
    keeper.frontends(&plan).unwrap();
    assert_eq!(shown(), "new.example");
    assert!(keeper.refresh(SystemTime::now()).is_empty());
    assert_eq!(shown(), "new.example");
    // What comes into the folder later is newer still.
    store("newest.example");
    keeper.frontends(&plan).unwrap();
    assert_eq!(shown(), "newest.example");
}
