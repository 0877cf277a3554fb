//! The side that asks, with the `h2` crate.

use crate::plan::{Dice, Fields, Plan, sorted};
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// How an answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Fast,
    /// Room is given back late and little by little.
    Slow,
    /// It is taken back at some moment.
    Fickle,
}

/// What was answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) interim: Vec<Fields>,
    pub(crate) status: u16,
    pub(crate) fields: Fields,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Fields,
}

impl Got {
    pub(crate) fn expected(plan: &Plan) -> Self {
        Self {
            interim: plan.answer.interim.iter().cloned().map(sorted).collect(),
            status: plan.answer.status,
            fields: plan.answer_fields(),
            body: plan.answer_body().to_vec(),
            trailers: plan.answer_trailers(),
        }
    }
}

/// Asks what is planned. `None`: it was taken back.
pub(crate) async fn ask(
    sender: SendRequest<Bytes>,
    scheme: &str,
    plan: &Plan,
    pace: Pace,
) -> Result<Option<Got>, h2::Error> {
    let mut dice = Dice::new(plan.seed ^ 0xa5c);
    let mut sender = sender.ready().await?;
    let (future, stream) = sender.send_request(request(scheme, plan), plan.body.is_none())?;
    drop(sender);
    let is_given_up = Cell::new(false);
    let sending = send_body(stream, plan, dice.clone(), pace);
    let mut patience = if pace == Pace::Fickle { dice.below(200_000) } else { usize::MAX };
    if pace == Pace::Fickle && dice.one_in(3) {
        patience = 0;
    }
    let reading = read(future, &mut dice, pace, patience);
    // Who has lost patience lets go of its request, too: the host may wait for its answer to be taken.
    let sending = async {
        let mut sending = pin!(sending);
        poll_fn(|cx| if is_given_up.get() { Poll::Ready(Ok(())) } else { sending.as_mut().poll(cx) }).await
    };
    let reading = async {
        let got = reading.await;
        is_given_up.set(matches!(got, Ok(None)));
        got
    };
    let (got, sent) = both(reading, sending).await;
    // An answer may be whole before its request is.
    let got = got?;
    match sent {
        Err(error) if error.reason().is_some_and(|reason| reason != Reason::NO_ERROR) && pace != Pace::Fickle => {
            Err(error)
        }
        Err(_) | Ok(()) => Ok(got),
    }
}

/// Waits for two things at once.
pub(crate) async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        if first.is_none()
            && let Poll::Ready(done) = one.as_mut().poll(cx)
        {
            first = Some(done);
        }
        if second.is_none()
            && let Poll::Ready(done) = other.as_mut().poll(cx)
        {
            second = Some(done);
        }
        if first.is_some() && second.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    (first.expect("it is done"), second.expect("it is done"))
}

fn map_of(fields: &Fields) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        map.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    map
}

fn fields_of(map: &HeaderMap) -> Fields {
    let pair = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), value.to_str().expect("all of it is ASCII").to_owned())
    };
    sorted(map.iter().map(pair).collect())
}

fn request(scheme: &str, plan: &Plan) -> Request<()> {
    let mut request = Request::builder().method(plan.method).uri(format!("{scheme}://example.com{}", plan.path()));
    let map = request.headers_mut().expect("it is well-formed");
    *map = map_of(&plan.fields);
    for cookie in &plan.cookies {
        map.append("cookie", HeaderValue::from_str(cookie).expect("a value"));
    }
    if let Some(body) = plan.body.as_ref().filter(|_| plan.says_length) {
        map.insert("content-length", HeaderValue::from(body.len()));
    }
    request.body(()).expect("it is well-formed")
}

async fn send_body(mut stream: SendStream<Bytes>, plan: &Plan, mut dice: Dice, pace: Pace) -> Result<(), h2::Error> {
    let Some(body) = &plan.body else { return Ok(()) };
    let mut rest = Bytes::copy_from_slice(body);
    let ends_alone = dice.one_in(2) || rest.is_empty();
    while !rest.is_empty() {
        let wanted = rest.len().min(1 + dice.below(*dice.clone().pick(&[20, 3_000, 60_000])));
        stream.reserve_capacity(wanted);
        while stream.capacity() == 0 {
            match poll_fn(|cx| stream.poll_capacity(cx)).await {
                Some(granted) => drop(granted?),
                None => return Ok(()),
            }
        }
        let piece = rest.split_to(wanted.min(stream.capacity()));
        stream.send_data(piece, rest.is_empty() && !ends_alone && plan.trailers.is_empty())?;
        if pace == Pace::Fickle && dice.one_in(20) {
            stream.send_reset(Reason::CANCEL);
            return Ok(());
        }
        if dice.one_in(8) {
            tokio::task::yield_now().await;
        }
    }
    if !plan.trailers.is_empty() {
        return stream.send_trailers(map_of(&plan.trailers));
    }
    if ends_alone { stream.send_data(Bytes::new(), true) } else { Ok(()) }
}

/// Reads an answer. `None`: patience was over before.
async fn read(future: ResponseFuture, dice: &mut Dice, pace: Pace, patience: usize) -> Result<Option<Got>, h2::Error> {
    if patience == 0 {
        tokio::task::yield_now().await;
        return Ok(None);
    }
    let mut future = future;
    let mut interim = Vec::new();
    let response: Response<RecvStream> = poll_fn(|cx| {
        loop {
            match future.poll_informational(cx) {
                Poll::Ready(Some(Ok(early))) => interim.push(fields_of(early.headers())),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) | Poll::Pending => return std::pin::Pin::new(&mut future).poll(cx),
            }
        }
    })
    .await?;
    let (parts, mut stream) = response.into_parts();
    let (mut body, mut owed) = (Vec::new(), 0);
    while let Some(data) = stream.data().await {
        let data = data?;
        body.extend_from_slice(&data);
        owed += data.len();
        if body.len() > patience {
            return Ok(None);
        }
        if pace == Pace::Slow && dice.one_in(4) {
            tokio::time::sleep(std::time::Duration::from_micros(dice.below(300) as u64)).await;
        }
        // What is owed for good would be waited for by both.
        if pace != Pace::Slow || dice.one_in(3) || owed >= 200 {
            stream.flow_control().release_capacity(std::mem::take(&mut owed))?;
        }
    }
    let trailers = stream.trailers().await?.map(|map| fields_of(&map)).unwrap_or_default();
    Ok(Some(Got { interim, status: parts.status.as_u16(), fields: fields_of(&parts.headers), body, trailers }))
}
