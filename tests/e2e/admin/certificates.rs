//! Until when certificates are valid: the page tells what a client is shown, before and after a swap.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::{Page, expiry, start};
use crate::harness::client::RawClient;
use crate::harness::evener::Folder;
use crate::harness::ports::free_address;
use crate::harness::wait::{PATIENCE, wait_for};

/// Puts a certificate for the name, which ends with that year, in the place of whatever is there.
fn issue(folder: &Folder, name: &str, year: i32) -> PathBuf {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new([name.to_owned()]).expect("a good name");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(year, 12, 31);
    let certificate = params.self_signed(&key).expect("a certificate").pem();
    let put = |path: PathBuf, text: &str| {
        let draft = path.with_extension("draft");
        fs::write(&draft, text).expect("it can be written");
        fs::set_permissions(&draft, Permissions::from_mode(0o600)).expect("it is an own file");
        fs::rename(&draft, &path).expect("it can be renamed");
        path
    };
    put(folder.0.join(format!("{name}.key")), &key.serialize_pem());
    put(folder.0.join(format!("{name}.pem")), &certificate)
}

const EXPIRY: &str = "evener_tls_certificate_expiry_timestamp_seconds";

#[test]
fn the_end_of_a_certificate_is_told_and_changes_with_its_files() {
    let (folder, admin) = (Folder::new(), free_address());
    let dir = folder.0.to_str().expect("temporary folders have plain names");
    let pem = issue(&folder, "a.test", 2060);
    issue(&folder, "b.test", 2050);
    let site = |name: &str| {
        format!(
            "[[site]]\nlisten = \"{{listen}}\"\nredirect_from = []\nhosts = [\"{name}\"]\n\
             tls = {{ cert = \"{dir}/{name}.pem\", key = \"{dir}/{name}.key\" }}\nrespond = {{ status = 200 }}\n"
        )
    };
    let top = format!("admin = \"{admin}\"\nstate_dir = \"{dir}/state\"\n");
    let evener = start(&format!("{top}{}{}", site("a.test"), site("b.test")), admin);
    let series = |name: &str| format!("{EXPIRY}{{file={dir}/{name}.pem,name={name},source=file}}");
    let page = Page::fetch(admin);
    let old = page.value(&series("a.test"));
    assert_eq!(old, expiry(evener.address(), "a.test", &pem));
    assert_eq!(page.value(&series("b.test")), expiry(evener.address(), "b.test", &folder.0.join("b.test.pem")));
    assert_eq!(page.labels(EXPIRY).len(), 2);

    issue(&folder, "a.test", 2070);
    let new = wait_for(PATIENCE, "the new end is told", || {
        Page::fetch(admin).get(&series("a.test")).filter(|end| *end != old)
    });
    assert!(new > old);
    assert_eq!(new, expiry(evener.address(), "a.test", &pem));

    // The connection of the harness that only looked, and one that speaks no TLS, are no handshakes that came to their end.
    RawClient::connect(evener.address()).send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").rest();
    let is_counted = |page: &Page| page.value("evener_tls_handshakes_total{result=failed}") >= 1.0;
    let page = wait_for(PATIENCE, "the failure is counted", || Some(Page::fetch(admin)).filter(is_counted));
    assert_eq!(page.value("evener_tls_handshakes_total{result=ok}"), 3.0);

    // A site that is gone takes its certificate along.
    evener.rewrite_config(&format!("{top}{}", site("a.test")));
    evener.signal(rustix::process::Signal::HUP);
    let is_gone = |page: &Page| page.get(&series("b.test")).is_none();
    let page = wait_for(PATIENCE, "it is gone", || Some(Page::fetch(admin)).filter(is_gone));
    assert_eq!(page.value(&series("a.test")), new);
}

#[test]
fn certificates_of_the_internal_authority_are_told() {
    let (folder, admin) = (Folder::new(), free_address());
    let dir = folder.0.to_str().expect("temporary folders have plain names");
    let config = format!(
        "admin = \"{admin}\"\nstate_dir = \"{dir}/state\"\n[[site]]\nlisten = \"{{listen}}\"\nredirect_from = []\n\
         hosts = [\"dev.test\"]\ntls = \"internal\"\nrespond = {{ status = 200 }}\n"
    );
    let evener = start(&config, admin);
    let told = Page::fetch(admin).value(&format!("{EXPIRY}{{file=,name=dev.test,source=internal}}"));
    assert_eq!(told, expiry(evener.address(), "dev.test", &folder.0.join("state/internal/root.pem")));
}
