//! The HTTP client under the ACME library: trusted roots, deadlines, bounded answers, and refusals as faults.
//!
//! It sends what it is given. Nonces and signatures are the library's work, repeating after a bad nonce is `insist!`'s.

use std::fs;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::response::Parts;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient, Problem};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use crate::fault::{Fault, shortened};
use crate::schedule::DAY;
use crate::settings::{AcmeSettings, Pace};

/// Carries requests to the authority.
#[derive(Clone)]
pub(crate) struct Courier {
    client: Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>,
    deadline: Duration,
    ask: Duration,
}

impl Courier {
    /// Reads the trusted roots, which waits for the disk.
    pub(crate) fn new(settings: &AcmeSettings) -> Result<Self, Fault> {
        let roots = match &settings.acme.ca {
            Some(path) => roots_of_file(path)?,
            None => roots_of_system()?,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| setting("no version of TLS is usable", error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().build();
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        let Pace { request: deadline, ask, .. } = settings.pace;
        Ok(Self { client, deadline, ask })
    }

    async fn carry(self, mut request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Fault> {
        // RFC 8555 §6.1 asks for a name by which an authority can tell clients apart.
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(NAME));
        let is_question = request.method() == Method::GET;
        let response = self.client.request(request).await.map_err(unreachable)?;
        let (mut parts, body) = response.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(Fault::Unreachable)?.to_bytes();
        if parts.status.is_client_error() || parts.status.is_server_error() {
            admit_bad_nonce(&parts, &body)?;
        }
        bound_retry_after(&mut parts.headers, is_question.then_some(self.ask));
        Ok(BytesResponse::from(http::Response::from_parts(parts, Full::new(body))))
    }
}

impl HttpClient for Courier {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let courier = self.clone();
        let deadline = self.deadline;
        Box::pin(async move {
            let outcome = timeout(deadline, courier.carry(request)).await;
            outcome.unwrap_or(Err(Fault::Unanswered(deadline))).map_err(|fault| Error::Other(Box::new(fault)))
        })
    }
}

/// Asks again while the authority only dislikes the nonce, RFC 8555 §6.5; the expression is a future of the library and is
/// made anew each time. (A function would take a closure that lends its captures, and tasks of such futures cannot be
/// shown to be `Send`.)
macro_rules! insist {
    ($ask:expr) => {{
        let mut nonces = $crate::client::Nonces::default();
        loop {
            match $ask.await {
                Err(error) if nonces.is_another_worthwhile(&error) => {}
                outcome => break outcome.map_err($crate::fault::Fault::from),
            }
        }
    }};
}
pub(crate) use insist;

/// Counts how often an authority disliked a nonce.
#[derive(Default)]
pub(crate) struct Nonces {
    disliked: u32,
}

impl Nonces {
    /// Whether it was the nonce, and not too often.
    pub(crate) fn is_another_worthwhile(&mut self, error: &Error) -> bool {
        let Error::Api(problem) = error else { return false };
        self.disliked += 1;
        is_bad_nonce(problem) && self.disliked < NONCE_TRIES_MAX
    }
}

/// Why there was no answer. A certificate that is not trusted has a fault of its own, as it is mended elsewhere.
fn unreachable(error: hyper_util::client::legacy::Error) -> Fault {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if let Some(rustls::Error::InvalidCertificate(why)) = current.downcast_ref() {
            return Fault::Untrusted(rustls::Error::InvalidCertificate(why.clone()));
        }
        // The source of an I/O error is not what it holds but that one's source.
        let held = current.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = held.map(|held| held as _).or_else(|| current.source());
    }
    Fault::Unreachable(Box::new(error))
}

/// Lets pass the one refusal that the library handles and makes a fault of every other, as the library would drop the
/// status and the time to wait, and takes no answer but JSON.
fn admit_bad_nonce(parts: &Parts, body: &[u8]) -> Result<(), Fault> {
    let is_problem = parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(PROBLEM_JSON));
    let problem = if is_problem { serde_json::from_slice::<Problem>(body).ok() } else { None };
    if problem.as_ref().is_some_and(is_bad_nonce) {
        return Ok(());
    }
    let kind = problem.as_ref().and_then(|problem| problem.r#type.clone());
    Err(Fault::Refused {
        status: parts.status.as_u16(),
        kind: shortened(&kind.unwrap_or_else(|| format!("status {}", parts.status.as_u16()))),
        detail: problem.map_or_else(|| String::from("no explanation"), |problem| words(&problem)),
        retry_after: retry_after(&parts.headers),
    })
}

/// What a problem says, without its type.
pub(crate) fn words(problem: &Problem) -> String {
    let mut words = problem.detail.clone().unwrap_or_default();
    for part in &problem.subproblems {
        words.push_str("; ");
        words.push_str(part.detail.as_deref().unwrap_or_default());
    }
    shortened(&words)
}

pub(crate) fn is_bad_nonce(problem: &Problem) -> bool {
    problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:badNonce")
}

/// Replaces the time to wait by one that the library can add to a clock without overflow. A question without one gets a
/// usual one, as the library insists on it.
fn bound_retry_after(headers: &mut HeaderMap, usual: Option<Duration>) {
    let bounded = retry_after(headers).or(usual);
    headers.remove(RETRY_AFTER);
    if let Some(bounded) = bounded {
        headers.insert(RETRY_AFTER, HeaderValue::from(bounded.as_secs()));
    }
}

/// RFC 9110 §10.2.3, at most a day.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(DAY, Duration::from_secs).min(DAY));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    Some(until.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO).min(DAY))
}

fn roots_of_file(path: &str) -> Result<RootCertStore, Fault> {
    let pem =
        fs::read(path).map_err(|error| setting(&format!("cannot read the trusted certificates {path}"), error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        // The words of the cause might be a private key that stands there by mistake.
        let malformed = |_| Fault::Setting { what: format!("{path} is malformed"), cause: None };
        let certificate = certificate.map_err(malformed)?;
        roots.add(certificate).map_err(|error| setting(&format!("{path} is malformed"), error))?;
    }
    if roots.is_empty() {
        return Err(Fault::Setting { what: format!("{path} holds no certificate"), cause: None });
    }
    Ok(roots)
}

fn roots_of_system() -> Result<RootCertStore, Fault> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Old roots that rustls does not take are in every system's list.
    let (_added, _ignored) = roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(roots);
    }
    let what =
        String::from("this machine trusts no authority; install its list (ca-certificates) or name one with `ca`");
    Err(Fault::Setting { what, cause: found.errors.into_iter().next().map(|error| Box::new(error) as _) })
}

fn setting(what: &str, cause: impl std::error::Error + Send + Sync + 'static) -> Fault {
    Fault::Setting { what: String::from(what), cause: Some(Box::new(cause)) }
}

const NAME: &str = concat!("evener/", env!("CARGO_PKG_VERSION"), " instant-acme");
const PROBLEM_JSON: &[u8] = b"application/problem+json";
/// A connection that rested longer is not used again.
const IDLE: Duration = Duration::from_secs(20);
/// No answer of an authority is as long; chains are some KiB.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Each of them is three tries of the library. An authority that dislikes half of all nonces gets through.
const NONCE_TRIES_MAX: u32 = 10;

#[cfg(test)]
mod tests;
