//! Towards servers: whom evener trusts, which name it asks for, what it shows.

use crate::wire::{Shaken, shake_by};
use crate::workshop::{Authority, Folder, Issued, Order, plan};
use evener_plan::{
    Balance, Plan, Protocol, Queue, Retry, Server, ServerAddress, Trust, Upstream, UpstreamId, UpstreamTls,
};
use evener_tls::{Backend, TlsKeeper, TlsNotice};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

fn server(label: &str) -> Server {
    let address = match label.strip_prefix("unix:") {
        Some(path) => ServerAddress::Unix(path.to_owned()),
        None => ServerAddress::Tcp(vec!["10.0.0.9:443".parse().unwrap()]),
    };
    Server { label: label.to_owned(), address, weight: 1, tier: 0 }
}

pub(crate) fn upstreams(folder: &Folder, all: Vec<(Option<UpstreamTls>, Protocol)>) -> Plan {
    let upstream = |(index, (tls, protocol)): (usize, (Option<UpstreamTls>, Protocol))| Upstream {
        name: index.to_string(),
        servers: vec![server("app.local:8443")],
        balance: Balance::RoundRobin,
        health: None,
        sticky: None,
        slow_start: Duration::ZERO,
        max_requests: None,
        queue: Queue { size: 0, wait: Duration::ZERO },
        retry: Retry { attempts: 0, on: Vec::new(), budget: 0.0 },
        hedge: None,
        protocol,
        tls,
        connect_timeout: Duration::from_secs(1),
        response_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
    };
    let mut plan = plan(folder, Vec::new());
    plan.upstreams = all.into_iter().enumerate().map(upstream).collect();
    plan
}

pub(crate) fn trusting(path: String) -> UpstreamTls {
    UpstreamTls { trust: Trust::File(path), sni: None, certificate: None }
}

/// A server with this certificate, that asks clients for one of `clients` if that is given.
fn config(issued: &Issued, clients: Option<&Authority>, alpn: &[&str]) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(issued.chain.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(clients.roots()), provider).build().unwrap(),
        ),
    };
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

pub(crate) fn connect(backend: &Backend, label: &str, to: &Arc<ServerConfig>) -> Result<Shaken, String> {
    let name = backend.server_name(&server(label));
    shake_by(&backend.config(), name, |_, _| Ok((Arc::clone(to), None)))
}

#[test]
fn servers_must_prove_their_name() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let trust = trusting(folder.write("ca.pem", &ca.pem));
    let named = UpstreamTls { sni: Some(String::from("inner.example")), ..trust.clone() };
    let anyone = UpstreamTls { trust: Trust::Anyone, ..trust.clone() };
    let system = UpstreamTls { trust: Trust::System, ..trust.clone() };
    let all = vec![
        (Some(trust), Protocol::Http1),
        (Some(named), Protocol::Http2),
        (Some(anyone), Protocol::Auto),
        (Some(system), Protocol::Http1),
        (None, Protocol::Http1),
    ];
    let backends = TlsKeeper::new(folder.0.clone()).backends(&upstreams(&folder, all)).unwrap();
    let get = |index| backends.get(UpstreamId(index));
    let app = config(&ca.issue(&Order::server(&["app.local", "10.0.0.9", "::1"])), None, &["http/1.1"]);
    assert_eq!(connect(get(0).unwrap(), "app.local:8443", &app).unwrap().alpn.as_deref(), Some("http/1.1"));
    assert!(connect(get(0).unwrap(), "app.local:8443 (10.0.0.9:8443)", &app).is_ok());
    assert!(connect(get(0).unwrap(), "10.0.0.9:443", &app).is_ok());
    assert!(connect(get(0).unwrap(), "[::1]:443", &app).is_ok());
    assert!(connect(get(0).unwrap(), "other.local:8443", &app).unwrap_err().contains("not valid for name"));
    assert!(connect(get(0).unwrap(), "unix:/run/app.sock", &app).unwrap_err().contains("localhost"));
    assert!(connect(get(1).unwrap(), "app.local:8443", &app).is_err());
    let inner = config(&ca.issue(&Order::server(&["inner.example"])), None, &["h2"]);
    assert_eq!(connect(get(1).unwrap(), "app.local:8443", &inner).unwrap().alpn.as_deref(), Some("h2"));
    assert_eq!(connect(get(2).unwrap(), "app.local:8443", &inner).unwrap().alpn.as_deref(), Some("h2"));
    assert!(connect(get(3).unwrap(), "app.local:8443", &app).unwrap_err().contains("UnknownIssuer"));
    assert!(get(4).is_none() && get(5).is_none());
}

#[test]
fn a_server_sees_the_certificate_that_is_there_now() {
    let (folder, ca, clients) = (Folder::new(), Authority::new("ca"), Authority::new("clients"));
    let certificate = folder.put("own", &clients.issue(&Order::client(&["first"], 1)));
    let tls = UpstreamTls { certificate: Some(certificate), ..trusting(folder.write("ca.pem", &ca.pem)) };
    let mut keeper = TlsKeeper::new(folder.0.clone());
    let plan = upstreams(&folder, vec![(Some(tls), Protocol::Http1)]);
    let backends = keeper.backends(&plan).unwrap();
    assert!(keeper.take_warnings().is_empty());
    let app = config(&ca.issue(&Order::server(&["app.local"])), Some(&clients), &[]);
    let seen = |backends: &evener_tls::Backends| {
        let shaken = connect(backends.get(UpstreamId(0)).unwrap(), "app.local:1", &app).unwrap();
        evener_tls::ClientCertificate::from_der(&shaken.client.unwrap()).unwrap().subject
    };
    assert_eq!(seen(&backends), "CN=first");
    folder.put("own", &clients.issue(&Order::client(&["second"], 2)));
    assert_eq!(keeper.refresh(SystemTime::now()).len(), 1);
    let fresh = TlsKeeper::new(folder.0.clone()).backends(&plan).unwrap();
    assert_eq!(seen(&fresh), "CN=second");
}

#[test]
fn sessions_are_kept_by_a_reload_and_lost_with_their_authority() {
    let (folder, ca, new) = (Folder::new(), Authority::new("ca"), Authority::new("new"));
    let tls = trusting(folder.write("ca.pem", &ca.pem));
    let mut keeper = TlsKeeper::new(folder.0.clone());
    let plan = upstreams(&folder, vec![(Some(tls), Protocol::Http1)]);
    let backends = keeper.backends(&plan).unwrap();
    let app = config(&ca.issue(&Order::server(&["app.local"])), None, &[]);
    let backend = backends.get(UpstreamId(0)).unwrap();
    assert!(!connect(backend, "app.local:1", &app).unwrap().is_resumed());
    assert!(connect(backend, "app.local:1", &app).unwrap().is_resumed());
    let again = keeper.backends(&plan).unwrap();
    assert!(connect(again.get(UpstreamId(0)).unwrap(), "app.local:1", &app).unwrap().is_resumed());

    folder.write("ca.pem", "broken");
    assert!(matches!(keeper.refresh(SystemTime::now()).as_slice(), [TlsNotice::Kept(_)]));
    assert!(keeper.backends(&plan).is_err());
    assert!(connect(backend, "app.local:1", &app).is_ok());
    folder.write("ca.pem", &new.pem);
    assert!(matches!(keeper.refresh(SystemTime::now()).as_slice(), [TlsNotice::Renewed { .. }]));
    assert!(connect(backend, "app.local:1", &app).unwrap_err().contains("UnknownIssuer"));
}

#[test]
fn a_session_ends_with_the_certificate_that_was_shown_in_it() {
    let (folder, ca, clients) = (Folder::new(), Authority::new("ca"), Authority::new("clients"));
    let certificate = folder.put("own", &clients.issue(&Order::client(&["first"], 1)));
    let tls = UpstreamTls { certificate: Some(certificate), ..trusting(folder.write("ca.pem", &ca.pem)) };
    let mut keeper = TlsKeeper::new(folder.0.clone());
    let plan = upstreams(&folder, vec![(Some(tls), Protocol::Http1)]);
    let backends = keeper.backends(&plan).unwrap();
    let app = config(&ca.issue(&Order::server(&["app.local"])), Some(&clients), &[]);
    let visit = || connect(backends.get(UpstreamId(0)).unwrap(), "app.local:1", &app).unwrap();
    let seen =
        |shaken: &Shaken| evener_tls::ClientCertificate::from_der(shaken.client.as_ref().unwrap()).unwrap().subject;
    assert_eq!((visit().is_resumed(), visit().is_resumed()), (false, true));
    let before = backends.get(UpstreamId(0)).unwrap().config();
    assert!(keeper.refresh(SystemTime::now()).is_empty());
    assert!(Arc::ptr_eq(&before, &backends.get(UpstreamId(0)).unwrap().config()), "nothing has changed");
    folder.put("own", &clients.issue(&Order::client(&["second"], 2)));
    assert_eq!(keeper.refresh(SystemTime::now()).len(), 1);
    let shaken = visit();
    assert_eq!((shaken.is_resumed(), seen(&shaken).as_str()), (false, "CN=second"));
    // So it is if a reload finds the new one.
    folder.put("own", &clients.issue(&Order::client(&["third"], 3)));
    keeper.backends(&plan).unwrap();
    assert_eq!(seen(&visit()), "CN=third");
}

#[test]
fn faults_come_all_at_once() {
    let folder = Folder::new();
    let tls = UpstreamTls { sni: Some(String::from("a b")), ..trusting(folder.path("none.pem")) };
    let mut plan = upstreams(&folder, vec![(Some(tls.clone()), Protocol::Http1), (Some(tls), Protocol::Http2)]);
    let faults = TlsKeeper::new(folder.0.clone()).backends(&plan).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert_eq!(evener_tls::inspect(&plan, SystemTime::now()).len(), 2);
    plan.upstreams.clear();
    assert!(TlsKeeper::new(folder.0.clone()).backends(&plan).is_ok());
}
