//! Key files that were damaged on their way: whatever is said of them, nothing of the key is in it.

use crate::workshop::{Authority, Folder, Kind, Order, plan, site, tls};
use evener_plan::{CertificateFiles, ClientAuth, Trust, UpstreamTls};
use evener_tls::{TlsFault, TlsKeeper, inspect};
use std::time::SystemTime;

/// Bytes of a key in a row that no message may have.
const WINDOW: usize = 8;

/// What is said of a file where a key, a certificate, authorities and a list of revocations should be.
fn said(folder: &Folder, good: &CertificateFiles, content: &str) -> Vec<TlsFault> {
    let damaged = folder.write("damaged", content);
    let pair = |certificate: &str, key: &str| CertificateFiles { certificate: certificate.into(), key: key.into() };
    let auth = ClientAuth { ca: damaged.clone(), is_required: true, crls: vec![damaged.clone()] };
    let as_key = tls(&[&pair(&good.certificate, &damaged)]);
    let as_certificate = tls(&[&pair(&damaged, &good.key)]);
    let as_authority = evener_plan::ServerTls { client_auth: Some(auth), ..tls(&[good]) };
    let sites = [as_key, as_certificate, as_authority].map(|tls| site(&["a.example"], tls)).to_vec();
    let mut plan = plan(folder, sites);
    let towards =
        UpstreamTls { trust: Trust::File(damaged.clone()), sni: None, certificate: Some(pair(&damaged, &damaged)) };
    let upstreams = crate::backends::upstreams(folder, vec![(Some(towards), evener_plan::Protocol::Http1)]);
    plan.upstreams = upstreams.upstreams;
    let mut faults = inspect(&plan, SystemTime::now());
    let mut keeper = TlsKeeper::new(folder.0.clone());
    faults.extend(keeper.frontends(&plan).err().into_iter().flatten());
    faults.extend(keeper.backends(&plan).err().into_iter().flatten());
    faults
}

/// Tells nothing of the body of the key.
#[track_caller]
fn expect_silent(key: &str, faults: &[TlsFault]) {
    let body: String = key.lines().filter(|line| !line.starts_with("-----")).collect();
    for fault in faults {
        let told = format!("{fault}; {}; {fault:?}", fault.fix());
        let leak =
            body.as_bytes().windows(WINDOW).find(|part| told.as_bytes().windows(WINDOW).any(|other| other == *part));
        assert!(leak.is_none(), "{told}");
    }
}

fn key(kind: Kind) -> (Folder, CertificateFiles, String) {
    let folder = Folder::new();
    let issued = Authority::new("ca").issue(&Order { kind, ..Order::server(&["a.example"]) });
    let files = folder.put("good", &issued);
    (folder, files, issued.key)
}

#[test]
fn a_key_without_its_line_breaks_is_told_so() {
    for kind in [Kind::Ecdsa, Kind::Rsa] {
        let (folder, good, key) = key(kind);
        let (first, rest) = key.split_once('\n').unwrap();
        let (body, last) = rest.trim_end().rsplit_once('\n').unwrap();
        let lost = [
            key.replace('\n', ""),
            key.replace('\n', " "),
            key.replace('\n', "\\n"),
            key.replace('\n', "\\n") + "\n",
            key.replace('\n', "\t"),
            format!("\"{}\"", key.replace('\n', "\\n")),
            format!("{first}{rest}"),
            format!("{first} {rest}"),
            format!("{first}\n{body}{last}\n"),
        ];
        for content in lost {
            let faults = said(&folder, &good, &content);
            expect_silent(&key, &faults);
            let of_key = |fault: &&TlsFault| fault.subject.ends_with("damaged");
            let told = faults.iter().find(of_key).unwrap_or_else(|| panic!("nothing is told of {content}"));
            let told = format!("{told}; {}", told.fix());
            assert!(told.contains("has lost its line breaks; line breaks are missing"), "{told}");
        }
        // Breaks of other systems are breaks.
        for breaks in ["\r\n", "\r"] {
            let content = key.replace('\n', breaks);
            let files = CertificateFiles { key: folder.write("other.key", &content), ..good.clone() };
            let faults = inspect(&plan(&folder, vec![site(&["a.example"], tls(&[&files]))]), SystemTime::now());
            assert!(faults.is_empty(), "{faults:?}");
        }
    }
}

#[test]
fn a_certificate_glued_to_the_one_before_it_is_not_overlooked() {
    let (folder, good, key) = key(Kind::Ecdsa);
    let chain = std::fs::read_to_string(&good.certificate).unwrap();
    let glued = folder.write("glued.pem", &format!("{}{}", chain.trim_end(), Authority::new("other").pem));
    let files = CertificateFiles { certificate: glued, key: folder.write("glued.key", &key) };
    let faults = inspect(&plan(&folder, vec![site(&["a.example"], tls(&[&files]))]), SystemTime::now());
    assert!(faults.iter().any(|fault| fault.to_string().contains("glued.pem: has lost its line breaks")), "{faults:?}");
}

#[test]
fn whatever_was_damaged_nothing_of_the_key_is_told() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let keys = [key(Kind::Ecdsa), key(Kind::Rsa)];
    for turn in 0..400 {
        let (folder, good, key) = &keys[turn % 2];
        let mut content = key.clone().into_bytes();
        for _ in 0..=random.below(6) {
            damage(&mut content, &mut random);
        }
        let content = String::from_utf8_lossy(&content);
        expect_silent(key, &said(folder, good, &content));
    }
}

fn damage(content: &mut Vec<u8>, random: &mut Random) {
    if content.is_empty() {
        return;
    }
    let at = random.below(content.len());
    let breaks: Vec<usize> = (0..content.len()).filter(|index| content[*index] == b'\n').collect();
    match random.below(8) {
        0 => content.retain(|byte| *byte != b'\n'),
        1 => content.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' '),
        2 if !breaks.is_empty() => {
            content.remove(breaks[random.below(breaks.len())]);
        }
        3 => content.truncate(at),
        4 => {
            content.drain(..at);
        }
        5 => {
            let part = [&b"-----BEGIN "[..], b"-----END ", b"-----", b"\n", b" ", b"-", b"CERTIFICATE-----\n", b"\\n"];
            content.splice(at..at, part[random.below(part.len())].iter().copied());
        }
        6 => content[at] = b"-\n =A\xff"[random.below(6)],
        _ => {
            let copied: Vec<u8> = content[at..content.len().min(at + 100)].to_vec();
            let to = random.below(content.len());
            content.splice(to..to, copied);
        }
    }
}

/// xorshift64*, for damage that is the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % bound
    }
}
