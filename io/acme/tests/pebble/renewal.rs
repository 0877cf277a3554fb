//! Renewal: by the certificate's own end, by the authority's window, and through an outage.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::authority::{Authority, Traits};
use crate::scene::{Answers, Scene};
use crate::server::{Identity, json, serve};
use crate::{Folder, Run, settings, until};

#[tokio::test]
async fn an_outage_at_the_time_of_renewal() {
    let folder = Folder::new("outage");
    let scene = Scene::new(Answers::Both);
    let mut authority = Authority::running(&folder, &scene, Traits { life_s: Some(6), ..Traits::default() });
    let mut settings = settings(authority.directory(), &authority.ca, &folder);
    settings.pace.rest = Duration::ZERO;
    let _run = Run::start(settings, &["g.example.com"], &scene);
    until(&scene, "a certificate", |scene| scene.has("g.example.com")).await;
    let first = scene.certificates().remove(0);
    authority.stop();
    until(&scene, "a failure", |scene| scene.was_told("no certificate for g.example.com: the authority cannot be"))
        .await;
    until(&scene, "a warning", |scene| scene.was_told("acme_expiring: the certificate of g.example.com expires in"))
        .await;
    until(&scene, "the end", |scene| scene.was_told("the certificate of g.example.com has expired")).await;
    assert_eq!(scene.certificates(), std::slice::from_ref(&first));
    let stored = folder.path().join("state/acme/certificates/g.example.com.pem");
    assert_eq!(fs::read_to_string(&stored).unwrap(), first.chain_pem());

    // The new one has forgotten all accounts.
    authority.start();
    until(&scene, "a renewal", |scene| scene.certificates().len() > 1).await;
    assert!(authority.has_names());
    assert_ne!(scene.certificates()[1].chain_pem(), first.chain_pem());
    assert_eq!(scene.notices().iter().filter(|notice| notice.contains("made an account")).count(), 2);
    let warnings = scene.notices().iter().filter(|notice| notice.starts_with("acme_expiring")).count();
    assert_eq!(warnings, 2, "{:?}", scene.notices());
    // A renewal needs no failure before it.
    let failures = |scene: &Scene| scene.notices().iter().filter(|notice| notice.contains("failed")).count();
    let before = failures(&scene);
    until(&scene, "another renewal", |scene| scene.certificates().len() > 2).await;
    assert_eq!(failures(&scene), before);
}

#[tokio::test]
async fn the_authority_says_when() {
    let folder = Folder::new("window");
    let scene = Scene::new(Answers::Both);
    let authority = Authority::running(&folder, &scene, Traits::default());
    // Pebble of Debian has no renewal information: a directory of the test's own adds it.
    let identity = Identity::new();
    let asked = Arc::new(Mutex::new(Vec::<String>::new()));
    let own_url = Arc::new(Mutex::new(String::new()));
    let base = authority.base();
    let url = serve(&identity, {
        let (asked, own_url) = (Arc::clone(&asked), Arc::clone(&own_url));
        Box::new(move |_method, path| {
            let Some(name) = path.strip_prefix("/renewal/") else {
                return json("", &directory(&base, &own_url.lock().unwrap()));
            };
            let mut asked = asked.lock().unwrap();
            let is_first = asked.first().is_none_or(|first| first == name);
            asked.push(name.to_owned());
            let year = if is_first { 2001 } else { 2091 };
            let window = format!(
                r#"{{"suggestedWindow": {{"start": "{year}-01-01T00:00:00Z", "end": "{year}-01-02T00:00:00Z"}}}}"#
            );
            json("Retry-After: 1\r\n", &window)
        })
    });
    own_url.lock().unwrap().clone_from(&url);
    // Both authorities' roots in one file.
    let ca = folder.path().join("both.pem");
    fs::write(&ca, fs::read_to_string(&authority.ca).unwrap() + &identity.ca_pem).unwrap();
    let mut settings = settings(format!("{url}/dir"), &ca, &folder);
    settings.pace.rest = Duration::ZERO;
    settings.pace.ask = Duration::from_millis(300);
    let _run = Run::start(settings, &["h.example.com"], &scene);
    until(&scene, "a renewal", |scene| scene.certificates().len() == 2).await;
    until(&scene, "a second question", |_| asked.lock().unwrap().len() >= 3).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    // The second one's window is far away.
    assert_eq!(scene.certificates().len(), 2);
    let mut names = asked.lock().unwrap().clone();
    names.dedup();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(|name| name.split('.').count() == 2), "{names:?}");
    assert!(!scene.was_told("failed"), "{:?}", scene.notices());
}

fn directory(base: &str, own: &str) -> String {
    format!(
        r#"{{"newNonce": "{base}/nonce-plz", "newAccount": "{base}/sign-me-up", "newOrder": "{base}/order-plz",
            "revokeCert": "{base}/revoke-cert", "keyChange": "{base}/rollover-account-key", "renewalInfo": "{own}/renewal"}}"#
    )
}
