//! `tls = "internal"`: an authority of evener's own, for development.

use std::os::unix::fs::PermissionsExt;

use super::check::place;
use super::scene::{Scene, run};
use crate::harness::evener::evener;
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

/// A file in the place of the state folder: nobody can write below it, not even root.
#[test]
fn a_state_folder_that_takes_nothing_is_told_at_its_place() {
    let scene = Scene::new();
    let address = scene.second.to_string();
    let config = format!("state_dir = \"{{dir}}/ca.pem/state\"\n{}", INTERNAL.replace("{listen}", &address));
    let config = config.replace("{dir}", scene.folder.0.to_str().expect("a plain name"));
    let path = scene.write("evener.toml", &config);
    for command in ["check", "run"] {
        let ended = evener(&[command, &path]);
        assert_eq!(ended.status.code(), Some(1), "{command}: {}", ended.stderr);
        let file = scene.folder.0.join("ca.pem");
        for part in [
            &format!("error[bad-state-dir]: the state folder `{}/state` cannot be written", file.display()),
            &format!("`{}`: Not a directory", file.display()),
            &place(&path, &config, &format!("\"{}/state\"", file.display())),
            "^^^^",
            "certificates of this are kept there",
            "help: name a folder that can be written",
        ] {
            assert!(ended.stderr.contains(part), "{command}: `{part}` is missing in:\n{}", ended.stderr);
        }
        assert!(!ended.stderr.contains("remove"), "{command}: {}", ended.stderr);
        assert_eq!(ended.stderr.matches("bad-").count(), 1, "{command}: {}", ended.stderr);
    }
}
