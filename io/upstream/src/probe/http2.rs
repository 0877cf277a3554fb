//! HTTP/2 on the connection of a probe: one request, and what its answer says. Frames are the business of the `h2` crate,
//! within the bounds that stand here; time is bounded by the caller.

use super::connection::{Connection, Stream};
use super::fault::ProbeFault;
use super::question::{Question, Search};
use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::Request;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

/// Asks, and judges the answer as soon as enough of it is there.
pub(super) async fn ask(connection: Connection, question: &Question<'_>) -> Result<(), ProbeFault> {
    let Question { path, host, .. } = question;
    let uri = format!("{}://{host}{path}", connection.scheme());
    let request = Request::get(uri).header("user-agent", "evener-check").header("accept", "*/*");
    let request = request.body(()).map_err(ProbeFault::Unsayable)?;
    let session = Session::open(connection).await?;
    session
        .run(async |sender| {
            let (response, _) = send(sender, request, Ending::Head).await?;
            let response = response.await.map_err(ProbeFault::of_http2)?;
            question.judge(response.status().as_u16())?;
            match question.body {
                None => Ok(()),
                Some(text) => find(text, response.into_body()).await,
            }
        })
        .await
}

/// Where a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With its head.
    Head,
    /// With the body that is sent next.
    Body,
}

/// Sends the head of a request.
pub(super) async fn send(
    sender: SendRequest<Bytes>,
    request: Request<()>,
    ending: Ending,
) -> Result<(ResponseFuture, SendStream<Bytes>), ProbeFault> {
    let mut sender = sender.ready().await.map_err(ProbeFault::of_http2)?;
    sender.send_request(request, ending == Ending::Head).map_err(ProbeFault::of_http2)
}

/// The next piece of a body; `None` at its end. The server may send as much again.
pub(super) async fn next(body: &mut RecvStream) -> Result<Option<Bytes>, ProbeFault> {
    let Some(piece) = body.data().await else { return Ok(None) };
    let piece = piece.map_err(ProbeFault::of_http2)?;
    body.flow_control().release_capacity(piece.len()).map_err(ProbeFault::of_http2)?;
    Ok(Some(piece))
}

/// Reads the body until it holds the text.
async fn find(text: &str, mut body: RecvStream) -> Result<(), ProbeFault> {
    let mut search = Search::new(text);
    while !search.is_over() {
        let piece = next(&mut body).await?;
        if search.finds_with(piece.as_deref().unwrap_or_default()) {
            return Ok(());
        }
        if piece.is_none() {
            break;
        }
    }
    Err(ProbeFault::TextMissing(text.to_owned()))
}

/// A connection on which our side of HTTP/2 has begun.
pub(super) struct Session {
    sender: SendRequest<Bytes>,
    driver: h2::client::Connection<Box<dyn Stream>, Bytes>,
}

impl Session {
    pub(super) async fn open(connection: Connection) -> Result<Self, ProbeFault> {
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .max_header_list_size(HEAD_BYTES_MAX)
            .initial_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES);
        let (sender, driver) = builder.handshake(connection.into_stream()).await.map_err(ProbeFault::of_http2)?;
        Ok(Self { sender, driver })
    }

    /// Runs the connection as long as the work on it takes. Nothing of it is left behind.
    pub(super) async fn run<W>(self, work: impl FnOnce(SendRequest<Bytes>) -> W) -> Result<(), ProbeFault>
    where
        W: Future<Output = Result<(), ProbeFault>>,
    {
        let Self { sender, mut driver } = self;
        let mut work = pin!(work(sender));
        let mut has_ended = false;
        poll_fn(|cx| {
            has_ended = has_ended || Pin::new(&mut driver).poll(cx).is_ready();
            match work.as_mut().poll(cx) {
                // Streams are told why, so that the work would have ended as well.
                Poll::Pending if has_ended => Poll::Ready(Err(ProbeFault::Closed)),
                outcome => outcome,
            }
        })
        .await
    }
}

/// Of a head, or of trailers; each field counts 32 more.
const HEAD_BYTES_MAX: u32 = 64 * 1024;
/// What a server may send ahead.
const WINDOW_BYTES: u32 = 64 * 1024;
