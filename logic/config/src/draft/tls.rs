//! Reads `tls` of sites and TCP services.

use super::fields::{self, Fields, LEAVE_OUT, distinct};
use super::{At, DraftTls};
use crate::diagnostic::Report;
use crate::keys;
use crate::source::Span;
use crate::tree::{Entry, Node, Table, Value};
use crate::value;
use evener_plan::{CertificateFiles, Certificates, ClientAuth, TlsVersion};

/// TLS, as soon as the key is written: what else is written must not be judged as if there were none.
pub(super) fn read(fields: &Fields<'_>, table: &Table, report: &mut Report) -> Option<DraftTls> {
    let key = table.entry("tls")?.key;
    let mut tls = DraftTls { key, certificates: None, client_auth: None, version_min: TlsVersion::V12 };
    let Some(entry) = fields.entry("tls") else { return Some(tls) };
    match &entry.node.value {
        Value::Table(written) => fill(&mut tls, written, &entry.node, report),
        _ => {
            tls.certificates = fields.word("tls", report).map(|word| At { value: source(word.value), span: word.span });
        }
    }
    Some(tls)
}

fn source(word: &str) -> Certificates {
    if word == "auto" { Certificates::Auto } else { Certificates::Internal }
}

fn fill(tls: &mut DraftTls, table: &Table, node: &Node, report: &mut Report) {
    let fields = Fields::open(&keys::TLS, table, report);
    tls.certificates = certificates(&fields, node.span, report).map(|value| At { value, span: node.span });
    tls.client_auth = client_auth(&fields, report);
    if fields.word("min_version", report).is_some_and(|word| word.value == "1.3") {
        tls.version_min = TlsVersion::V13;
    }
}

/// Either a source or files.
fn certificates(fields: &Fields<'_>, span: Span, report: &mut Report) -> Option<Certificates> {
    let word = fields.word("source", report);
    let files = files(fields, span, report);
    let written = ["cert", "key", "certificates"].iter().find_map(|name| fields.entry(name));
    match (fields.entry("source"), written) {
        (Some(source), Some(file)) => {
            report
                .error("source-and-files", source.key, format!("`source` and `{}` exclude each other", file.name))
                .label(file.key, "a file is named here")
                .help("keep one of the two");
            None
        }
        (Some(_), None) => word.map(|word| source(word.value)),
        (None, Some(_)) => files.filter(|files| !files.is_empty()).map(Certificates::Files),
        (None, None) => {
            if ["source", "cert", "key", "certificates"].iter().all(|name| fields.lacks(name)) {
                report
                    .error("missing-key", span, "`tls` does not say where certificates come from")
                    .help("add cert = \"…\" and key = \"…\", or source = \"auto\"");
            }
            None
        }
    }
}

/// `cert` and `key`, and those of the list. `None` if one could not be read.
fn files(fields: &Fields<'_>, span: Span, report: &mut Report) -> Option<Vec<CertificateFiles>> {
    let mut all = Vec::new();
    let has_own = fields.entry("cert").is_some() || fields.entry("key").is_some();
    if has_own {
        all.push(pair(fields, report).map(|value| At { value, span }));
    }
    for item in fields.items("certificates", LEAVE_OUT, report).unwrap_or_default() {
        let Value::Table(table) = &item.value else { continue };
        let fields = Fields::open(&keys::CERTIFICATE, table, report);
        all.push(pair(&fields, report).map(|value| At { value, span: item.span }));
        if fields.lacks("cert") && fields.lacks("key") {
            report
                .error("missing-key", item.span, "a certificate needs `cert` and `key`")
                .help("for example: { cert = \"site.pem\", key = \"site.key\" }");
        }
    }
    let all: Vec<At<CertificateFiles>> = all.into_iter().collect::<Option<_>>()?;
    Some(distinct(all, "certificate-twice", report).into_iter().map(|at| at.value).collect())
}

/// A certificate and its key. One without the other is reported.
pub(super) fn pair(fields: &Fields<'_>, report: &mut Report) -> Option<CertificateFiles> {
    let certificate = fields.text("cert", report, value::file);
    let key = fields.text("key", report, value::file);
    let alone = match (fields.entry("cert"), fields.entry("key")) {
        (Some(cert), None) => Some((cert, "key", "add key = \"…\", the private key of the certificate")),
        (None, Some(key)) => Some((key, "cert", "add cert = \"…\", the certificate and its chain")),
        _ => None,
    };
    if let Some((entry, missing, help)) = alone.filter(|(_, missing, _)| fields.lacks(missing)) {
        report.error("missing-key", entry.key, format!("`{}` without `{missing}`", entry.name)).help(help);
    }
    Some(CertificateFiles { certificate: certificate?.value, key: key?.value })
}

fn client_auth(fields: &Fields<'_>, report: &mut Report) -> Option<ClientAuth> {
    let ca = fields.text("client_ca", report, value::file).map(|at| at.value);
    let word = fields.word("client_auth", report);
    if let Some(entry) = fields.entry("client_crl") {
        fields::refuse_empty(Some(entry), LEAVE_OUT, report);
    }
    let crls = fields.texts("client_crl", report, value::file).unwrap_or_default();
    let crls = distinct(crls, "crl-twice", report).into_iter().map(|at| at.value).collect();
    if fields.lacks("client_ca") {
        for entry in ["client_auth", "client_crl"].iter().filter_map(|name| fields.entry(name)) {
            needs_ca(entry, report);
        }
    }
    Some(ClientAuth { ca: ca?, is_required: word.is_none_or(|word| word.value == "required"), crls })
}

fn needs_ca(entry: &Entry, report: &mut Report) {
    report
        .error(
            "needs-client-ca",
            entry.key,
            format!("`{}` changes nothing without `client_ca`: no client is asked", entry.name),
        )
        .help("add client_ca = \"…\", the authorities that sign the certificates of clients");
}
