//! One request of a check over HTTP/1.1, and what its answer says. Redirects are not followed and bodies are not read, unless
//! their text counts; whatever comes is bounded in bytes here and in time by the caller.

use super::connection::Connection;
use super::fault::ProbeFault;
use super::question::{Question, Search};
use evener_http::{BodyDecoder, Framing, HeadLimits, Method, Progress, RequestContext, ResponseParser};

/// Asks, and judges the answer as soon as enough of it is there.
pub(super) async fn ask(connection: &mut Connection, question: &Question<'_>) -> Result<(), ProbeFault> {
    let Question { path, host, .. } = question;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: evener-check\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await.map_err(ProbeFault::Lost)?;
    let head = read_head(connection).await?;
    question.judge(head.status)?;
    match question.body {
        None => Ok(()),
        Some(text) => find(text, head, connection).await,
    }
}

/// What counts of the final head.
struct Head {
    status: u16,
    framing: Framing,
    /// What has come of the body with it.
    rest: Vec<u8>,
}

/// Reads up to the final head. All heads together, interim ones too, have room for [`HEADS_BYTES_MAX`].
async fn read_head(connection: &mut Connection) -> Result<Head, ProbeFault> {
    let mut parser = ResponseParser::new();
    let mut received = Vec::new();
    let mut limits = HeadLimits { bytes_max: HEADS_BYTES_MAX, fields_max: FIELDS_MAX };
    loop {
        let context = RequestContext { method: Method::Get };
        if parser.parse(&received, &limits, context).map_err(ProbeFault::BadHead)? == Progress::Complete {
            let head = parser.head();
            let rest = received.split_off(head.head_bytes);
            if !matches!(head.status, 100 | 102..=199) {
                return Ok(Head { status: head.status, framing: head.framing, rest });
            }
            limits.bytes_max -= head.head_bytes;
            received = rest;
            parser.reset();
            continue;
        }
        // The parser fails at the bound, so that there is room for something.
        let most = READ_BYTES.min(limits.bytes_max - received.len());
        if connection.read(&mut received, most).await.map_err(ProbeFault::Lost)? == 0 {
            return Err(ProbeFault::Closed);
        }
    }
}

/// Reads the body until it holds the text.
async fn find(text: &str, head: Head, connection: &mut Connection) -> Result<(), ProbeFault> {
    let mut decoder = BodyDecoder::new(head.framing);
    let mut search = Search::new(text);
    let mut received = head.rest;
    loop {
        let mut at = 0;
        loop {
            let source = &received[at..];
            let decoded = decoder.decode(source).map_err(ProbeFault::BadBody)?;
            if search.finds_with(&source[decoded.payload.clone()]) {
                return Ok(());
            }
            if decoder.is_done() || search.is_over() {
                return Err(ProbeFault::TextMissing(text.to_owned()));
            }
            if decoded.consumed == 0 {
                break;
            }
            at += decoded.consumed;
        }
        received.drain(..at);
        if connection.read(&mut received, READ_BYTES).await.map_err(ProbeFault::Lost)? == 0 {
            decoder.on_eof().map_err(ProbeFault::BadBody)?;
            return Err(ProbeFault::TextMissing(text.to_owned()));
        }
    }
}

const HEADS_BYTES_MAX: usize = 64 * 1024;
const FIELDS_MAX: usize = 128;
const READ_BYTES: usize = 4 * 1024;
