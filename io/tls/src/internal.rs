//! A certificate authority of evener's own, for development: its root is kept in the state folder, certificates for
//! servers are made when they are needed and live in memory.
//!
//! It revokes nothing and serves nobody but this process.

use crate::date::{DAY, seconds};
use crate::fault::{Problem, TlsFault};
use crate::reading::{self, Pair, Reading};
use crate::shelf::{CertificateReport, CertificateSource, Slot};
use evener_plan::CertificateFiles;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer};
use rcgen::{KeyPair, KeyUsagePurpose};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use x509_parser::time::ASN1Time;

/// The authority, and the certificates that it has made for the hosts of sites.
pub(crate) struct Internal {
    folder: PathBuf,
    made: HashMap<Vec<String>, Arc<Slot>>,
    /// The day, counted since 1970, on which making one anew failed.
    failed: Option<i64>,
}

/// The root: its certificate in PEM, and what signs.
struct Root {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Internal {
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self { folder: state_dir.join("internal"), made: HashMap::new(), failed: None }
    }

    /// The path of the root's certificate.
    pub(crate) fn root_path(&self) -> PathBuf {
        self.folder.join("root.pem")
    }

    /// The slot of a certificate for these hosts, made unless there is one. Makes the authority too if there is none.
    pub(crate) fn take(&mut self, hosts: Vec<String>, now: SystemTime) -> Result<Arc<Slot>, TlsFault> {
        let slot = Arc::clone(self.made.entry(hosts.clone()).or_default());
        if is_due(&slot, now) {
            slot.store(Some(Arc::new(self.make(&hosts, now)?)));
        }
        Ok(slot)
    }

    /// Makes anew what ends soon. After a failure it waits for the next day; there are thirty.
    pub(crate) fn refresh(&mut self, now: SystemTime) -> Vec<TlsFault> {
        let today = seconds(now) / DAY;
        if self.failed == Some(today) {
            return Vec::new();
        }
        let due = self.made.iter().filter(|(_, slot)| is_due(slot, now));
        let renew = |(hosts, slot): (&Vec<String>, &Arc<Slot>)| match self.make(hosts, now) {
            Ok(pair) => {
                slot.store(Some(Arc::new(pair)));
                None
            }
            Err(fault) => Some(fault),
        };
        let faults: Vec<TlsFault> = due.filter_map(renew).collect();
        self.failed = (!faults.is_empty()).then_some(today);
        faults
    }

    /// Lets go of what no plan in use names.
    pub(crate) fn prune(&mut self) {
        self.made.retain(|_, slot| Arc::strong_count(slot) > 1);
    }

    /// The certificates in use.
    pub(crate) fn reports(&self) -> impl Iterator<Item = CertificateReport> {
        let report = |pair: &Pair| CertificateReport::of("internal", pair, CertificateSource::Internal);
        self.made.values().filter_map(move |slot| slot.load().as_deref().map(report))
    }

    /// What is wrong with the authority; nothing if there is none yet.
    pub(crate) fn faults(&self, now: SystemTime) -> Vec<TlsFault> {
        if !self.root_path().exists() {
            return Vec::new();
        }
        self.load(now).err().into_iter().collect()
    }

    fn make(&self, hosts: &[String], now: SystemTime) -> Result<Pair, TlsFault> {
        let root = self.root(now)?;
        let (certificate, key) = leaf(hosts, &root.issuer, now).map_err(|error| self.fault(error))?;
        let name = String::from("internal");
        let files = CertificateFiles { certificate: name.clone(), key: name };
        let chain = certificate + &root.pem;
        let Reading { pair, faults } = reading::parse(&files, Some(chain.as_bytes()), Some(key.as_bytes()), now);
        pair.ok_or_else(|| {
            let unknown = || self.fault(io::Error::other("the certificate that it made cannot be used"));
            faults.into_iter().next().unwrap_or_else(unknown)
        })
    }

    /// The root that is there, or a new one if there is none or it is over.
    fn root(&self, now: SystemTime) -> Result<Root, TlsFault> {
        match self.load(now)? {
            Some(root) => Ok(root),
            None => self.create(now),
        }
    }

    fn load(&self, now: SystemTime) -> Result<Option<Root>, TlsFault> {
        let (pem_path, key_path) = (self.root_path(), self.key_path());
        let pem = match fs::read_to_string(&pem_path) {
            Ok(pem) => pem,
            // Below a file there is none either; making one says why.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(TlsFault::new(pem_path.to_string_lossy(), Problem::unreadable(error))),
        };
        let key = fs::read_to_string(&key_path);
        let key = key.map_err(|error| TlsFault::new(key_path.to_string_lossy(), Problem::unreadable(error)))?;
        // Reading both as a pair also checks that they belong together.
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let files = CertificateFiles { certificate: text(&pem_path), key: text(&key_path) };
        let Reading { pair, faults } = reading::parse(&files, Some(pem.as_bytes()), Some(key.as_bytes()), now);
        let Some(pair) = pair else {
            let unknown = || self.fault(io::Error::other("the root cannot be used"));
            return Err(faults.into_iter().max_by_key(TlsFault::severity).unwrap_or_else(unknown));
        };
        if pair.facts.not_after - seconds(now) < LEAF_DAYS * DAY {
            return Ok(None);
        }
        // Its own words might hold some of the key.
        let unreadable = |_| self.fault(io::Error::other("its key cannot be read"));
        let key = KeyPair::from_pem(&key).map_err(unreadable)?;
        let issuer = Issuer::from_ca_cert_pem(&pem, key).map_err(|error| self.fault(error))?;
        Ok(Some(Root { pem, issuer }))
    }

    fn create(&self, now: SystemTime) -> Result<Root, TlsFault> {
        let made = || -> Result<(Root, String), rcgen::Error> {
            let key = KeyPair::generate()?;
            let key_pem = key.serialize_pem();
            let mut params = params(&format!("evener internal authority, {}", crate::date::day(seconds(now))));
            validity(&mut params, now, ROOT_DAYS);
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            let pem = params.self_signed(&key)?.pem();
            Ok((Root { pem, issuer: Issuer::new(params, key) }, key_pem))
        };
        let (root, key_pem) = made().map_err(|error| self.fault(error))?;
        let write = || -> io::Result<()> {
            fs::create_dir_all(&self.folder)?;
            // The certificate last: where it is, the key is too.
            write_whole(&self.key_path(), key_pem.as_bytes(), 0o600)?;
            write_whole(&self.root_path(), root.pem.as_bytes(), 0o644)
        };
        let unkept = |error| TlsFault::new(self.folder.to_string_lossy(), Problem::StateFolder(Arc::new(error)));
        write().map_err(unkept)?;
        Ok(root)
    }

    fn key_path(&self) -> PathBuf {
        self.folder.join("root.key")
    }

    fn fault(&self, error: impl std::error::Error + Send + Sync + 'static) -> TlsFault {
        TlsFault::new(self.folder.to_string_lossy(), Problem::authority(error))
    }
}

/// A certificate for a server with its key, both in PEM.
fn leaf(
    hosts: &[String],
    issuer: &Issuer<'static, KeyPair>,
    now: SystemTime,
) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = params("evener internal certificate");
    params.subject_alt_names = CertificateParams::new(hosts.to_vec())?.subject_alt_names;
    validity(&mut params, now, LEAF_DAYS);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok((params.signed_by(&key, issuer)?.pem(), key.serialize_pem()))
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// From an hour ago, for clients whose clock is slow, for so many days.
fn validity(params: &mut CertificateParams, now: SystemTime, days: i64) {
    let at = |seconds| ASN1Time::from_timestamp(seconds).map(|time| time.to_datetime());
    if let (Ok(begin), Ok(end)) = (at(seconds(now) - 3600), at(seconds(now) + days * DAY)) {
        params.not_before = begin;
        params.not_after = end;
    }
}

/// Whether there is no certificate, or it ends within a third of its life.
fn is_due(slot: &Slot, now: SystemTime) -> bool {
    slot.load().as_deref().is_none_or(|pair| pair.facts.not_after - seconds(now) < LEAF_DAYS / 3 * DAY)
}

/// Writes a file so that it is either as it was or whole, also after a loss of power.
fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let draft = path.with_extension(format!("new.{}", std::process::id()));
    // A draft that a crash has left may have other permissions.
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

const LEAF_DAYS: i64 = 90;
const ROOT_DAYS: i64 = 3650;
