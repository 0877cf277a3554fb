//! Request heads as they are written for a server.
//! The caller decides target, host and trust; the framing is the parser's.

use super::run::Run;
use super::{HOP_BY_HOP, says_exactly, upgrade, write_field, write_framing};
use crate::field::{Field, FieldKind};
use crate::message::{Framing, Method};
use crate::request::RequestHead;
use crate::target::TargetForm;

/// How a request head is written for the server.
#[derive(Clone, Copy, Debug)]
pub struct ForwardRequest<'a> {
    /// The request-target to write. When it is empty or begins with `?`, a `/` is put before it, as the absolute form
    /// needs it; an empty one with OPTIONS in absolute-form becomes `*` (RFC 9112 §3.2.4).
    pub target: &'a [u8],
    /// The value of Host.
    pub host: &'a [u8],
    /// The client's address as text, for X-Forwarded-For.
    pub client_ip: &'a [u8],
    /// The authority that the client sent, for X-Forwarded-Host; left out when empty.
    pub client_host: &'a [u8],
    /// `http` or `https`, for X-Forwarded-Proto.
    pub scheme: &'a [u8],
    /// What the server is told of the certificate that the peer has shown, unless it is believed to speak for its own
    /// client: names that begin with `X-Client-Cert`, and their values.
    pub certificate: &'a [(&'static str, String)],
    /// Whether the peer's X-Forwarded-…, Forwarded, X-Real-IP and X-Client-Cert-… are believed: then they are kept and the client's
    /// address is appended; else they are replaced or dropped.
    pub trusts_peer: bool,
    /// Lower-case names and values to put in place of what the client sent; an empty value removes. Names that concern framing or
    /// the connection are ignored here; `host` wins over the field above.
    pub set_headers: &'a [(String, String)],
    /// Whether the server is asked for `100 Continue`.
    pub expects_continue: bool,
}

/// Appends the head for the server: request line, the client's fields in their order without those of the
/// connection, then what evener adds.
pub fn write_request_head(message: &[u8], head: &RequestHead, forward: &ForwardRequest<'_>, out: &mut Vec<u8>) {
    out.reserve(head.head_bytes + ADDED_BYTES);
    let mut writer = Writer::new(message, head, forward);
    writer.write_line_and_fields(out);
    writer.write_additions(out);
    out.extend_from_slice(b"\r\n");
}

struct Writer<'a> {
    message: &'a [u8],
    head: &'a RequestHead,
    forward: &'a ForwardRequest<'a>,
    host: &'a [u8],
    /// Kinds that are met and written, or must not be written again.
    done: u32,
}

impl<'a> Writer<'a> {
    fn new(message: &'a [u8], head: &'a RequestHead, forward: &'a ForwardRequest<'a>) -> Self {
        let set_host = forward.set_headers.iter().find(|(name, value)| name == "host" && !value.is_empty());
        let host = set_host.map_or(forward.host, |(_, value)| value.as_bytes());
        Self { message, head, forward, host, done: 0 }
    }

    fn write_line_and_fields(&mut self, out: &mut Vec<u8>) {
        let mut run = self.write_request_line(out);
        let kept = self.kept_kinds();
        for field in &self.head.fields {
            let bit = field.kind.bit();
            let is_kept = kept & bit != 0 && !field.dropped && !self.is_set(field);
            if is_kept || self.is_same_framing(field) || self.is_same_host(field) {
                self.done |= bit;
                run.keep(field);
            } else {
                run.skip(field, out);
                if field.kind == FieldKind::Host {
                    self.write_host(out);
                }
            }
        }
        run.flush(out);
    }

    /// Copies an unchanged request line together with the first fields, or writes another.
    fn write_request_line(&self, out: &mut Vec<u8>) -> Run<'a> {
        let head = self.head;
        let start = head.method_text.start as usize;
        let end = match head.fields.first() {
            Some(field) => field.line.start as usize,
            None => head.head_bytes.saturating_sub(EMPTY_LINE_BYTES),
        };
        let target = self.forward.target;
        if head.is_plain_line && target == head.target.of(self.message) {
            return Run::new(self.message, start, end);
        }
        out.extend_from_slice(head.method_text.of(self.message));
        out.push(b' ');
        if target.is_empty() && head.method == Method::Options && head.form == TargetForm::Absolute {
            out.push(b'*');
        } else if matches!(target, [] | [b'?', ..]) {
            out.push(b'/');
        }
        out.extend_from_slice(target);
        out.extend_from_slice(b" HTTP/1.1\r\n");
        Run::new(self.message, end, end)
    }

    /// The kinds that go on unless something else speaks against it.
    fn kept_kinds(&self) -> u32 {
        let always = FieldKind::Other.bit() | FieldKind::Date.bit() | FieldKind::Server.bit();
        let of_peer = FieldKind::XForwardedProto.bit() | FieldKind::XForwardedHost.bit() | FieldKind::XForwarded.bit();
        let of_peer = of_peer | FieldKind::ClientCertificate.bit();
        if self.forward.trusts_peer { always | of_peer } else { always }
    }

    /// Whether a set header takes the field's place.
    #[inline]
    fn is_set(&self, field: &Field) -> bool {
        !self.forward.set_headers.is_empty() && self.is_set_name(field.name.of(self.message))
    }

    fn is_set_name(&self, name: &[u8]) -> bool {
        self.forward.set_headers.iter().any(|(set, _)| set.as_bytes().eq_ignore_ascii_case(name))
    }

    fn is_same_framing(&self, field: &Field) -> bool {
        says_exactly(self.message, field, self.head.framing)
    }

    fn is_same_host(&self, field: &Field) -> bool {
        field.kind == FieldKind::Host && field.value.of(self.message) == self.host
    }

    fn write_host(&mut self, out: &mut Vec<u8>) {
        self.done |= FieldKind::Host.bit();
        write_field(b"Host", self.host, out);
    }

    fn is_done(&self, kind: FieldKind) -> bool {
        self.done & kind.bit() != 0
    }

    fn write_additions(&mut self, out: &mut Vec<u8>) {
        if !self.is_done(FieldKind::Host) {
            self.write_host(out);
        }
        match self.head.framing {
            Framing::Length(_) if self.is_done(FieldKind::ContentLength) => {}
            Framing::Chunked if self.is_done(FieldKind::TransferEncoding) => {}
            framing => write_framing(framing, out),
        }
        if self.forward.expects_continue {
            out.extend_from_slice(b"Expect: 100-continue\r\n");
        }
        self.write_connection(out);
        self.write_forwarded(out);
        self.write_certificate(out);
        for (name, value) in self.forward.set_headers {
            if !value.is_empty() && may_be_set(name.as_bytes()) {
                write_field(name.as_bytes(), value.as_bytes(), out);
            }
        }
    }

    /// Writes what concerns the connection to the server: a valid Upgrade offer and `TE: trailers`.
    fn write_connection(&self, out: &mut Vec<u8>) {
        if let Some(offer) = self.head.upgrade {
            out.extend_from_slice(b"Upgrade: ");
            for (index, protocol) in upgrade::protocols(offer.of(self.message)).enumerate() {
                out.extend_from_slice(if index > 0 { b", " } else { b"" });
                out.extend_from_slice(protocol);
            }
            out.extend_from_slice(b"\r\n");
        }
        if self.head.te_trailers {
            out.extend_from_slice(b"TE: trailers\r\n");
        }
        // RFC 9110 §7.6.1, §7.8, §10.1.4: each of the two has to be named.
        match (self.head.upgrade, self.head.te_trailers) {
            (Some(_), true) => out.extend_from_slice(b"Connection: Upgrade, TE\r\n"),
            (Some(_), false) => out.extend_from_slice(b"Connection: Upgrade\r\n"),
            (None, true) => out.extend_from_slice(b"Connection: TE\r\n"),
            (None, false) => {}
        }
    }

    fn write_forwarded(&self, out: &mut Vec<u8>) {
        let forward = self.forward;
        if !self.is_set_name(b"x-forwarded-for") {
            out.extend_from_slice(b"X-Forwarded-For: ");
            if forward.trusts_peer {
                self.write_earlier_hops(out);
            }
            out.extend_from_slice(forward.client_ip);
            out.extend_from_slice(b"\r\n");
        }
        if !self.is_done(FieldKind::XForwardedProto) && !self.is_set_name(b"x-forwarded-proto") {
            match forward.scheme {
                b"http" => out.extend_from_slice(b"X-Forwarded-Proto: http\r\n"),
                b"https" => out.extend_from_slice(b"X-Forwarded-Proto: https\r\n"),
                scheme => write_field(b"X-Forwarded-Proto", scheme, out),
            }
        }
        let has_host = self.is_done(FieldKind::XForwardedHost) || forward.client_host.is_empty();
        if !has_host && !self.is_set_name(b"x-forwarded-host") {
            out.extend_from_slice(b"X-Forwarded-Host: ");
            out.extend_from_slice(forward.client_host);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// A trusted peer speaks for its own client: what it says is kept. What it has shown itself is not told, or a server
    /// would take it for the client's, also where the client has shown nothing.
    fn write_certificate(&self, out: &mut Vec<u8>) {
        if self.forward.trusts_peer {
            return;
        }
        for (name, value) in self.forward.certificate {
            if !self.is_set_name(name.as_bytes()) {
                write_field(name.as_bytes(), value.as_bytes(), out);
            }
        }
    }

    fn write_earlier_hops(&self, out: &mut Vec<u8>) {
        let lines = self.head.fields.iter().filter(|field| field.kind == FieldKind::XForwardedFor);
        for value in lines.map(|field| field.value.of(self.message)).filter(|value| !value.is_empty()) {
            out.extend_from_slice(value);
            out.extend_from_slice(b", ");
        }
    }
}

/// Framing and connection are never a setting, and Host is written in its place.
fn may_be_set(name: &[u8]) -> bool {
    let never = HOP_BY_HOP | FieldKind::Host.bit() | FieldKind::Expect.bit();
    FieldKind::of(name).bit() & never == 0
}

const EMPTY_LINE_BYTES: usize = b"\r\n".len();
/// Room for what is added to a typical head.
const ADDED_BYTES: usize = 192;
