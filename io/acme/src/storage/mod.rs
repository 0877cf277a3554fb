//! Accounts and certificates on disk: `acme/account-HASH.json`, `acme/certificates/HOST.pem` and `HOST.key`.
//!
//! Files are replaced whole or not at all; a full disk costs the new file, never the old one. Everything that is secret
//! has mode 0600 in folders of mode 0700. Nothing is ever removed, and two evener must not share the folder for long.
//! The calls wait for the disk, so that they belong on a thread that may.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};

use crate::certificate::Certificate;
use crate::fault::Fault;

/// The folder of accounts and certificates.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self { folder: state_dir.join("acme") }
    }

    /// Makes the folders and tries to write there, so that nothing is asked for that could not be kept. What it writes it
    /// removes.
    pub(crate) fn probe(&self) -> Result<(), Fault> {
        let certificates = self.certificates();
        let fault = |folder: &Path| {
            let path = folder.to_owned();
            |error| Fault::Unwritable { path, error }
        };
        make_folder(&certificates).map_err(fault(&certificates))?;
        for folder in [&self.folder, &certificates] {
            let path = folder.join("probe");
            let written = prepare(&path, &[0; PROBE_BYTES], SECRET);
            discard(&path);
            written.map_err(fault(folder))?;
        }
        Ok(())
    }

    /// The account at this directory, if there is one.
    pub(crate) fn account(&self, directory: &str) -> Result<Option<Vec<u8>>, Fault> {
        read(&self.account_path(directory))
    }

    pub(crate) fn write_account(&self, directory: &str, content: &[u8]) -> Result<(), Fault> {
        let path = self.account_path(directory);
        let made = make_folder(&self.folder);
        let written = made.and_then(|()| prepare(&path, content, SECRET)).and_then(|()| commit(&path));
        written.map_err(|error| Fault::State { path, error })
    }

    /// Puts aside an account that the authority does not know any more.
    pub(crate) fn retire_account(&self, directory: &str) -> Result<(), Fault> {
        let path = self.account_path(directory);
        match fs::rename(&path, path.with_extension("json.retired")) {
            Err(error) if is_absence(&error) => Ok(()),
            outcome => outcome.map_err(|error| Fault::State { path, error }),
        }
    }

    /// The certificate of this host, if there is one.
    pub(crate) fn certificate(&self, host: &str) -> Result<Option<Certificate>, Fault> {
        let (chain_path, key_path) = self.certificate_paths(host);
        let Some(key) = read(&key_path)? else { return Ok(None) };
        let chain = read(&chain_path)?;
        let stored = chain.map(|chain| checked(host, chain, key.clone()));
        if let Some(Ok(certificate)) = stored {
            return Ok(Some(certificate));
        }
        // The power may have failed after the key had its new name and before the chain had. Then the chain is still there.
        let staged = read(&staged_path(&chain_path))?;
        if let Some(Ok(certificate)) = staged.map(|chain| checked(host, chain, key)) {
            commit(&chain_path).map_err(|error| Fault::State { path: chain_path, error })?;
            return Ok(Some(certificate));
        }
        stored.transpose()
    }

    /// Stores a certificate. Both files are on disk before either gets its name; the key gets it first.
    pub(crate) fn write_certificate(&self, certificate: &Certificate) -> io::Result<()> {
        make_folder(&self.certificates())?;
        let (chain_path, key_path) = self.certificate_paths(certificate.host());
        prepare(&key_path, certificate.key_pem().as_bytes(), SECRET)?;
        let prepared = prepare(&chain_path, certificate.chain_pem().as_bytes(), PUBLIC);
        if prepared.is_err() {
            discard(&key_path);
            return prepared;
        }
        commit(&key_path)?;
        commit(&chain_path)
    }

    /// The folder of certificates.
    pub(crate) fn certificates(&self) -> PathBuf {
        self.folder.join("certificates")
    }

    fn account_path(&self, directory: &str) -> PathBuf {
        let hash = digest(&SHA256, directory.as_bytes());
        let short: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("account-{short}.json"))
    }

    /// `host` must be checked: it becomes a file's name.
    fn certificate_paths(&self, host: &str) -> (PathBuf, PathBuf) {
        debug_assert!(!host.contains('/') && !host.starts_with('.'), "host name {host:?}");
        let folder = self.certificates();
        (folder.join(format!("{host}.pem")), folder.join(format!("{host}.key")))
    }
}

fn checked(host: &str, chain: Vec<u8>, key: Vec<u8>) -> Result<Certificate, Fault> {
    let text = |bytes| String::from_utf8(bytes).map_err(|_malformed| Fault::Unusable("it is not text"));
    Certificate::check(host, text(chain)?, text(key)?)
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut content));
    match read {
        Ok(_) => Ok(Some(content)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(Fault::State { path: path.to_owned(), error }),
    }
}

/// Whether there is no such file; nor is there one below another file.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes the content beside its place, through to the disk.
fn prepare(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let staged = staged_path(path);
    // A file that a crash left behind may have another mode.
    discard(path);
    let written = OpenOptions::new().write(true).create_new(true).mode(mode).open(&staged).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    if written.is_err() {
        discard(path);
    }
    written
}

/// Gives what was prepared its name.
fn commit(path: &Path) -> io::Result<()> {
    fs::rename(staged_path(path), path)?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}

fn discard(path: &Path) {
    // Absent in most cases; and if it cannot be removed, making it anew says why.
    let _absent = fs::remove_file(staged_path(path));
}

fn staged_path(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

const SECRET: u32 = 0o600;
const PUBLIC: u32 = 0o644;
/// More than an account has, so that a full disk shows.
const PROBE_BYTES: usize = 4096;
/// No account and no chain is as long.
const FILE_BYTES_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests;
