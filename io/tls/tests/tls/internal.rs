//! The internal authority.

use crate::wire::{Client, shake};
use crate::workshop::{Folder, HTTPS, plan, roots, site, tls};
use evener_plan::{Certificates, Plan, ServerTls};
use evener_tls::{TlsKeeper, inspect};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

fn internal(folder: &Folder) -> Plan {
    let tls = ServerTls { certificates: Certificates::Internal, ..tls(&[]) };
    plan(folder, vec![site(&["dev.example"], tls.clone()), site(&[], tls)])
}

#[test]
fn certificates_are_made_and_the_root_is_kept() {
    let folder = Folder::new();
    let plan = internal(&folder);
    let state = PathBuf::from(&plan.state_dir);
    let mut keeper = TlsKeeper::new(state.clone());
    assert!(inspect(&plan, SystemTime::now()).is_empty());
    assert!(!state.exists(), "a check makes nothing");
    let frontends = keeper.frontends(&plan).unwrap();
    let pem = fs::read_to_string(state.join("internal/root.pem")).unwrap();
    let mode = fs::metadata(state.join("internal/root.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let client = || Client::with(roots(&pem)).config();
    let shaken = shake(frontends.get(HTTPS).unwrap(), &client(), "dev.example").unwrap();
    assert_eq!(shaken.names(), ["dev.example"]);
    let shaken = shake(frontends.get(HTTPS).unwrap(), &client(), "127.0.0.1").unwrap();
    assert_eq!(shaken.names(), ["localhost", "127.0.0.1", "::1"]);
    assert!(shake(frontends.get(HTTPS).unwrap(), &client(), "localhost").is_ok());
    assert!(keeper.trust_hint().contains(&format!("--cacert {}", state.join("internal/root.pem").display())));
    assert!(inspect(&plan, SystemTime::now()).is_empty(), "{:?}", inspect(&plan, SystemTime::now()));

    // Another run goes on with the same root, a reload with the same certificates.
    let first = shake(frontends.get(HTTPS).unwrap(), &client(), "localhost").unwrap().certificate;
    let again = keeper.frontends(&plan).unwrap();
    assert_eq!(shake(again.get(HTTPS).unwrap(), &client(), "localhost").unwrap().certificate, first);
    let other = TlsKeeper::new(state.clone()).frontends(&plan).unwrap();
    assert!(shake(other.get(HTTPS).unwrap(), &client(), "localhost").is_ok());
    assert_eq!(fs::read_to_string(state.join("internal/root.pem")).unwrap(), pem);
    assert_eq!(fs::read_dir(state.join("internal")).unwrap().count(), 2, "no drafts are left");
}

#[test]
fn certificates_are_made_anew_before_their_end() {
    let folder = Folder::new();
    let plan = internal(&folder);
    let mut keeper = TlsKeeper::new(PathBuf::from(&plan.state_dir));
    let _frontends = keeper.frontends(&plan).unwrap();
    let end = keeper.certificates()[0].not_after;
    let days = |days: u64| SystemTime::now() + Duration::from_secs(days * 24 * 3600);
    assert!(keeper.refresh(days(30)).is_empty());
    assert_eq!(keeper.certificates()[0].not_after, end);
    assert!(keeper.refresh(days(70)).is_empty());
    assert!(keeper.certificates().iter().all(|report| report.not_after > days(150)));
}

#[test]
fn a_broken_root_is_a_fault_and_not_replaced() {
    let folder = Folder::new();
    let plan = internal(&folder);
    let state = PathBuf::from(&plan.state_dir);
    TlsKeeper::new(state.clone()).frontends(&plan).unwrap();
    fs::write(state.join("internal/root.key"), "nothing").unwrap();
    let faults = TlsKeeper::new(state.clone()).frontends(&plan).unwrap_err();
    assert!(faults[0].to_string().contains("root.key: is not PEM"), "{faults:?}");
    assert_eq!(inspect(&plan, SystemTime::now()).len(), 1);
    assert_eq!(fs::read_to_string(state.join("internal/root.key")).unwrap(), "nothing");
}

#[test]
fn a_failure_to_make_one_anew_is_told_once_a_day() {
    let folder = Folder::new();
    let plan = internal(&folder);
    let state = PathBuf::from(&plan.state_dir);
    let mut keeper = TlsKeeper::new(state.clone());
    let frontends = keeper.frontends(&plan).unwrap();
    let pem = fs::read_to_string(state.join("internal/root.pem")).unwrap();
    fs::write(state.join("internal/root.key"), "nothing").unwrap();
    let days = |days: u64| SystemTime::now() + Duration::from_secs(days * 24 * 3600);
    let (first, second) = (days(70), days(71));
    assert_eq!(keeper.refresh(first).len(), 2, "one for each certificate");
    assert!(keeper.refresh(first).is_empty());
    assert_eq!(keeper.refresh(second).len(), 2);
    let client = Client::with(roots(&pem)).config();
    assert!(shake(frontends.get(HTTPS).unwrap(), &client, "dev.example").is_ok(), "the old one stays");
}
