//! Reads `protocol` and `tls` of an upstream.

use super::super::DraftServer;
use super::super::fields::Fields;
use super::super::tls::pair;
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::{Table, Value};
use crate::value::{self, Endpoint};
use evener_plan::{Protocol, Trust, UpstreamTls};

/// What servers speak.
pub(super) fn protocol(fields: &Fields<'_>, report: &mut Report) -> Protocol {
    let Some(word) = fields.text("protocol", report, value::protocol) else { return Protocol::Http1 };
    let entry = fields.entry("tls");
    // What is wrong with `tls` itself is another finding.
    let has_tls = entry.is_some_and(|entry| !matches!(entry.node.value, Value::Boolean(false)));
    let is_off = entry.is_some() || fields.lacks("tls");
    match word.value {
        "h2c" if has_tls => {
            let finding =
                report.error("protocol-and-tls", word.span, "\"h2c\" is HTTP/2 without TLS, but there is `tls`");
            if let Some(entry) = entry {
                finding.label(entry.key, "TLS is asked for here");
            }
            finding.help("write protocol = \"h2\", or leave `tls` out");
        }
        "h2" if !has_tls && is_off => {
            report
                .error("protocol-and-tls", word.span, "\"h2\" is HTTP/2 over TLS, but there is no `tls`")
                .help("add tls = true, or write protocol = \"h2c\" for HTTP/2 without TLS");
        }
        "auto" if !has_tls && is_off => {
            report
                .error("protocol-and-tls", word.span, "\"auto\" is agreed upon over TLS, but there is no `tls`")
                .help("add tls = true, or write protocol = \"http1\" or \"h2c\"");
        }
        _ => {}
    }
    match word.value {
        "h2" | "h2c" => Protocol::Http2,
        "auto" => Protocol::Auto,
        _ => Protocol::Http1,
    }
}

/// TLS towards servers.
pub(super) fn tls(fields: &Fields<'_>, report: &mut Report) -> Option<UpstreamTls> {
    match &fields.entry("tls")?.node.value {
        Value::Boolean(true) => Some(UpstreamTls { trust: Trust::System, sni: None, certificate: None }),
        Value::Table(written) => Some(table(written, report)),
        _ => None,
    }
}

fn table(table: &Table, report: &mut Report) -> UpstreamTls {
    let fields = Fields::open(&keys::UPSTREAM_TLS, table, report);
    let ca = fields.text("ca", report, value::file).map(|at| at.value);
    let is_verified = fields.flag("verify").unwrap_or(true);
    if let (false, Some(ca), Some(verify)) = (is_verified, fields.entry("ca"), fields.entry("verify")) {
        report
            .error("verify-and-ca", verify.key, "any certificate is accepted, so that `ca` changes nothing")
            .label(ca.key, "the authorities are here")
            .help("leave `verify` out, or `ca`");
    }
    let trust = match (is_verified, ca) {
        (false, _) => Trust::Anyone,
        (true, Some(ca)) => Trust::File(ca),
        (true, None) => Trust::System,
    };
    let sni = fields.text("sni", report, value::server_name).map(|at| at.value);
    UpstreamTls { trust, sni, certificate: pair(&fields, report) }
}

/// Reports TLS towards unix sockets without a name: their path is none that a certificate could have.
pub(super) fn check_sockets(fields: &Fields<'_>, servers: &[DraftServer], report: &mut Report) {
    let Some(entry) = fields.entry("tls") else { return };
    let has_name = match &entry.node.value {
        Value::Boolean(is_on) => !is_on,
        Value::Table(table) => table.entry("sni").is_some(),
        _ => true,
    };
    if let Some(server) =
        servers.iter().find(|server| matches!(server.endpoint, Endpoint::Unix(_))).filter(|_| !has_name)
    {
        report
            .error("needs-sni", entry.key, "`tls` needs `sni`: a unix socket has no name that a certificate could have")
            .label(server.label.span, "this server is a unix socket")
            .help("for example: tls = { sni = \"app.example.com\" }");
    }
}
