//! Orders that go well: both challenges, bad nonces, a restart, a changing list.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use evener_acme::Challenge::{Http, TlsAlpn};
use evener_plan::AccountBinding;

use crate::authority::{Authority, BINDING, Traits};
use crate::scene::{Answers, Scene};
use crate::{Folder, Run, settings, until};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The one account in the folder.
fn account_file(folder: &Path) -> std::path::PathBuf {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut accounts: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    assert_eq!(accounts.len(), 1, "{accounts:?}");
    accounts.pop().unwrap()
}

#[tokio::test]
async fn a_first_order_by_tls_and_a_restart() {
    let folder = Folder::new("tls");
    let scene = Scene::new(Answers::Both);
    let authority = Authority::running(&folder, &scene, Traits::default());
    let settings = settings(authority.directory(), &authority.ca, &folder);
    let run = Run::start(settings.clone(), &["A.example.com.", "*.example.com", "127.0.0.1", "../x"], &scene);
    until(&scene, "a certificate", |scene| scene.has("a.example.com")).await;
    let first = scene.certificates().remove(0);
    assert!(first.chain_pem().contains("BEGIN CERTIFICATE") && first.key_pem().contains("PRIVATE KEY"));
    assert_eq!(scene.shown(), [(String::from("a.example.com"), TlsAlpn)]);
    assert_eq!(scene.answers(), 0);
    for refused in ["\"*.example.com\": wildcard", "\"127.0.0.1\": addresses", "\"../x\": it is not a DNS name"] {
        assert!(scene.was_told(refused), "{refused}: {:?}", scene.notices());
    }

    let state = folder.path().join("state/acme");
    let (chain, key) = (state.join("certificates/a.example.com.pem"), state.join("certificates/a.example.com.key"));
    until(&scene, "the files", |_| chain.exists()).await;
    assert_eq!(fs::read_to_string(&chain).unwrap(), first.chain_pem());
    assert_eq!(fs::read_to_string(&key).unwrap(), first.key_pem());
    let account = account_file(&state);
    assert_eq!((mode(&key), mode(&account), mode(&state)), (0o600, 0o600, 0o700));
    let account_before = fs::read(&account).unwrap();
    drop(run);

    let again = Scene::new(Answers::Both);
    let run = Run::start(settings, &["a.example.com"], &again);
    until(&again, "the account", |scene| scene.was_told("opened the account")).await;
    assert_eq!(again.certificates(), [first]);
    assert_eq!(fs::read(account_file(&state)).unwrap(), account_before);
    assert!(again.shown().is_empty());
    drop(run);
}

#[tokio::test]
async fn an_order_by_http_after_tls_failed() {
    let folder = Folder::new("http");
    let scene = Scene::new(Answers::HttpOnly);
    let authority = Authority::running(&folder, &scene, Traits::default());
    let _run = Run::start(settings(authority.directory(), &authority.ca, &folder), &["b.example.com"], &scene);
    until(&scene, "a certificate", |scene| scene.has("b.example.com")).await;
    let host = || String::from("b.example.com");
    assert_eq!(scene.shown(), [(host(), TlsAlpn), (host(), Http)]);
    assert_eq!(scene.answers(), 0);
    let told = "no certificate for b.example.com: the authority could not verify tls-alpn-01: ";
    assert!(scene.was_told(told), "{:?}", scene.notices());
    assert!(!scene.was_told("it does not say why"), "{:?}", scene.notices());
}

#[tokio::test]
async fn bad_nonces_and_an_account_binding() {
    let folder = Folder::new("nonces");
    let scene = Scene::new(Answers::Both);
    let traits = Traits { nonces_rejected: 50, needs_binding: true, ..Traits::default() };
    let authority = Authority::running(&folder, &scene, traits);
    let mut settings = settings(authority.directory(), &authority.ca, &folder);
    settings.acme.binding = Some(AccountBinding { id: BINDING.0.to_owned(), key: BINDING.1.to_owned() });
    let hosts: Vec<String> = (0..6).map(|number| format!("n{number}.example.com")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let _run = Run::start(settings, &hosts, &scene);
    until(&scene, "six certificates", |scene| scene.certificates().len() == 6).await;
    assert!(!scene.was_told("failed"), "{:?}", scene.notices());
    assert_eq!(scene.answers(), 0);
    let stored = folder.path().join("state/acme/certificates");
    let is_stored = |host: &&str| stored.join(format!("{host}.pem")).exists();
    until(&scene, "the files", |_| hosts.iter().all(is_stored)).await;
}

#[tokio::test]
async fn the_list_of_hosts_may_change() {
    let folder = Folder::new("list");
    let scene = Scene::new(Answers::Both);
    let authority = Authority::running(&folder, &scene, Traits::default());
    let run = Run::start(settings(authority.directory(), &authority.ca, &folder), &[], &scene);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(scene.notices().is_empty(), "an account without a host: {:?}", scene.notices());
    run.change(&["c.example.com"]);
    until(&scene, "the first", |scene| scene.has("c.example.com")).await;
    run.change(&["d.example.com"]);
    until(&scene, "the second", |scene| scene.has("d.example.com")).await;
    let stored = folder.path().join("state/acme/certificates/c.example.com.pem");
    until(&scene, "the file of the first", |_| stored.exists()).await;
    // It comes back from the store.
    run.change(&["c.example.com", "d.example.com"]);
    until(&scene, "the first again", |scene| scene.certificates().len() == 3).await;
    assert_eq!(scene.certificates()[2], scene.certificates()[0]);
    assert_eq!(scene.shown().len(), 2);
}

#[tokio::test]
async fn an_order_that_is_given_up_leaves_no_answer() {
    let folder = Folder::new("given-up");
    let scene = Scene::new(Answers::Both);
    let authority = Authority::running(&folder, &scene, Traits::default());
    let mut settings = settings(authority.directory(), &authority.ca, &folder);
    // Nobody asks whether the authority has seen the answer until the host is gone.
    settings.pace.poll = Duration::from_secs(60);
    let run = Run::start(settings, &["e.example.com"], &scene);
    until(&scene, "an answer", |scene| scene.answers() == 1).await;
    run.change(&[]);
    until(&scene, "no answer", |scene| scene.answers() == 0).await;
    assert!(scene.certificates().is_empty());
}

#[tokio::test]
async fn an_order_ends_at_its_deadline() {
    let folder = Folder::new("deadline");
    let scene = Scene::new(Answers::Both);
    let authority = Authority::running(&folder, &scene, Traits::default());
    let mut settings = settings(authority.directory(), &authority.ca, &folder);
    settings.pace.poll = Duration::from_secs(60);
    settings.pace.order = Duration::from_secs(1);
    let _run = Run::start(settings, &["f.example.com"], &scene);
    until(&scene, "the end", |scene| scene.was_told("the order was not over within 1s")).await;
    assert_eq!(scene.shown().len(), 1);
    assert_eq!(scene.answers(), 0);
}
