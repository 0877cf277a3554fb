//! `evener check` on certificates: everything that is wrong at once, each at its place in the config.

use super::authority::{Authority, Order};
use super::scene::Scene;
use crate::harness::evener::evener;

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
