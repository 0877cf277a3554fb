//! What is written is read again, and what fails leaves the old files.

use super::*;
use rcgen::{CertificateParams, KeyPair};
use std::os::unix::fs::PermissionsExt as _;

/// A folder of the test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("evener-acme-{}-{name}", std::process::id()));
        let _absent = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn made(host: &str) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([String::from(host)]).unwrap().self_signed(&key).unwrap();
    Certificate::check(host, certificate.pem(), key.serialize_pem()).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_written_is_read() {
    let folder = Folder::new("round-trip");
    let store = Store::new(&folder.0);
    assert!(store.certificate("a.test").unwrap().is_none());
    let (first, second) = (made("a.test"), made("a.test"));
    for certificate in [&first, &second] {
        store.write_certificate(certificate).unwrap();
        assert_eq!(store.certificate("a.test").unwrap().as_ref(), Some(certificate));
    }
    let certificates = folder.0.join("acme/certificates");
    assert_eq!(mode(&certificates), 0o700);
    assert_eq!(mode(&certificates.join("a.test.key")), 0o600);
    assert_eq!(mode(&certificates.join("a.test.pem")), 0o644);
    assert_eq!(fs::read_dir(&certificates).unwrap().count(), 2);
}

#[test]
fn accounts_are_kept_by_directory_and_put_aside() {
    let folder = Folder::new("account");
    let store = Store::new(&folder.0);
    assert_eq!(store.account("https://one/").unwrap(), None);
    store.retire_account("https://one/").unwrap();
    store.write_account("https://one/", b"1").unwrap();
    store.write_account("https://two/", b"2").unwrap();
    assert_eq!(store.account("https://one/").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(mode(&store.account_path("https://one/")), 0o600);
    store.retire_account("https://one/").unwrap();
    assert_eq!(store.account("https://one/").unwrap(), None);
    assert_eq!(store.account("https://two/").unwrap().as_deref(), Some(&b"2"[..]));
}

#[test]
fn a_failed_write_keeps_the_old_files() {
    let folder = Folder::new("failure");
    let store = Store::new(&folder.0);
    let old = made("a.test");
    store.write_certificate(&old).unwrap();
    // A folder in the place of the file that would be prepared: it cannot be written, not even by root.
    let (chain_path, _) = store.certificate_paths("a.test");
    fs::create_dir(staged_path(&chain_path)).unwrap();
    store.write_certificate(&made("a.test")).unwrap_err();
    fs::remove_dir(staged_path(&chain_path)).unwrap();
    assert_eq!(store.certificate("a.test").unwrap().as_ref(), Some(&old));
    assert_eq!(fs::read_dir(folder.0.join("acme/certificates")).unwrap().count(), 2);
}

#[test]
fn a_crash_between_the_two_names_is_mended() {
    let folder = Folder::new("crash");
    let store = Store::new(&folder.0);
    store.write_certificate(&made("a.test")).unwrap();
    let new = made("a.test");
    let (chain_path, key_path) = store.certificate_paths("a.test");
    prepare(&key_path, new.key_pem().as_bytes(), SECRET).unwrap();
    prepare(&chain_path, new.chain_pem().as_bytes(), PUBLIC).unwrap();
    commit(&key_path).unwrap();
    assert_eq!(store.certificate("a.test").unwrap().as_ref(), Some(&new));
    assert!(!staged_path(&chain_path).exists());
}

#[test]
fn what_is_unusable_is_told() {
    let folder = Folder::new("unusable");
    let store = Store::new(&folder.0);
    store.write_certificate(&made("a.test")).unwrap();
    let (chain_path, key_path) = store.certificate_paths("a.test");
    fs::write(&chain_path, made("a.test").chain_pem()).unwrap();
    assert!(matches!(store.certificate("a.test"), Err(Fault::Unusable(_))));
    fs::write(&chain_path, [0xff, 0xfe]).unwrap();
    assert!(matches!(store.certificate("a.test"), Err(Fault::Unusable(_))));
    fs::remove_file(&chain_path).unwrap();
    assert!(store.certificate("a.test").unwrap().is_none());
    fs::remove_file(&key_path).unwrap();
    fs::create_dir(&key_path).unwrap();
    assert!(matches!(store.certificate("a.test"), Err(Fault::State { path, .. }) if path == key_path));
}
