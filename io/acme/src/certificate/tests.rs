//! Which chains and keys pass, and what is said of those that do not.

use super::*;
use rcgen::CertificateParams;

fn made(names: &[&str]) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| String::from(*name)).collect();
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

#[track_caller]
fn refused(chain: &str, key: &str, expected: &str) {
    let fault = Certificate::check("a.test", String::from(chain), String::from(key)).unwrap_err();
    assert!(fault.to_string().contains(expected), "{fault}");
}

#[test]
fn a_good_one_passes() {
    let (chain, key) = made(&["b.test", "a.test"]);
    let certificate = Certificate::check("a.test", chain.clone(), key.clone()).unwrap();
    assert_eq!((certificate.host(), certificate.chain_pem(), certificate.key_pem()), ("a.test", &*chain, &*key));
    assert!(certificate.not_before() < certificate.not_after());
    assert!(!format!("{certificate:?}").contains("PRIVATE"));
}

#[test]
fn a_bad_one_is_refused() {
    let (chain, key) = made(&["a.test"]);
    let (other_chain, other_key) = made(&["b.test"]);
    refused("", &key, "empty");
    refused("hello", &key, "empty");
    refused(&chain[..chain.len() / 2], &key, "parse");
    refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key, "does not parse");
    refused(&chain, "", "key does not parse");
    refused(&chain, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "key does not parse");
    refused(&chain, &other_key, "another key");
    refused(&other_chain, &other_key, "not for this host");
    refused(&chain.repeat(11), &key, "too long");
}
