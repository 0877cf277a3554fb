//! Certificates for one test: an authority, and what it issues for a name, as files in a folder of their own.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::evener::Folder;

/// An authority that the clients and evener of a test trust.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    path: PathBuf,
    folder: Folder,
}

/// A certificate and its key in PEM.
pub(crate) struct Files {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names are good names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "authority of a test");
        let certificate = params.self_signed(&key).expect("a certificate");
        let path = folder.0.join("authority.pem");
        std::fs::write(&path, certificate.pem()).expect("it can be written");
        Self { issuer: Issuer::new(params, key), path, folder }
    }

    /// Its certificate.
    pub(crate) fn path(&self) -> &str {
        self.path.to_str().expect("temporary folders have plain names")
    }

    /// A certificate for a name of a host; they go with the authority.
    pub(crate) fn issue(&self, name: &str) -> Files {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a good name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let serial = std::fs::read_dir(&self.folder.0).map_or(0, Iterator::count);
        let path = |end: &str| self.folder.0.join(format!("{name}-{serial}.{end}"));
        let files = Files { cert: path("pem"), key: path("key") };
        std::fs::write(&files.cert, certificate.pem()).expect("it can be written");
        std::fs::write(&files.key, key.serialize_pem()).expect("it can be written");
        std::fs::set_permissions(&files.key, Permissions::from_mode(0o600)).expect("it is an own file");
        files
    }
}
