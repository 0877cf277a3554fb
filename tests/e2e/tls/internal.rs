//! `tls = "internal"`: an authority of evener's own, for development.

use std::os::unix::fs::PermissionsExt;

use super::scene::{Scene, run};
use crate::harness::wait::{PATIENCE, eventually};

const INTERNAL: &str = r#"
[[site]]
listen = "{listen}"
redirect_from = []
hosts = ["dev.test", "*.dev.test"]
tls = "internal"
respond = { status = 200, body = "inside" }
"#;

#[test]
fn an_authority_of_its_own_is_made_and_told_of() {
    let scene = Scene::new();
    let evener = scene.start(INTERNAL);
    eventually(PATIENCE, "the hint is printed", || evener.process.stderr().contains("to trust the certificates"));
    let folder = scene.folder.0.join("state/internal");
    let root = folder.join("root.pem");
    let said = evener.process.stderr();
    assert!(said.contains(root.to_str().expect("a plain name")), "{said}");
    let port = evener.address().port();
    let fetch = |port: u16, host: &str, root: &str| {
        let (url, resolve) = (format!("https://{host}:{port}/"), format!("{host}:{port}:127.0.0.1"));
        run("curl", &["-sS", "--resolve", &resolve, "--cacert", root, &url])
    };
    let root = root.to_str().expect("a plain name");
    for host in ["dev.test", "x.dev.test"] {
        let ran = fetch(port, host, root);
        assert!(ran.is_good && ran.text == "inside", "{}", ran.text);
    }
    // Nobody else trusts it.
    let other = scene.folder.0.join("ca.pem");
    assert!(!fetch(port, "dev.test", other.to_str().expect("a plain name")).is_good);
    let mode = |name: &str| folder.join(name).metadata().expect("it is there").permissions().mode() & 0o777;
    let keys: Vec<_> =
        std::fs::read_dir(&folder).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
    let is_key = |name: &&std::ffi::OsString| name.to_string_lossy().ends_with(".key");
    let keys: Vec<String> = keys.iter().filter(is_key).map(|name| name.to_string_lossy().into_owned()).collect();
    assert!(keys.contains(&String::from("root.key")), "{keys:?}");
    keys.iter().for_each(|key| assert_eq!(mode(key), 0o600, "{key}"));
    // The next start has the same authority.
    let before = std::fs::read_to_string(root).expect("it is there");
    drop(evener);
    let again = scene.start(INTERNAL);
    assert!(fetch(again.address().port(), "dev.test", root).is_good);
    assert_eq!(std::fs::read_to_string(root).expect("it is there"), before);
}
