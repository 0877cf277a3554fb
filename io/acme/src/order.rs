//! One order, from the request for a certificate to the checked chain, and the question when to renew.
//!
//! An order has one host name and a deadline. What happens after a failure is decided elsewhere.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Error, Identifier, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use tokio::time::timeout;

use crate::answer::Answer;
use crate::certificate::Certificate;
use crate::client::{insist, words};
use crate::fault::Fault;
use crate::schedule::{Challenge, Setback, Window, choose};
use crate::settings::Pace;
use crate::stage::Stage;

/// What to order.
pub(crate) struct Errand {
    pub(crate) host: String,
    /// The challenge to answer if it is offered.
    pub(crate) challenge: Challenge,
    /// The certificate that the authority is told to be replaced.
    pub(crate) replaces: Option<Arc<Certificate>>,
    pub(crate) pace: Pace,
}

/// Why an order failed and what that costs.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) fault: Fault,
    pub(crate) setback: Setback,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self { setback: fault.setback(), fault }
    }
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nothing has been asked that is limited by the hour or the week.
    Begun,
    /// The authority looks for an answer, or signs a certificate. Should the order break off, that is counted all the same:
    /// the answer is gone when it comes, or the certificate was made in vain.
    Committed,
}

/// Orders a certificate. However it ends, no challenge answer is left on the stage.
pub(crate) async fn order<S: Stage>(account: Account, errand: Errand, stage: Arc<S>) -> Result<Certificate, Failed> {
    let deadline = errand.pace.order;
    let mut step = Step::Begun;
    let ended = timeout(deadline, go(&account, &errand, &stage, &mut step)).await;
    ended.unwrap_or(Err(Fault::Slow(deadline))).map_err(|fault| match step {
        Step::Begun => Failed::from(fault),
        Step::Committed => Failed { fault, setback: Setback::Counted },
    })
}

async fn go<S: Stage>(
    account: &Account,
    errand: &Errand,
    stage: &Arc<S>,
    step: &mut Step,
) -> Result<Certificate, Fault> {
    let mut order = begin(account, errand).await?;
    let polls = RetryPolicy::new().initial_delay(errand.pace.poll).backoff(1.3).timeout(errand.pace.order);
    if order.state().status == OrderStatus::Pending {
        authorize(&mut order, errand, stage, &polls, step).await?;
    }
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(Fault::Crypto)?;
    let request = signing_request(&errand.host, &key).map_err(Fault::Crypto)?;
    *step = Step::Committed;
    insist!(order.finalize_csr(&request))?;
    let chain = insist!(order.poll_certificate(&polls))?;
    Certificate::check(&errand.host, chain, key.serialize_pem())
}

/// Asks for an order. Authorities may dislike the word that it replaces another (RFC 9773 §5), or say nothing to it; then
/// it is asked for without.
async fn begin(account: &Account, errand: &Errand) -> Result<Order, Fault> {
    let identifiers = [Identifier::Dns(errand.host.clone())];
    if let Some(old) = errand.replaces.as_ref().and_then(|old| CertificateIdentifier::try_from(old.leaf()).ok()) {
        let wanted = NewOrder::new(&identifiers).replaces(old);
        let begun: Result<Order, Fault> = insist!(account.new_order(&wanted));
        match begun {
            Ok(order) => return Ok(order),
            Err(fault) if fault.is_authority_wide() || fault.wanted_pause().is_some() => return Err(fault),
            Err(_disliked) => {}
        }
    }
    let wanted = NewOrder::new(&identifiers);
    insist!(account.new_order(&wanted))
}

/// Answers the challenges and waits until the authority has seen the answers.
async fn authorize<S: Stage>(
    order: &mut Order,
    errand: &Errand,
    stage: &Arc<S>,
    polls: &RetryPolicy,
    step: &mut Step,
) -> Result<(), Fault> {
    let shown = answer(order, errand, stage, step).await?;
    let outcome: Result<OrderStatus, Fault> = insist!(order.poll_ready(polls));
    let is_invalid = matches!(outcome, Ok(OrderStatus::Invalid) | Err(Fault::Refused { status: 0, .. }));
    match shown {
        Some((challenge, _shown)) if is_invalid => Err(blame(order, challenge).await),
        None if is_invalid => Err(Fault::Malformed { what: "the order became invalid", cause: None }),
        _ => outcome.map(|_ready| ()),
    }
}

/// Shows an answer for the one authorization of the order and says that it is there. `None` if the authority still
/// believes an earlier answer.
async fn answer<S: Stage>(
    order: &mut Order,
    errand: &Errand,
    stage: &Arc<S>,
    step: &mut Step,
) -> Result<Option<(Challenge, Answer<S>)>, Fault> {
    // Fetched first: the list can be walked again after a bad nonce, a handle cannot be got twice.
    insist!(fetch(order))?;
    let mut authorizations = order.authorizations();
    let Some(fetched) = authorizations.next().await else { return Err(Fault::NoChallenge) };
    let mut authorization = fetched?;
    if authorization.status == AuthorizationStatus::Valid {
        return Ok(None);
    }
    let offered = |wanted| authorization.challenges.iter().any(|challenge| challenge.r#type == kind(wanted));
    let chosen = choose(errand.challenge, offered).ok_or(Fault::NoChallenge)?;
    let Some(mut handle) = authorization.challenge(kind(chosen)) else { return Err(Fault::NoChallenge) };
    let shown = Answer::show(stage, &errand.host, chosen, &handle.token, &handle.key_authorization())?;
    *step = Step::Committed;
    let said: Result<(), Fault> = insist!(handle.set_ready());
    match said {
        Ok(()) => Ok(Some((chosen, shown))),
        // The authority looked at once and did not like what it saw.
        Err(Fault::Refused { status: 0, detail, .. }) => Err(Fault::Challenge { challenge: chosen, detail }),
        Err(fault) => Err(fault),
    }
}

/// Fetches the state of the one authorization.
async fn fetch(order: &mut Order) -> Result<(), Error> {
    let mut authorizations = order.authorizations();
    let fetched = authorizations.next().await;
    fetched.unwrap_or(Err(Error::Str("an order without authorizations"))).map(|_handle| ())
}

/// Asks what was wrong with the answer.
async fn blame(order: &mut Order, challenge: Challenge) -> Fault {
    let explained: Result<_, Fault> = insist!(explain(order, challenge));
    let detail = explained.ok().flatten().unwrap_or_else(|| String::from("it does not say why"));
    Fault::Challenge { challenge, detail }
}

async fn explain(order: &mut Order, challenge: Challenge) -> Result<Option<String>, Error> {
    let mut authorizations = order.authorizations();
    let Some(fetched) = authorizations.next().await else { return Ok(None) };
    let mut authorization = fetched?;
    let state = authorization.refresh().await?;
    let tried = state.challenges.iter().find(|tried| tried.r#type == kind(challenge));
    Ok(tried.and_then(|tried| tried.error.as_ref()).map(words))
}

fn kind(challenge: Challenge) -> ChallengeType {
    match challenge {
        Challenge::TlsAlpn => ChallengeType::TlsAlpn01,
        Challenge::Http => ChallengeType::Http01,
    }
}

fn signing_request(host: &str, key: &KeyPair) -> Result<Vec<u8>, rcgen::Error> {
    let mut wanted = CertificateParams::new([String::from(host)])?;
    wanted.distinguished_name = DistinguishedName::new();
    Ok(wanted.serialize_request(key)?.der().to_vec())
}

/// Asks when the authority would like this certificate to be renewed, and how long its answer holds.
pub(crate) async fn ask(account: Account, certificate: Arc<Certificate>) -> Result<(Window, Duration), Fault> {
    // Without an authority key identifier a certificate has no name in RFC 9773 §4.1.
    let Ok(name) = CertificateIdentifier::try_from(certificate.leaf()) else { return Err(Fault::NoRenewalInfo) };
    let (info, hold) = account.renewal_info(&name).await?;
    let window = info.suggested_window;
    Ok((Window { start: SystemTime::from(window.start), end: SystemTime::from(window.end) }, hold))
}
