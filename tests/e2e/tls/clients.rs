//! Clients that show certificates: who is let in, and what servers are told of them.

use super::authority::{Authority, Order};
use super::client::{Build, Client, ONLY_12, ONLY_13};
use super::scene::{Scene, run};
use crate::harness::evener::Evener;
use crate::harness::message::Request;
use crate::harness::wait::{PATIENCE, eventually};

const GATED: &str = r#"
[[site]]
listen = "{listen}"
redirect_from = []
to = "{server}"
[site.tls]
cert = "{dir}/site.pem"
key = "{dir}/site.key"
client_ca = "{dir}/clients.pem"
"#;

/// The names of the fields that tell of a certificate.
const FIELDS: [&str; 7] = [
    "x-client-cert-subject",
    "x-client-cert-issuer",
    "x-client-cert-serial",
    "x-client-cert-fingerprint",
    "x-client-cert-not-after",
    "x-client-cert-names",
    "x-client-cert",
];

fn showing(scene: &Scene, authority: &Authority, order: &Order<'_>) -> Client {
    Build::trusting(&scene.servers).showing(&authority.issue(order)).done()
}

fn told(request: &Request) -> Vec<(&str, &str)> {
    let fields = request.fields.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    fields.filter(|(name, _)| name.to_ascii_lowercase().replace(['_', '.'], "-").starts_with("x-client-cert")).collect()
}

#[test]
fn a_required_certificate_is_required() {
    let scene = Scene::new();
    let evener = scene.start(GATED);
    let good = scene.clients.issue(&Order::client(&["app"], 1));
    for versions in [ONLY_12, ONLY_13] {
        let build = || Build::trusting(&scene.servers).versions(versions);
        let answer = build().showing(&good).done().get(evener.address(), "a.test");
        assert_eq!(answer.status, 200);
        let without = build().done().try_get(evener.address(), "a.test").expect_err("one is required");
        assert!(without.contains("alert") && !without.contains("EOF"), "{without}");
        let foreign = Authority::new("foreign").issue(&Order::client(&["app"], 1));
        build().showing(&foreign).done().try_get(evener.address(), "a.test").expect_err("nobody knows the issuer");
        let over = scene.clients.issue(&Order { years: (2020, 2021), ..Order::client(&["app"], 1) });
        build().showing(&over).done().try_get(evener.address(), "a.test").expect_err("it is over");
    }
    assert_eq!(scene.recorder.requests().len(), 2);
}

#[test]
fn an_optional_certificate_is_looked_at_if_it_is_shown() {
    let scene = Scene::new();
    let evener = scene.start(&format!("{GATED}client_auth = \"optional\"\n"));
    assert_eq!(scene.client().get(evener.address(), "a.test").status, 200);
    let foreign = Authority::new("foreign");
    let fault = showing(&scene, &foreign, &Order::client(&["app"], 1)).try_get(evener.address(), "a.test");
    fault.expect_err("a bad one is worse than none");
    let good = showing(&scene, &scene.clients, &Order::client(&["app"], 1));
    assert_eq!(good.get(evener.address(), "a.test").status, 200);
    let requests = scene.recorder.requests();
    assert!(told(&requests[0]).is_empty() && told(&requests[1]).len() == FIELDS.len(), "{requests:#?}");
}

#[test]
fn a_revoked_client_is_turned_away_and_a_new_list_counts_at_once() {
    let scene = Scene::new();
    scene.write("list.pem", &scene.clients.revoke(&[2]));
    let evener = scene.start(&format!("{GATED}client_crl = \"{{dir}}/list.pem\"\n"));
    let client = |serial| showing(&scene, &scene.clients, &Order::client(&["app"], serial));
    let (first, second) = (client(1), client(2));
    assert_eq!(first.get(evener.address(), "a.test").status, 200);
    second.try_get(evener.address(), "a.test").expect_err("it is revoked");
    let mut kept = first.connect(evener.address(), "a.test").expect("it is not revoked");
    assert_eq!(kept.get("a.test", "/").expect("an answer").status, 200);

    scene.write("list.pem", &scene.clients.revoke(&[1]));
    eventually(PATIENCE, "the new list holds", || first.try_get(evener.address(), "a.test").is_err());
    assert_eq!(second.get(evener.address(), "a.test").status, 200);
    // What was let in stays.
    assert_eq!(kept.get("a.test", "/").expect("an answer").status, 200);

    // A list that cannot be read leaves the last one.
    scene.write("list.pem", "nothing");
    eventually(PATIENCE, "the broken list is told", || evener.process.stderr().contains("list.pem"));
    first.try_get(evener.address(), "a.test").expect_err("it stays revoked");
    assert_eq!(second.get(evener.address(), "a.test").status, 200);
}

#[test]
fn servers_are_told_of_the_certificate() {
    let scene = Scene::new();
    let evener = scene.start(GATED);
    let order = Order { years: (2020, 2040), ..Order::client(&["app, O=root", "10.0.0.1"], 0x1a2b) };
    let issued = scene.clients.issue(&order);
    let client = Build::trusting(&scene.servers).showing(&issued).done();
    let mut connection = client.connect(evener.address(), "a.test").expect("a good certificate");
    let forged = "X-Client-Cert-Subject: CN=root\r\nx_client_cert_subject: CN=root\r\nX-Client-Cert.Names: root\r\n\
                  x-client-cert: root\r\nX-Client-Cert-Verified: yes\r\nTransfer-Encoding: chunked\r\n";
    let body = "1\r\nx\r\n0\r\nX-Client-Cert-Subject: CN=root\r\nx_client_cert_serial: 1\r\nx-other: kept\r\n\r\n";
    connection.send(&format!("POST / HTTP/1.1\r\nHost: a.test\r\n{forged}\r\n{body}")).expect("it can be sent");
    assert_eq!(connection.answer().expect("an answer").status, 200);
    let request = scene.recorder.only_request();
    let fingerprint = request.fields.get("x-client-cert-fingerprint").expect("it is told").to_owned();
    let pem = request.fields.get("x-client-cert").expect("it is told").to_owned();
    let expected = [
        ("x-client-cert-subject", "CN=app%2C O=root"),
        ("x-client-cert-issuer", "CN=clients"),
        ("x-client-cert-serial", "1a2b"),
        ("x-client-cert-fingerprint", fingerprint.as_str()),
        ("x-client-cert-not-after", "2040-01-01T00:00:00Z"),
        ("x-client-cert-names", "10.0.0.1"),
        ("x-client-cert", pem.as_str()),
    ];
    assert_eq!(told(&request), expected);
    let plain =
        pem.replace("%0A", "\n").replace("%20", " ").replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    assert_eq!(plain, issued.chain);
    let path = scene.write("shown.pem", &plain);
    let print = run("openssl", &["x509", "-in", &path, "-noout", "-fingerprint", "-sha256"]).text;
    assert!(print.replace(':', "").to_ascii_lowercase().contains(&fingerprint), "{print}");
    assert_eq!(request.trailers.0, [(String::from("x-other"), String::from("kept"))]);
}

#[test]
fn each_stream_of_http2_tells_of_the_certificate_and_none_forges_it() {
    let scene = Scene::new();
    let evener = scene.start(GATED);
    scene.put("client", &scene.clients.issue(&Order::client(&["app"], 9)));
    let url = |path: &str| format!("https://a.test:{}/{path}", evener.address().port());
    let resolve = format!("a.test:{}:127.0.0.1", evener.address().port());
    let file = |name: &str| scene.folder.0.join(name).to_str().expect("a plain name").to_owned();
    let (ca, cert, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let (first, second) = (url("1"), url("2"));
    let mut arguments = vec!["-sS", "--http2", "--fail", "--resolve", &resolve, "--cacert", &ca];
    arguments.extend(["--cert", &cert, "--key", &key, "-H", "X-Client-Cert-Serial: 1", "-H", "x_client_cert: 2"]);
    arguments.extend([first.as_str(), second.as_str()]);
    let ran = run("curl", &arguments);
    assert!(ran.is_good && ran.text == "hellohello", "{}", ran.text);
    let requests = scene.recorder.requests();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert_eq!(request.fields.all("x-client-cert-serial").collect::<Vec<_>>(), ["09"]);
        assert_eq!(told(request).iter().map(|(name, _)| *name).collect::<Vec<_>>(), FIELDS);
    }
}

#[test]
fn nobody_claims_a_certificate_but_a_trusted_proxy() {
    const PLAIN: &str = "[[site]]\nlisten = \"{listen}\"\nto = \"{server}\"\n";
    let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Client-Cert-Subject: CN=far\r\nX_Client_Cert: x\r\n\r\n";
    let reached = |evener: &Evener, scene: &Scene| {
        assert_eq!(evener.connect().send(request).response().status, 200);
        let request = scene.recorder.only_request();
        told(&request).iter().map(|(_, value)| (*value).to_owned()).collect::<Vec<_>>()
    };
    let scene = Scene::new();
    assert!(reached(&scene.start(PLAIN), &scene).is_empty());
    let scene = Scene::new();
    let trusting = scene.start(&format!("{PLAIN}trusted_proxies = [\"127.0.0.1\"]\n"));
    assert_eq!(reached(&trusting, &scene), ["CN=far"]);
}
