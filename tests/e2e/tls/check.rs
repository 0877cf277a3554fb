//! `evener check` on certificates: everything that is wrong at once, each at its place in the config.

use super::authority::{Authority, Order};
use super::scene::Scene;
use crate::harness::evener::evener;
use crate::harness::wait::{PATIENCE, eventually};

const SITES: &str = r#"
[[site]]
listen = "127.0.0.1:1"
redirect_from = []
hosts = ["a.test"]
respond = { status = 200 }
[site.tls]
certificates = [
  { cert = "{dir}/expired.pem", key = "{dir}/expired.key" },
  { cert = "{dir}/mixed.pem", key = "{dir}/mixed.key" },
  { cert = "{dir}/order.pem", key = "{dir}/order.key" },
  { cert = "{dir}/absent.pem", key = "{dir}/site.key" },
]
client_ca = "{dir}/site.key"

[[site]]
listen = "127.0.0.1:1"
redirect_from = []
hosts = ["b.test"]
tls = { cert = "{dir}/expired.pem", key = "{dir}/expired.key" }
respond = { status = 200 }
"#;

/// The place of the first occurrence, as a check prints it.
pub(super) fn place(path: &str, config: &str, part: &str) -> String {
    let at = config.find(part).expect("it is in the config");
    let line = config[..at].matches('\n').count() + 1;
    let column = at - config[..at].rfind('\n').map_or(0, |end| end + 1) + 1;
    format!("{path}:{line}:{column}")
}

#[test]
fn every_problem_of_certificates_is_told_at_its_place() {
    let scene = Scene::new();
    scene.issue("expired", &Order { years: (2020, 2021), ..Order::server(&["a.test", "b.test"]) });
    scene.issue("mixed", &Order::server(&["a.test"]));
    scene.write("mixed.key", &scene.servers.issue(&Order::server(&["a.test"])).key);
    let root = Authority::new("root");
    let (middle, inner) = (root.under("middle"), root.under("inner"));
    let mut own = inner.issue(&Order::server(&["a.test"]));
    // The server's own, then one that did not issue it, then the issuer.
    own.chain = format!("{}{}{}", own.chain, middle.pem, inner.pem);
    scene.put("order", &own);
    let config = scene.fill(SITES);
    let path = scene.write("evener.toml", &config);

    let ended = evener(&["check", &path]);
    assert_eq!(ended.status.code(), Some(1));
    let said = &ended.stderr;
    for (name, problem) in [
        ("expired.pem", "certificate 1 expired on 2021-01-01"),
        ("mixed.pem", "does not match the certificate"),
        ("order.pem", "certificate 1"),
        ("absent.pem", "cannot be read"),
        ("site.key", "has no certificate in it"),
    ] {
        let file = scene.folder.0.join(name);
        let quoted = format!("\"{}\"", file.display());
        let part = if name == "site.key" { format!("client_ca = {quoted}") } else { quoted.clone() };
        let place = match name {
            // The value stands behind the key.
            "site.key" => place(&path, &config, &part).rsplit_once(':').expect("a column").0.to_owned(),
            _ => place(&path, &config, &part),
        };
        assert!(said.contains(&place), "{name} at {place}:\n{said}");
        let told = said.split("\n\n").find(|block| block.contains(problem) && block.contains(name));
        let told = told.unwrap_or_else(|| panic!("nothing of {name}:\n{said}"));
        assert!(told.contains(&place) && told.contains("^^^^") && told.contains("help"), "{told}");
    }
    assert!(said.contains("it is named here, too") && said.contains("the key"), "{said}");
    // For programs, too.
    let json = evener(&["check", "--format", "json", &path]);
    assert!(json.stdout.contains("\"bad-certificate\"") && json.stdout.contains("\"line\""), "{}", json.stdout);
}

#[test]
fn good_certificates_are_good() {
    let scene = Scene::new();
    scene.issue("expired", &Order::server(&["a.test", "b.test"]));
    let good =
        SITES.lines().filter(|line| !["mixed", "order", "absent", "client_ca"].iter().any(|bad| line.contains(bad)));
    let path = scene.write("evener.toml", &scene.fill(&good.collect::<Vec<_>>().join("\n")));
    let ended = evener(&["check", &path]);
    assert!(ended.status.success(), "{}", ended.stderr);
}

/// The message with these words, and the line that its caret is at.
#[track_caller]
fn caret<'a>(said: &'a str, words: &str) -> &'a str {
    let block = said.split("\n\n").find(|block| block.contains(words));
    let block = block.unwrap_or_else(|| panic!("nothing of {words}:\n{said}"));
    let place = block.lines().find_map(|line| line.trim_start().strip_prefix("--> "));
    place.and_then(|place| place.rsplit(':').nth(1)).unwrap_or_else(|| panic!("no place in\n{block}"))
}

#[test]
fn the_caret_is_at_whom_it_concerns_however_often_a_file_is_named() {
    let scene = Scene::new();
    scene.issue("one", &Order::server(&["a.test"]));
    scene.issue("two", &Order::server(&["a.test"]));
    scene.issue("over", &Order { years: (2020, 2021), ..Order::server(&["a.test"]) });
    let config = r#"[[site]]
listen = "127.0.0.1:1"
redirect_from = []
hosts = ["a.test"]
tls = { cert = "{dir}/one.pem", key = "{dir}/one.key", client_ca = "{dir}/one.pem" }
respond = { status = 200 }
[[site]]
listen = "127.0.0.1:2"
redirect_from = []
hosts = ["b.test"]
tls = { cert = "{dir}/one.pem", key = "{dir}/one.key" }
respond = { status = 200 }
[[site]]
listen = "127.0.0.1:3"
redirect_from = []
hosts = ["a.test"]
[site.tls]
certificates = [
  { cert = "{dir}/one.pem", key = "{dir}/one.key" },
  { cert = "{dir}/one.pem", key = "{dir}/two.key" }, { cert = "{dir}/two.pem", key = "{dir}/two.key" },
  { cert = "{dir}/over.pem", key = "{dir}/over.key" },
]
client_ca = "{dir}/over.pem"
[site.route.x]
"#;
    let config = config.replace("[site.route.x]\n", "[[site.route]]\nrespond = { status = 200 }\n");
    let config = scene.fill(&config);
    let path = scene.write("evener.toml", &config);
    let said = evener(&["check", &path]).stderr;
    let line = |part: &str, nth: usize| {
        let lines = config.lines().enumerate().filter(|(_, line)| line.contains(part));
        (lines.map(|(index, _)| index + 1).nth(nth).expect("it is in the config")).to_string()
    };
    assert_eq!(caret(&said, "does not cover the host b.test"), line("one.pem", 1));
    assert_eq!(caret(&said, "does not match the certificate"), line("two.key", 0));
    assert_eq!(caret(&said, "over.pem: certificate 1 expired"), line("over.pem", 0));
    let mismatch = said.split("\n\n").find(|block| block.contains("does not match")).unwrap_or_default();
    assert!(!mismatch.contains("it is named here, too"), "{mismatch}");
    assert_eq!(mismatch.matches("the key\n").count(), 1, "{mismatch}");
}

#[test]
fn nothing_of_a_key_is_told_that_has_lost_its_line_breaks() {
    let scene = Scene::new();
    let issued = scene.issue("site", &Order::server(&["a.test"]));
    let config = scene.fill(super::scene::SITE).replace("{listen}", "127.0.0.1:1");
    let path = scene.write("evener.toml", &config);
    let secret = issued.key.lines().nth(1).expect("the first line of base64").get(..16).expect("it is that long");
    for instead in ["", " ", "\\n"] {
        scene.write("site.key", &issued.key.replace('\n', instead));
        let ended = [evener(&["check", &path]), evener(&["run", &path])];
        for ended in ended {
            assert_eq!(ended.status.code(), Some(1));
            assert!(ended.stderr.contains("help: line breaks are missing"), "{}", ended.stderr);
            assert!(!ended.stderr.contains(secret) && !ended.stdout.contains(secret), "{}", ended.stderr);
        }
    }
    // Nor in the log, when it changes under way.
    scene.put("site", &issued);
    let evener = scene.start(super::scene::SITE);
    scene.write("site.key", &issued.key.replace('\n', ""));
    eventually(PATIENCE, "it is told", || evener.process.stderr().contains("line breaks are missing"));
    assert!(!evener.process.stderr().contains(secret), "{}", evener.process.stderr());
}

#[test]
fn an_ordered_certificate_of_no_use_is_a_warning() {
    let scene = Scene::new();
    let config = "[[site]]\nlisten = \"127.0.0.1:1\"\nredirect_from = []\nhosts = [\"a.test\"]\ntls = \"auto\"\n\
                  respond = { status = 200 }\n";
    let path = scene.write("evener.toml", &scene.fill(config));
    std::fs::create_dir_all(scene.folder.0.join("state/acme/certificates")).expect("a folder of its own");
    scene.write("state/acme/certificates/a.test.pem", "nothing");
    scene.write("state/acme/certificates/a.test.key", "nothing");
    let ended = evener(&["check", &path]);
    assert!(ended.status.success(), "{}", ended.stderr);
    assert!(ended.stderr.contains("warning") && ended.stderr.contains("is of no use: is not PEM"), "{}", ended.stderr);
}
