//! Which site a handshake leads to, and with which certificate and protocols.

use crate::wire::{Client, ONLY_12, shake};
use crate::workshop::{Authority, Folder, HTTPS, Kind, Order, plan, site, tcp, tls};
use evener_plan::{Listen, ServerTls, TlsVersion};
use evener_tls::{Owner, Purpose, TlsKeeper};
use rustls::SignatureScheme;

#[test]
fn a_name_leads_to_its_site() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let names = ["a.example", "*.example", "*.deep.example", "fallback.test", "xn--mnchen-3ya.example"];
    let files = folder.put("all", &ca.issue(&Order::server(&names)));
    let plan = plan(
        &folder,
        vec![
            site(&["*.example"], tls(&[&files])),
            site(&["a.example"], tls(&[&files])),
            site(&["*.deep.example"], tls(&[&files])),
            site(&[], tls(&[&files])),
        ],
    );
    let frontends = TlsKeeper::new(folder.0.clone()).frontends(&plan).unwrap();
    let frontend = frontends.get(HTTPS).unwrap();
    let table = [
        (Some("a.example"), 1),
        (Some("A.EXAMPLE"), 1),
        (Some("a.example."), 1),
        (Some("b.example"), 0),
        (Some("x.a.example"), 0),
        (Some("x.deep.example"), 2),
        (Some("x.y.Deep.Example."), 2),
        (Some("deep.example"), 0),
        (Some("example"), 3),
        (Some(".example"), 3),
        (Some(""), 3),
        (Some("other.test"), 3),
        (None, 3),
    ];
    for (sni, index) in table {
        assert_eq!(frontend.owner(sni), Some(Owner::Site(index)), "{sni:?}");
        let chosen = frontend.choose(sni, std::iter::empty()).unwrap();
        assert!(matches!(chosen.purpose, Purpose::Serve { owner: Owner::Site(own), .. } if own == index), "{sni:?}");
    }
    let long = "a.".repeat(200) + "example";
    assert_eq!(frontend.owner(Some(&long)), Some(Owner::Site(3)));
    assert!(frontends.get(Listen::Any(80)).is_none());
}

#[test]
fn a_name_that_nobody_has_is_turned_away() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let files = folder.put("a", &ca.issue(&Order::server(&["a.example", "b.example"])));
    let plan = plan(&folder, vec![site(&["a.example"], tls(&[&files])), site(&["b.example"], tls(&[&files]))]);
    let frontends = TlsKeeper::new(folder.0.clone()).frontends(&plan).unwrap();
    let frontend = frontends.get(HTTPS).unwrap();
    let client = Client::of(&ca).config();
    assert_eq!(shake(frontend, &client, "c.example").unwrap_err(), "unknown name");
    assert!(frontend.policy_of("c.example").is_none());
    let nameless = Client { has_sni: false, ..Client::of(&ca) }.config();
    let shaken = shake(frontend, &nameless, "a.example").unwrap();
    assert!(matches!(shaken.purpose, Some(Purpose::Serve { owner: Owner::Site(0), .. })));
}

#[test]
fn the_client_decides_between_kinds_of_keys() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let order = Order::server(&["a.example"]);
    let rsa = folder.put("rsa", &ca.issue(&Order { kind: Kind::Rsa, serial: 2, ..order.clone() }));
    let ecdsa = folder.put("ecdsa", &ca.issue(&order));
    let other = folder.put("other", &ca.issue(&Order::server(&["b.example"])));
    let plan = plan(&folder, vec![site(&["a.example", "b.example"], tls(&[&rsa, &ecdsa, &other]))]);
    let frontends = TlsKeeper::new(folder.0.clone()).frontends(&plan).unwrap();
    let frontend = frontends.get(HTTPS).unwrap();
    let serial = |client: Client, name: &str| {
        let shaken = shake(frontend, &client.config(), name).unwrap();
        evener_tls::ClientCertificate::from_der(&shaken.certificate).unwrap().serial
    };
    assert_eq!(serial(Client::of(&ca), "a.example"), "07");
    // The authority's own signature is ECDSA, so clients know it; but not for the handshake's.
    let is_rsa = |scheme| matches!(scheme, SignatureScheme::RSA_PSS_SHA256 | SignatureScheme::RSA_PSS_SHA384);
    assert_eq!(serial(Client { schemes: Some(is_rsa), ..Client::of(&ca) }, "a.example"), "02");
    let shaken = shake(frontend, &Client::of(&ca).config(), "b.example").unwrap();
    assert_eq!(shaken.names(), ["b.example"]);
}

#[test]
fn protocols_are_offered_by_site() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let files = folder.put("a", &ca.issue(&Order::server(&["a.example", "b.example", "c.example"])));
    let mut second = site(&["b.example"], tls(&[&files]));
    second.http2 = false;
    let mut plan = plan(&folder, vec![site(&["a.example"], tls(&[&files])), second]);
    plan.tcp = vec![tcp(Listen::Any(5432), &["c.example"], Some(tls(&[&files])))];
    let frontends = TlsKeeper::new(folder.0.clone()).frontends(&plan).unwrap();
    let (http, layer4) = (frontends.get(HTTPS).unwrap(), frontends.get(Listen::Any(5432)).unwrap());
    let client = |alpn: &[&'static str]| Client { alpn: alpn.to_vec(), ..Client::of(&ca) }.config();
    let alpn = |client, name| shake(http, &client, name).unwrap().alpn;
    assert_eq!(alpn(client(&["http/1.1", "h2"]), "a.example").as_deref(), Some("h2"));
    assert_eq!(alpn(client(&["http/1.1"]), "a.example").as_deref(), Some("http/1.1"));
    assert_eq!(alpn(client(&["h2", "http/1.1"]), "b.example").as_deref(), Some("http/1.1"));
    assert_eq!(alpn(client(&[]), "b.example"), None);
    assert_eq!(
        shake(http, &client(&["h2"]), "b.example").unwrap_err(),
        "server: peer doesn't support any known protocol"
    );
    assert_eq!(shake(layer4, &client(&["postgresql"]), "c.example").unwrap().alpn, None);
    assert_eq!(layer4.owner(None), None);
}

#[test]
fn a_service_that_passes_tls_on_has_a_name_but_no_config() {
    let folder = Folder::new();
    let mut plan = plan(&folder, Vec::new());
    plan.tcp = vec![tcp(HTTPS, &["a.example"], None), tcp(HTTPS, &[], None), tcp(Listen::Any(1), &[], None)];
    let frontends = TlsKeeper::new(folder.0.clone()).frontends(&plan).unwrap();
    let frontend = frontends.get(HTTPS).unwrap();
    assert_eq!(frontend.owner(Some("a.example")), Some(Owner::Tcp(0)));
    assert_eq!(frontend.owner(Some("b.example")), Some(Owner::Tcp(1)));
    assert_eq!(frontend.owner(None), Some(Owner::Tcp(1)));
    assert!(frontend.choose(Some("a.example"), std::iter::empty()).is_none());
    assert!(frontends.get(Listen::Any(1)).is_none());
}

#[test]
fn versions_older_than_the_least_are_refused() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let files = folder.put("a", &ca.issue(&Order::server(&["a.example", "b.example"])));
    let newer = ServerTls { version_min: TlsVersion::V13, ..tls(&[&files]) };
    let plan = plan(&folder, vec![site(&["a.example"], newer), site(&["b.example"], tls(&[&files]))]);
    let frontends = TlsKeeper::new(folder.0.clone()).frontends(&plan).unwrap();
    let frontend = frontends.get(HTTPS).unwrap();
    let old = || Client { versions: ONLY_12, ..Client::of(&ca) }.config();
    assert!(shake(frontend, &old(), "a.example").is_err());
    assert_eq!(shake(frontend, &old(), "b.example").unwrap().version, rustls::ProtocolVersion::TLSv1_2);
    let shaken = shake(frontend, &Client::of(&ca).config(), "a.example").unwrap();
    assert_eq!(shaken.version, rustls::ProtocolVersion::TLSv1_3);
    assert_ne!(frontend.policy_of("a.example"), frontend.policy_of("b.example"));
}
