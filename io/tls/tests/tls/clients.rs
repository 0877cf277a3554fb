//! Clients that show certificates, and what servers are told of them.

use crate::wire::{Client, ONLY_12, ONLY_13, shake};
use crate::workshop::{Authority, Folder, HTTPS, Order, gated, plan, site, tls};
use evener_plan::{CertificateFiles, ClientAuth};
use evener_tls::{ClientCertificate, Problem, TlsKeeper, TlsNotice};
use std::time::SystemTime;

struct Case {
    folder: Folder,
    servers: Authority,
    clients: Authority,
    files: CertificateFiles,
    auth: ClientAuth,
}

fn case() -> Case {
    let (folder, servers, clients) = (Folder::new(), Authority::new("servers"), Authority::new("clients"));
    let files = folder.put("a", &servers.issue(&Order::server(&["a.example", "b.example"])));
    let auth = ClientAuth { ca: folder.write("ca.pem", &clients.pem), is_required: true, crls: Vec::new() };
    Case { folder, servers, clients, files, auth }
}

#[test]
fn a_required_certificate_is_required() {
    let case = case();
    let plan = plan(&case.folder, vec![site(&[], gated(&case.files, case.auth.clone()))]);
    let frontends = TlsKeeper::new(case.folder.0.clone()).frontends(&plan).unwrap();
    let frontend = frontends.get(HTTPS).unwrap();
    let good = case.clients.issue(&Order::client(&["good"], 1));
    let foreign = Authority::new("foreign").issue(&Order::client(&["foreign"], 1));
    let over = case.clients.issue(&Order { years: (2020, 2021), ..Order::client(&["over"], 1) });
    for versions in [ONLY_12, ONLY_13] {
        let client = || Client { versions, ..Client::of(&case.servers) };
        let shaken = shake(frontend, &client().showing(&good).config(), "a.example").unwrap();
        let shown = ClientCertificate::from_der(&shaken.client.unwrap()).unwrap();
        assert_eq!((shown.subject.as_str(), shown.issuer.as_str()), ("CN=good", "CN=clients"));
        assert!(
            shake(frontend, &client().config(), "a.example").unwrap_err().contains("NoCertificatesPresented")
                || shake(frontend, &client().config(), "a.example").unwrap_err().contains("no certificates")
        );
        assert!(shake(frontend, &client().showing(&foreign).config(), "a.example").is_err());
        assert!(shake(frontend, &client().showing(&over).config(), "a.example").is_err());
    }
}

#[test]
fn an_optional_certificate_is_looked_at_if_shown() {
    let case = case();
    let auth = ClientAuth { is_required: false, ..case.auth.clone() };
    let plan = plan(&case.folder, vec![site(&[], gated(&case.files, auth))]);
    let frontends = TlsKeeper::new(case.folder.0.clone()).frontends(&plan).unwrap();
    let frontend = frontends.get(HTTPS).unwrap();
    let client = || Client::of(&case.servers);
    let good = case.clients.issue(&Order::client(&["good"], 1));
    assert!(shake(frontend, &client().config(), "a.example").unwrap().client.is_none());
    assert!(shake(frontend, &client().showing(&good).config(), "a.example").unwrap().client.is_some());
    let foreign = Authority::new("foreign").issue(&Order::client(&["foreign"], 1));
    assert!(shake(frontend, &client().showing(&foreign).config(), "a.example").is_err());
}

#[test]
fn revoked_clients_stay_out() {
    let case = case();
    let list = case.folder.write("list.pem", &case.clients.revoke(&[2], 2090));
    let auth = ClientAuth { crls: vec![list], ..case.auth.clone() };
    let plan = plan(&case.folder, vec![site(&[], gated(&case.files, auth))]);
    let mut keeper = TlsKeeper::new(case.folder.0.clone());
    let frontends = keeper.frontends(&plan).unwrap();
    let outcome = |serial| {
        let shown = case.clients.issue(&Order::client(&["client"], serial));
        let client = Client::of(&case.servers).showing(&shown).config();
        shake(frontends.get(HTTPS).unwrap(), &client, "a.example").map(|_| ())
    };
    assert_eq!(outcome(1), Ok(()));
    assert!(outcome(2).unwrap_err().contains("Revoked"));

    // A newer list counts at once, for the frontends that are in use.
    case.folder.write("list.pem", &case.clients.revoke(&[1], 2090));
    let notices = keeper.refresh(SystemTime::now());
    assert!(matches!(notices.as_slice(), [TlsNotice::Renewed { not_after: None, .. }]), "{notices:?}");
    assert!(notices[0].to_string().contains("list.pem: the new content is in use"), "{notices:?}");
    assert!(outcome(1).unwrap_err().contains("Revoked"));
    assert_eq!(outcome(2), Ok(()));

    // A broken list leaves the one before, and is told once.
    case.folder.write("list.pem", "-----BEGIN X509 CRL-----\nAAAA");
    let notices = keeper.refresh(SystemTime::now());
    assert!(matches!(notices.as_slice(), [TlsNotice::Kept(_)]), "{notices:?}");
    assert!(keeper.refresh(SystemTime::now()).is_empty());
    assert!(outcome(1).is_err());
    assert_eq!(outcome(2), Ok(()));

    // It is told, too, of one that ends while it is in use.
    let in_years = SystemTime::now() + std::time::Duration::from_secs(100 * 365 * 24 * 3600);
    let is_over = |notice: &TlsNotice| matches!(notice, TlsNotice::Kept(_));
    assert!(keeper.refresh(in_years).iter().any(is_over), "the broken one is told once a day");

    // A list that is over lets nobody in.
    case.folder.write("list.pem", &case.clients.revoke(&[], 2025));
    let notices = keeper.refresh(SystemTime::now());
    assert!(
        notices
            .iter()
            .any(|notice| matches!(notice, TlsNotice::Flawed(f) if matches!(f.problem, Problem::ListExpired(_))))
    );
    assert!(outcome(1).is_err());
    assert!(outcome(2).is_err());
}

#[test]
fn what_cannot_be_read_at_the_start_opens_no_door() {
    let case = case();
    let check = |auth: ClientAuth, expected: &str| {
        let plan = plan(&case.folder, vec![site(&[], gated(&case.files, auth))]);
        let faults = TlsKeeper::new(case.folder.0.clone()).frontends(&plan).unwrap_err();
        let text: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(text.iter().any(|fault| fault.contains(expected)), "{text:?}");
    };
    check(ClientAuth { ca: case.folder.path("none.pem"), ..case.auth.clone() }, "none.pem: cannot be read");
    check(ClientAuth { ca: case.folder.write("empty.pem", ""), ..case.auth.clone() }, "is not PEM but empty");
    check(ClientAuth { crls: vec![case.folder.path("none.crl")], ..case.auth.clone() }, "none.crl: cannot be read");
    check(
        ClientAuth { crls: vec![case.auth.ca.clone()], ..case.auth.clone() },
        "has no revocation list in it, only CERT",
    );
}

#[test]
fn policies_are_equal_where_clients_are_treated_alike() {
    let case = case();
    let optional = ClientAuth { is_required: false, ..case.auth.clone() };
    let plan = plan(
        &case.folder,
        vec![
            site(&["open.example"], tls(&[&case.files])),
            site(&["also-open.example", "*.open.example"], tls(&[&case.files])),
            site(&["closed.example"], gated(&case.files, case.auth.clone())),
            site(&["*.closed.example"], gated(&case.files, case.auth.clone())),
            site(&["optional.example"], gated(&case.files, optional)),
        ],
    );
    let mut keeper = TlsKeeper::new(case.folder.0.clone());
    let frontends = keeper.frontends(&plan).unwrap();
    let of = |host: &str| frontends.get(HTTPS).unwrap().policy_of(host).unwrap();
    assert_eq!(of("open.example"), of("Also-Open.Example."));
    assert_eq!(of("open.example"), of("x.open.example"));
    assert_eq!(of("closed.example"), of("A.CLOSED.example"));
    assert_ne!(of("open.example"), of("closed.example"));
    assert_ne!(of("open.example"), of("optional.example"));
    assert_ne!(of("closed.example"), of("optional.example"));
    let again = keeper.frontends(&plan).unwrap();
    assert_eq!(again.get(HTTPS).unwrap().policy_of("closed.example"), Some(of("closed.example")));
}

#[test]
fn what_servers_are_told_fits_into_fields() {
    let ca = Authority::new("Zertifikate, \"Köln\"\r\nX-Evil: 1\t50%");
    let issued = ca.issue(&Order::client(&["app.example", "127.0.0.1", "*.app.example"], 0x1234));
    let der = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(
        issued.chain.as_bytes(),
    )
    .unwrap();
    let told = ClientCertificate::from_der(&der).unwrap();
    assert_eq!(told.issuer, "CN=Zertifikate%2C \"K%C3%B6ln\"%0D%0AX-Evil: 1%0950%25");
    assert_eq!(told.serial, "1234");
    assert_eq!(told.names, ["app.example", "127.0.0.1", "*.app.example"]);
    assert_eq!((told.not_before.as_str(), told.not_after.as_str()), ("2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z"));
    let fields = told.clone().into_fields();
    assert_eq!(fields.len(), 7);
    assert!(fields.contains(&("x-client-cert-names", String::from("app.example,127.0.0.1,*.app.example"))));
    assert!(fields.iter().all(|(_, value)| value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())));
    let listed = ca.issue(&Order::client(&["good.example,evil.example"], 1));
    let listed = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(
        listed.chain.as_bytes(),
    );
    assert_eq!(ClientCertificate::from_der(&listed.unwrap()).unwrap().names, ["good.example%2Cevil.example"]);
    for (name, expected) in [(" app", "CN=%20app"), ("app  ", "CN=app %20"), (" ", "CN=%20"), ("a p", "CN=a p")] {
        let spaced = ca.issue(&Order::client(&[name], 1));
        let spaced = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(
            spaced.chain.as_bytes(),
        );
        assert_eq!(ClientCertificate::from_der(&spaced.unwrap()).unwrap().subject, expected);
    }
    let hidden = ca.issue(&Order::client(&["good.example\0.evil.example", "real.example"], 1));
    let hidden = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(
        hidden.chain.as_bytes(),
    );
    assert_eq!(ClientCertificate::from_der(&hidden.unwrap()).unwrap().names, ["real.example"]);
    assert!(told.fingerprint_sha256.len() == 64 && told.fingerprint_sha256.bytes().all(|b| b.is_ascii_hexdigit()));
    let pem = told.pem_urlencoded.unwrap();
    let decoded =
        pem.replace("%0A", "\n").replace("%20", " ").replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    assert_eq!(decoded, issued.chain);
    assert!(pem.bytes().all(|b| b.is_ascii_graphic()));
    assert!(ClientCertificate::from_der(b"no certificate").is_none());
    let long = Authority::new(&"ö".repeat(4000));
    let issued = long.issue(&Order::client(&["a"], 1));
    let der = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(
        issued.chain.as_bytes(),
    );
    let told = ClientCertificate::from_der(&der.unwrap()).unwrap();
    assert!(told.issuer.len() <= 512 && told.issuer.len() > 400);
    assert!(told.pem_urlencoded.is_none());
}
