//! What a check finds, in which words.

use crate::workshop::{Authority, Folder, Issued, Kind, Order, fixture, gated, plan, set_mode, site, tls};
use evener_plan::{CertificateFiles, Certificates, ClientAuth, ServerTls};
use evener_tls::{Party, Severity, TlsKeeper, inspect};
use rcgen::ExtendedKeyUsagePurpose;
use std::fs;
use std::time::SystemTime;

/// What a check says of a certificate for `a.example`.
fn check(folder: &Folder, files: &CertificateFiles, expected: &[(Severity, &str)]) {
    let plan = plan(folder, vec![site(&["a.example"], tls(&[files]))]);
    let faults = inspect(&plan, SystemTime::now());
    let said: Vec<String> =
        faults.iter().map(|fault| format!("{:?} {fault}; {}", fault.severity(), fault.fix())).collect();
    assert_eq!(faults.len(), expected.len(), "{said:#?}");
    for (severity, words) in expected {
        let is_it = |said: &&String| said.starts_with(&format!("{severity:?} ")) && said.contains(words);
        assert!(said.iter().any(|said| is_it(&said)), "{severity:?} {words}: {said:#?}");
    }
    let is_fatal = expected.iter().any(|(severity, _)| *severity == Fatal);
    let started = TlsKeeper::new(folder.0.clone()).frontends(&plan);
    assert_eq!(started.is_err(), is_fatal, "a start fails just with what is fatal: {said:#?}");
}

use Severity::{Broken, Fatal, Warning};

#[test]
fn files() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let good = folder.put("good", &ca.issue(&Order::server(&["a.example"])));
    check(&folder, &good, &[]);
    let with = |certificate: String, key: String| CertificateFiles { certificate, key };
    let none = folder.path("none.pem");
    check(&folder, &with(none.clone(), good.key.clone()), &[(Fatal, "none.pem: cannot be read: No such file")]);
    check(&folder, &with(folder.path(""), good.key.clone()), &[(Fatal, "is not a regular file; name a file")]);
    check(&folder, &with(none.clone(), none), &[(Fatal, "none.pem: cannot be read")]);
    check(
        &folder,
        &with(good.key.clone(), good.certificate.clone()),
        &[
            (Fatal, "good.key: has no certificate in it, only PRIVATE KEY; name the certificate here"),
            (Fatal, "good.pem: has no private key in it, only CERTIFICATE; name the private key here"),
        ],
    );
    let text = fs::read_to_string(&good.certificate).unwrap();
    let cut = folder.write("cut.pem", &text[..text.len() - 40]);
    check(
        &folder,
        &with(cut, good.key.clone()),
        &[(Fatal, "is damaged: the line -----END CERTIFICATE----- is missing")],
    );
    let der = folder.path("der.pem");
    fs::write(&der, [0x30, 0x82, 1, 0, 0x30, 0x82]).unwrap();
    check(
        &folder,
        &with(der, good.key.clone()),
        &[(Fatal, "is not PEM but DER; convert it: openssl x509 -inform der")],
    );
    let garbage = folder.write("bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    check(&folder, &with(garbage, good.key.clone()), &[(Fatal, "item 1 is not valid X.509")]);
    let long = folder.write("long.pem", &"#".repeat(1024 * 1024 + 1));
    check(&folder, &with(long, good.key.clone()), &[(Fatal, "is longer than 1048576 bytes")]);
    set_mode(&good.key, 0o644);
    check(&folder, &good, &[(Warning, "everybody on the machine may read the key (mode 644); chmod 600")]);
}

#[test]
fn keys() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let order = Order::server(&["a.example"]);
    let (ecdsa, rsa) = (ca.issue(&order), ca.issue(&Order { kind: Kind::Rsa, ..order }));
    let mixed = folder.put("mixed", &Issued { chain: ecdsa.chain.clone(), key: rsa.key });
    check(
        &folder,
        &mixed,
        &[(Fatal, "mixed.key (RSA 2048) does not match the certificate (ECDSA P-256); name the key")],
    );
    let certificate = folder.write("e.pem", &ecdsa.chain);
    for name in ["encrypted.key", "encrypted_old.key"] {
        let key = folder.write(name, &fs::read_to_string(fixture(name)).unwrap());
        let files = CertificateFiles { certificate: certificate.clone(), key };
        check(&folder, &files, &[(Fatal, "the private key is encrypted with a passphrase; evener cannot ask")]);
    }
}

#[test]
fn certificates() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let order = Order::server(&["a.example"]);
    let put = |order: Order<'_>| folder.put("x", &ca.issue(&order));
    check(
        &folder,
        &put(Order { years: (2020, 2021), ..order.clone() }),
        &[(Broken, "x.pem: certificate 1 expired on 2021-01-01; renew")],
    );
    check(
        &folder,
        &put(Order { years: (2080, 2081), ..order.clone() }),
        &[(Broken, "certificate 1 is not valid before 2080-01-01; check the machine's clock")],
    );
    check(&folder, &put(Order { names: &["b.example", "*.example"], ..order.clone() }), &[]);
    check(
        &folder,
        &put(Order { names: &["b.example", "*.a.example"], ..order.clone() }),
        &[(Warning, "x.pem: does not cover the host a.example, only b.example, *.a.example")],
    );
    check(&folder, &put(Order { names: &[], ..order.clone() }), &[(Warning, "names no host")]);
    check(
        &folder,
        &put(Order { usage: ExtendedKeyUsagePurpose::ClientAuth, ..order }),
        &[(Broken, "is not made for servers; order one with the extended key usage serverAuth")],
    );
}

#[test]
fn weak_ones() {
    let folder = Folder::new();
    let copy = |name: &str| CertificateFiles {
        certificate: folder
            .write(&format!("{name}.pem"), &fs::read_to_string(fixture(&format!("{name}.pem"))).unwrap()),
        key: folder.write(&format!("{name}.key"), &fs::read_to_string(fixture(&format!("{name}.key"))).unwrap()),
    };
    let uncovered = (Warning, "does not cover the host a.example");
    check(&folder, &copy("sha1"), &[(Warning, "certificate 1 is signed with SHA-1"), uncovered]);
    check(
        &folder,
        &copy("alone"),
        &[(Warning, "the chain is incomplete: the certificate of CN=ca is missing"), uncovered],
    );
    check(&folder, &copy("weak"), &[(Warning, "the RSA key has only 1024 bits"), (Fatal, "weak.key: cannot be used")]);
}

#[test]
fn chains() {
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let (middle, other) = (root.under("middle"), Authority::new("other"));
    let leaf = middle.issue(&Order::server(&["a.example"]));
    let put = |parts: &[&str]| folder.put("x", &Issued { chain: parts.concat(), key: leaf.key.clone() });
    check(&folder, &put(&[&leaf.chain, &middle.pem]), &[]);
    check(&folder, &put(&[&leaf.chain, &middle.pem, &root.pem]), &[]);
    check(
        &folder,
        &put(&[&leaf.chain, &root.pem, &middle.pem]),
        &[
            (Broken, "wrong order: behind certificate 1 must stand that of its issuer, CN=middle"),
            (Broken, "certificate 2 was issued by CN=root, but behind it stands CN=middle"),
        ],
    );
    check(
        &folder,
        &put(&[&leaf.chain, &other.pem]),
        &[(Broken, "certificate 1 was issued by CN=middle, but behind it stands CN=other")],
    );
    // Of the same name, and another all the same.
    let twin = root.under("middle");
    check(&folder, &put(&[&leaf.chain, &twin.pem]), &[(Broken, "but behind it stands CN=middle")]);
    let plan = plan(&folder, vec![site(&["a.example"], tls(&[&put(&[&middle.pem, &leaf.chain])]))]);
    let said: Vec<String> = inspect(&plan, SystemTime::now()).iter().map(ToString::to_string).collect();
    assert!(
        said.iter().any(|said| said.contains("does not match the certificate (ECDSA P-256) but certificate 2")),
        "{said:#?}"
    );
}

#[test]
fn client_authorities_and_lists() {
    let (folder, servers, clients) = (Folder::new(), Authority::new("servers"), Authority::new("clients"));
    let files = folder.put("a", &servers.issue(&Order::server(&["a.example"])));
    let both = folder.write("both.pem", &format!("{}{}", clients.pem, servers.pem));
    let over = folder.write("over.crl", &clients.revoke(&[], 2025));
    let auth = ClientAuth { ca: both, is_required: true, crls: vec![over] };
    let plan = plan(&folder, vec![site(&[], gated(&files, auth))]);
    let faults = inspect(&plan, SystemTime::now());
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[0].contains("over.crl: the revocation list ended on 2025-01-01"), "{said:#?}");
    assert!(said[1].contains("both.pem: no revocation list of CN=servers is given"), "{said:#?}");
}

#[test]
fn what_is_there_in_place_of_it_decides_what_to_do() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let good = folder.put("good", &ca.issue(&Order::server(&["a.example"])));
    let with = |certificate: &str| CertificateFiles { certificate: certificate.to_owned(), key: good.key.clone() };
    let trusted = fs::read_to_string(&good.certificate).unwrap().replace(" CERTIFICATE", " TRUSTED CERTIFICATE");
    let trusted = folder.write("trusted.pem", &trusted);
    check(&folder, &with(&trusted), &[(Fatal, "only TRUSTED CERTIFICATE; convert it to the usual form: openssl x509")]);
    let list = folder.write("list.pem", &ca.revoke(&[], 2090));
    check(
        &folder,
        &with(&list),
        &[(Fatal, "only X509 CRL; name the certificate here; this file holds something else")],
    );
    let files = CertificateFiles { key: list, ..good };
    check(&folder, &files, &[(Fatal, "only X509 CRL; name the private key here; this file holds something else")]);
}

#[test]
fn a_fault_is_told_once_for_all_whom_it_concerns() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let over = folder.put("over", &ca.issue(&Order { years: (2020, 2021), ..Order::server(&["a.example"]) }));
    let good = folder.put("good", &ca.issue(&Order::server(&["a.example"])));
    let sites = [&over, &good, &over].map(|files| site(&["a.example"], tls(&[files]))).to_vec();
    let plan = plan(&folder, sites);
    let mut keeper = TlsKeeper::new(folder.0.clone());
    keeper.frontends(&plan).unwrap();
    for faults in [inspect(&plan, SystemTime::now()), keeper.take_warnings()] {
        let [only] = faults.as_slice() else { panic!("{faults:?}") };
        assert_eq!(*only.parties, [Party::Site(0), Party::Site(2)]);
    }
}

#[test]
fn an_ordered_certificate_that_is_of_no_use_stands_in_nobodys_way() {
    let (folder, ca) = (Folder::new(), Authority::new("ca"));
    let auto = ServerTls { certificates: Certificates::Auto, ..tls(&[]) };
    let plan = plan(&folder, vec![site(&["a.example"], auto)]);
    let kept = std::path::Path::new(&plan.state_dir).join("acme/certificates");
    fs::create_dir_all(&kept).unwrap();
    let good = ca.issue(&Order::server(&["a.example"]));
    let over = ca.issue(&Order { years: (2020, 2021), ..Order::server(&["a.example"]) });
    let store = |chain: &str, key: &str| {
        fs::write(kept.join("a.example.pem"), chain).unwrap();
        fs::write(kept.join("a.example.key"), key).unwrap();
        set_mode(kept.join("a.example.key").to_str().unwrap(), 0o600);
        inspect(&plan, SystemTime::now())
    };
    assert!(store(&good.chain, &good.key).is_empty());
    let broken =
        [("", ""), (good.chain.as_str(), over.key.as_str()), (&over.chain, &over.key), (&good.chain, "nothing")];
    for (chain, key) in broken {
        let faults = store(chain, key);
        assert!(!faults.is_empty() && faults.iter().all(|fault| fault.severity() == Warning), "{faults:?}");
        assert!(faults[0].to_string().contains("is of no use") && faults[0].fix().contains("orders another"));
        assert!(TlsKeeper::new(plan.state_dir.clone().into()).frontends(&plan).is_ok());
    }
}
