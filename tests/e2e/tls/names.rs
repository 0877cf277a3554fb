//! Which certificate a client gets: by the name it asks for, and by the signatures it understands.

use super::authority::{Key, Order};
use super::client::Build;
use super::scene::{Scene, run};
use crate::harness::client::get;
use crate::harness::evener::Evener;
use crate::harness::wait::{PATIENCE, eventually};

const SITES: &str = r#"
[[site]]
listen = "{listen}"
redirect_from = ["{second}"]
hosts = ["a.test"]
tls = { cert = "{dir}/exact.pem", key = "{dir}/exact.key" }
respond = { status = 200, body = "exact" }

[[site]]
listen = "{listen}"
redirect_from = []
hosts = ["*.a.test"]
tls = { cert = "{dir}/wild.pem", key = "{dir}/wild.key" }
respond = { status = 200, body = "wild" }
"#;

const DEFAULT: &str = r#"
[[site]]
listen = "{listen}"
redirect_from = []
tls = { cert = "{dir}/any.pem", key = "{dir}/any.key" }
respond = { status = 200, body = "default" }
"#;

fn scene(with_default: bool) -> (Scene, Evener) {
    let scene = Scene::new();
    scene.issue("exact", &Order::server(&["a.test"]));
    scene.issue("wild", &Order::server(&["*.a.test"]));
    scene.issue("any", &Order::server(&["other.test", "else.test"]));
    let config = if with_default { format!("{SITES}{DEFAULT}") } else { SITES.to_owned() };
    let evener = scene.start(&config);
    (scene, evener)
}

#[test]
fn the_name_chooses_the_site_and_its_certificate() {
    let (scene, evener) = scene(true);
    let client = scene.client();
    let body = |name: &str| client.get(evener.address(), name).body;
    assert_eq!(body("a.test"), "exact");
    assert_eq!(body("A.TEST"), "exact");
    assert_eq!(body("x.a.test"), "wild");
    assert_eq!(body("other.test"), "default");
    // Without a name it is the site that takes any.
    let nameless = Build::trusting(&scene.servers).nameless().done();
    assert_eq!(nameless.get(evener.address(), "other.test").body, "default");
}

#[test]
fn an_unknown_name_is_answered_with_an_alert() {
    let (scene, evener) = scene(false);
    let fault = scene.client().connect(evener.address(), "other.test").err().expect("nobody has the name");
    assert!(fault.to_string().contains("UnrecognisedName"), "{fault}");
    // Two labels are not one.
    assert!(scene.client().connect(evener.address(), "x.y.other.test").is_err());
    assert_eq!(scene.client().get(evener.address(), "a.test").body, "exact");
}

#[test]
fn a_client_gets_the_key_that_it_understands() {
    let scene = Scene::new();
    scene.issue("ecdsa", &Order::server(&["a.test"]));
    scene.issue("rsa", &Order { key: Key::Rsa, ..Order::server(&["a.test"]) });
    let evener = scene.start(
        r#"
[[site]]
listen = "{listen}"
redirect_from = []
respond = { status = 200 }
[site.tls]
certificates = [{ cert = "{dir}/rsa.pem", key = "{dir}/rsa.key" }, { cert = "{dir}/ecdsa.pem", key = "{dir}/ecdsa.key" }]
"#,
    );
    let address = evener.address().to_string();
    let ca = scene.folder.0.join("ca.pem");
    let signature = |options: &[&str]| {
        let mut all = vec!["s_client", "-connect", &address, "-servername", "a.test", "-verify_return_error"];
        all.extend(["-CAfile", ca.to_str().expect("a plain name")]);
        all.extend(options);
        run("openssl", &all).text
    };
    for version in ["-tls1_2", "-tls1_3"] {
        let rsa = signature(&[version, "-sigalgs", "rsa_pss_rsae_sha256"]);
        assert!(rsa.contains("Peer signature type: RSA-PSS") && rsa.contains("Verification: OK"), "{rsa}");
        let both = signature(&[version]);
        assert!(both.contains("Peer signature type: ECDSA") && both.contains("Verification: OK"), "{both}");
    }
}

#[test]
fn the_curve_of_a_key_counts_where_signatures_do_not_tell_it() {
    let scene = Scene::new();
    scene.issue("ecdsa", &Order::server(&["a.test"]));
    scene.issue("rsa", &Order { key: Key::Rsa, ..Order::server(&["a.test"]) });
    let pair = |name: &str| format!("{{ cert = \"{{dir}}/{name}.pem\", key = \"{{dir}}/{name}.key\" }}");
    let evener = scene.start(&format!(
        "[[site]]\nlisten = \"{{listen}}\"\nredirect_from = []\nrespond = {{ status = 200 }}\n\
         [site.tls]\ncertificates = [{}, {}]\n",
        pair("ecdsa"),
        pair("rsa")
    ));
    let address = evener.address().to_string();
    let kind = |options: &[&str]| {
        let mut all = vec!["s_client", "-connect", &address, "-servername", "a.test"];
        all.extend(options);
        let said = run("openssl", &all).text;
        let kind = said.lines().find_map(|line| line.strip_prefix("Peer signature type: "));
        kind.unwrap_or_else(|| panic!("no signature: {said}")).to_owned()
    };
    // RFC 8422 §5.1.1: the curve of the certificate must be one that the client names.
    assert_eq!(kind(&["-tls1_2", "-groups", "P-384"]), "RSA-PSS");
    assert_eq!(kind(&["-tls1_2", "-groups", "P-384:P-256"]), "ECDSA");
    // With TLS 1.3 these are of the key exchange alone.
    assert_eq!(kind(&["-tls1_3", "-groups", "P-384"]), "ECDSA");
    assert_eq!(kind(&["-groups", "X25519"]), "ECDSA");
}

#[test]
fn a_host_whose_certificate_has_not_come_yet_is_named() {
    let scene = Scene::new();
    let evener = scene.start(
        "[acme]\ndirectory = \"https://127.0.0.1:1/dir\"\n[[site]]\nlisten = \"{listen}\"\nredirect_from = []\n\
         hosts = [\"new.test\"]\ntls = \"auto\"\nrespond = { status = 200 }\n",
    );
    scene.client().try_get(evener.address(), "new.test").expect_err("there is no certificate");
    let said = || evener.process.stderr();
    eventually(PATIENCE, "it is told", || said().contains("asked for new.test, which has no certificate yet"));
    assert!(!said().contains("no server certificate chain"), "{}", said());
}

#[test]
fn the_plain_port_redirects() {
    let (scene, evener) = scene(false);
    let mut plain = crate::harness::client::RawClient::connect(scene.second);
    let response = plain.send(get("/x?y=1").replace("Host: test", "Host: a.test")).response();
    let location = format!("https://a.test:{}/x?y=1", evener.address().port());
    assert_eq!((response.status, response.field("location")), (308, Some(location.as_str())));
}
