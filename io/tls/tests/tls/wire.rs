//! Handshakes between a client and a server in memory.

use crate::workshop::{Authority, Issued};
use evener_tls::{Frontend, Purpose};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::Acceptor;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore, ServerConfig, ServerConnection,
    SignatureScheme,
};
use std::io::{Read, Write};
use std::sync::Arc;

/// What a client is like.
pub(crate) struct Client {
    pub(crate) roots: RootCertStore,
    pub(crate) alpn: Vec<&'static str>,
    pub(crate) versions: &'static [&'static rustls::SupportedProtocolVersion],
    pub(crate) schemes: Option<fn(SignatureScheme) -> bool>,
    pub(crate) own: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    pub(crate) has_sni: bool,
}

pub(crate) static ONLY_12: &[&rustls::SupportedProtocolVersion] = &[&TLS12];
pub(crate) static ONLY_13: &[&rustls::SupportedProtocolVersion] = &[&TLS13];
static BOTH: &[&rustls::SupportedProtocolVersion] = &[&TLS13, &TLS12];

impl Client {
    pub(crate) fn of(authority: &Authority) -> Self {
        Self::with(authority.roots())
    }

    pub(crate) fn with(roots: RootCertStore) -> Self {
        Self { roots, alpn: Vec::new(), versions: BOTH, schemes: None, own: None, has_sni: true }
    }

    pub(crate) fn showing(mut self, issued: &Issued) -> Self {
        let chain = CertificateDer::pem_slice_iter(issued.chain.as_bytes()).map(Result::unwrap).collect();
        self.own = Some((chain, PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap()));
        self
    }

    /// Its config, with an own memory of sessions.
    pub(crate) fn config(self) -> Arc<ClientConfig> {
        let mut provider = aws_lc_rs::default_provider();
        if let Some(is_known) = self.schemes {
            provider.signature_verification_algorithms = only(&provider, is_known);
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(self.roots);
        let mut config = match self.own {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.enable_sni = self.has_sni;
        config.resumption = Resumption::in_memory_sessions(64);
        Arc::new(config)
    }
}

fn only(provider: &CryptoProvider, is_known: fn(SignatureScheme) -> bool) -> WebPkiSupportedAlgorithms {
    let all = provider.signature_verification_algorithms;
    let mapping: Vec<_> = all.mapping.iter().filter(|(scheme, _)| is_known(*scheme)).copied().collect();
    WebPkiSupportedAlgorithms { all: all.all, mapping: Box::leak(mapping.into_boxed_slice()) }
}

/// A handshake that ended well.
#[derive(Debug)]
pub(crate) struct Shaken {
    pub(crate) purpose: Option<Purpose>,
    pub(crate) kind: HandshakeKind,
    pub(crate) version: ProtocolVersion,
    pub(crate) alpn: Option<String>,
    /// The server's own certificate.
    pub(crate) certificate: CertificateDer<'static>,
    /// The client's own certificate, as the server saw it.
    pub(crate) client: Option<CertificateDer<'static>>,
}

impl Shaken {
    pub(crate) fn is_resumed(&self) -> bool {
        self.kind == HandshakeKind::Resumed
    }

    /// The names in the server's certificate.
    pub(crate) fn names(&self) -> Vec<String> {
        evener_tls::ClientCertificate::from_der(&self.certificate).unwrap().names
    }
}

/// A handshake for this name; the reason if it fails. `choose` finds nothing: `unknown name`.
pub(crate) fn shake(frontend: &Frontend, client: &Arc<ClientConfig>, name: &str) -> Result<Shaken, String> {
    shake_by(client, ServerName::try_from(name.to_owned()).unwrap(), |sni, alpn| {
        let chosen = frontend.choose(sni, alpn.iter().map(Vec::as_slice)).ok_or("unknown name")?;
        Ok((chosen.config, Some(chosen.purpose)))
    })
}

type Choice = Result<(Arc<ServerConfig>, Option<Purpose>), &'static str>;

pub(crate) fn shake_by(
    config: &Arc<ClientConfig>,
    name: ServerName<'static>,
    choose: impl FnOnce(Option<&str>, &[Vec<u8>]) -> Choice,
) -> Result<Shaken, String> {
    let mut client = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut acceptor = Acceptor::default();
    let accepted = loop {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        acceptor.read_tls(&mut wire.as_slice()).unwrap();
        if let Some(accepted) = acceptor.accept().map_err(|(error, _)| error.to_string())? {
            break accepted;
        }
    };
    let hello = accepted.client_hello();
    let alpn: Vec<Vec<u8>> = hello.alpn().into_iter().flatten().map(<[u8]>::to_vec).collect();
    let (config, purpose) = choose(hello.server_name(), &alpn)?;
    let mut server = accepted.into_connection(config).map_err(|(error, _)| format!("server: {error}"))?;
    pump(&mut client, &mut server)?;
    Ok(Shaken {
        purpose,
        kind: client.handshake_kind().unwrap(),
        version: client.protocol_version().unwrap(),
        alpn: client.alpn_protocol().map(|name| String::from_utf8(name.to_vec()).unwrap()),
        certificate: client.peer_certificates().unwrap().first().unwrap().clone(),
        client: server.peer_certificates().and_then(|all| all.first().cloned()),
    })
}

/// Until both sides rest; then a byte each way, so that tickets have come and the last alert too.
fn pump(client: &mut ClientConnection, server: &mut ServerConnection) -> Result<(), String> {
    for round in 0..10 {
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets().map_err(|error| format!("client: {error}"))?;
        if round == 5 {
            client.writer().write_all(b"?").unwrap();
        }
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets().map_err(|error| format!("server: {error}"))?;
    }
    let mut byte = [0];
    server.reader().read_exact(&mut byte).map_err(|error| error.to_string())?;
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(())
}
