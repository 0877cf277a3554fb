//! Authorities that are down, not trusted, or talk nonsense, and a disk that takes nothing.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use evener_acme::Pace;

use crate::authority::{Authority, Traits};
use crate::scene::{Answers, Scene};
use crate::server::{Identity, json, serve};
use crate::{Folder, Run, settings, until};

#[tokio::test]
async fn an_authority_that_comes_up_late() {
    let folder = Folder::new("late");
    let scene = Scene::new(Answers::Both);
    let mut authority = Authority::new(&folder, &scene, Traits::default());
    let began = Instant::now();
    let hosts = ["i.example.com", "j.example.com", "k.example.com"];
    let _run = Run::start(settings(authority.directory(), &authority.ca, &folder), &hosts, &scene);
    until(&scene, "four failures", |scene| scene.notices().len() >= 4).await;
    // Waits of at least four fifths of 200, 400 and 800 ms; one line an attempt, however many hosts there are.
    assert!(began.elapsed() >= Duration::from_millis(1120), "{:?}", began.elapsed());
    let told = "cannot use the certificate authority: the authority cannot be reached: ";
    assert!(scene.notices().iter().all(|notice| notice.contains(told)), "{:?}", scene.notices());
    assert!(scene.was_told("refused"), "{:?}", scene.notices());
    authority.start();
    until(&scene, "the certificates", |scene| hosts.iter().all(|host| scene.has(host))).await;
}

#[tokio::test]
async fn a_short_outage_is_over_soon_at_the_usual_pace() {
    let folder = Folder::new("soon");
    let scene = Scene::new(Answers::Both);
    let mut authority = Authority::new(&folder, &scene, Traits::default());
    let mut settings = settings(authority.directory(), &authority.ca, &folder);
    settings.pace = Pace { poll: settings.pace.poll, ..Pace::default() };
    let _run = Run::start(settings, &["p.example.com"], &scene);
    until(&scene, "a failure", |scene| scene.was_told("the authority cannot be reached")).await;
    authority.start();
    let began = Instant::now();
    until(&scene, "a certificate", |scene| scene.has("p.example.com")).await;
    // The second pause, if the authority is not up before the first one ends.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}: {:?}", began.elapsed(), scene.notices());
}

#[tokio::test]
async fn a_list_that_is_sent_again_ends_the_wait_after_an_outage() {
    let folder = Folder::new("hurried");
    let scene = Scene::new(Answers::Both);
    let mut authority = Authority::new(&folder, &scene, Traits::default());
    let mut settings = settings(authority.directory(), &authority.ca, &folder);
    // Nobody waits for that.
    settings.pace.outage_first = Duration::from_secs(3600);
    settings.pace.outage_max = Duration::from_secs(3600);
    let run = Run::start(settings, &["q.example.com"], &scene);
    until(&scene, "a failure", |scene| scene.was_told("the authority cannot be reached")).await;
    authority.start();
    run.change(&["q.example.com"]);
    until(&scene, "a certificate", |scene| scene.has("q.example.com")).await;
    // It is one try and not the end of all pauses.
    let failures = scene.notices().iter().filter(|notice| notice.contains("acme_authority_failed")).count();
    assert_eq!(failures, 1, "{:?}", scene.notices());
}

#[tokio::test]
async fn an_outage_while_the_authority_verifies_counts_as_a_failed_verification() {
    let folder = Folder::new("midway");
    let scene = Scene::new(Answers::Both);
    let mut authority = Authority::running(&folder, &scene, Traits::default());
    let mut settings = settings(authority.directory(), &authority.ca, &folder);
    // Long enough to stop the authority before it is asked what it has seen.
    settings.pace.poll = Duration::from_secs(1);
    settings.pace.pause_first = Duration::from_secs(3600);
    settings.pace.pause_max = Duration::from_secs(3600);
    let run = Run::start(settings, &["r.example.com"], &scene);
    until(&scene, "an answer", |scene| scene.answers() == 1).await;
    authority.stop();
    let failed = "no certificate for r.example.com: the authority cannot be reached";
    until(&scene, "a failure", |scene| scene.was_told(failed)).await;
    let notices = scene.notices();
    let told = notices.iter().find(|notice| notice.contains(failed)).unwrap();
    // An hour with its jitter, and not 200 ms.
    assert!(told.ends_with(" min"), "{told}");
    // Nobody may hurry that, though the authority is back.
    authority.start();
    run.change(&["r.example.com"]);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!((scene.shown().len(), scene.notices().len()), (1, notices.len()), "{:?}", scene.notices());
}

#[tokio::test]
async fn an_authority_that_is_not_trusted() {
    let folder = Folder::new("untrusted");
    let scene = Scene::new(Answers::Both);
    let authority = Authority::running(&folder, &scene, Traits::default());
    let other = folder.path().join("other.pem");
    fs::write(&other, Identity::new().ca_pem).unwrap();
    let run = Run::start(settings(authority.directory(), &other, &folder), &["l.example.com"], &scene);
    until(&scene, "the reason", |scene| scene.was_told("not trusted: invalid peer certificate: UnknownIssuer")).await;
    // A mended file is noticed.
    fs::copy(&authority.ca, &other).unwrap();
    until(&scene, "a certificate", |scene| scene.has("l.example.com")).await;
    drop(run);

    let missing = folder.path().join("missing.pem");
    let again = Scene::new(Answers::Both);
    let _run = Run::start(settings(authority.directory(), &missing, &folder), &["m.example.com"], &again);
    until(&again, "the reason", |scene| scene.was_told("missing.pem: No such file or directory")).await;
}

#[tokio::test]
async fn a_disk_that_takes_nothing() {
    let folder = Folder::new("disk");
    let scene = Scene::new(Answers::Both);
    let authority = Authority::running(&folder, &scene, Traits::default());
    let settings = settings(authority.directory(), &authority.ca, &folder);
    // A folder in the place of the file that would be written: nobody can write it, not even root.
    let certificates = settings.state_dir.join("acme/certificates");
    let blocked = certificates.join(".n.example.com.key.new");
    fs::create_dir_all(&blocked).unwrap();
    let _run = Run::start(settings, &["n.example.com"], &scene);
    until(&scene, "a certificate", |scene| scene.has("n.example.com")).await;
    until(&scene, "the reason", |scene| scene.was_told("cannot store the certificate of n.example.com in ")).await;
    fs::remove_dir(&blocked).unwrap();
    until(&scene, "the file", |_| certificates.join("n.example.com.pem").exists()).await;
    assert_eq!(scene.certificates().len(), 1);
}

#[tokio::test]
async fn where_nothing_can_be_kept_nothing_is_asked_for() {
    for place in [".", "acme", "acme/certificates"] {
        let folder = Folder::new(&format!("unwritable-{}", place.len()));
        let scene = Scene::new(Answers::Both);
        let authority = Authority::running(&folder, &scene, Traits::default());
        let settings = settings(authority.directory(), &authority.ca, &folder);
        // A file in the place of the folder: nobody can write below it, not even root.
        let path = settings.state_dir.join(place).components().collect::<PathBuf>();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        let told = format!("{}/acme/certificates cannot be written: ", settings.state_dir.display());
        let run = Run::start(settings, &["s.example.com"], &scene);
        until(&scene, "three tries", |scene| scene.notices().len() >= 3).await;
        let notices = scene.notices();
        assert!(notices.iter().all(|notice| notice.contains(&told) && notice.contains("state_dir = ")), "{notices:?}");
        assert_eq!(authority.accounts(), 0, "{notices:?}");
        // Mended, it needs nobody to do anything.
        fs::remove_file(&path).unwrap();
        until(&scene, "a certificate", |scene| scene.has("s.example.com")).await;
        assert_eq!(authority.accounts(), 1);
        drop(run);
    }
}

#[tokio::test]
async fn nonsense_is_survived() {
    let folder = Folder::new("nonsense");
    let scene = Scene::new(Answers::Both);
    let identity = Identity::new();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, &identity.ca_pem).unwrap();
    let nonsense: [&[u8]; 8] = [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\nContent-Type: application/problem+json\r\n\r\n{}",
        b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nRetry-After: 0\r\n\r\n",
        b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nRetry-After: 18446744073709551615\r\nReplay-Nonce: \xff\r\nContent-Length: 2\r\n\r\n[]",
        b"\x16\x03\x01 nothing like HTTP",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ];
    let own = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let url = serve(&identity, {
        let own = std::sync::Arc::clone(&own);
        let mut count = 0;
        Box::new(move |_method, path| {
            count += 1;
            // Every other time things look right for a while, so that the nonsense comes later.
            match path {
                "/dir" if count % 3 != 0 => {
                    let base = own.lock().unwrap().clone();
                    json(
                        "",
                        &format!(r#"{{"newNonce": "{base}/n", "newAccount": "{base}/a", "newOrder": "{base}/o"}}"#),
                    )
                }
                "/n" if count % 4 != 0 => json("Replay-Nonce: abcd\r\n", ""),
                "/a" if count % 2 != 0 => json("Location: https://127.0.0.1:1/account\r\n", "{}"),
                "/o" if count % 5 == 0 => json(
                    "Location: https://127.0.0.1:1/order\r\nRetry-After: 99999999999999999999\r\n",
                    r#"{"status": "pending", "authorizations": [], "finalize": "not a URL"}"#,
                ),
                _ => nonsense[count % nonsense.len()].to_vec(),
            }
        })
    });
    own.lock().unwrap().clone_from(&url);
    let mut settings = settings(format!("{url}/dir"), &ca, &folder);
    settings.pace.outage_first = Duration::from_millis(10);
    settings.pace.outage_max = Duration::from_millis(20);
    settings.pace.pause_first = Duration::from_millis(10);
    settings.pace.pause_max = Duration::from_millis(20);
    let run = Run::start(settings, &["o.example.com"], &scene);
    until(&scene, "sixty failures", |scene| scene.notices().len() >= 60).await;
    assert!(!run.task.is_finished());
    assert!(!scene.was_told("the work broke off"), "{:?}", scene.notices());
    assert!(scene.was_told("acme_order_failed"), "{:?}", scene.notices());
    assert!(scene.certificates().is_empty());
    assert_eq!(scene.answers(), 0);
}
