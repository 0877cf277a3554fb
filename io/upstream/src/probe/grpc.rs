//! The question of the gRPC health protocol, `grpc.health.v1.Health/Check`, over HTTP/2. Answers are judged when they are
//! whole: the status stands behind the message. What stands in a message is read in `message`.

use super::connection::Connection;
use super::fault::{ProbeFault, Shown};
use super::http2::{self, Ending, Session};
use super::message::{self, MESSAGE_BYTES_MAX};
use bytes::Bytes;
use h2::RecvStream;
use http::{HeaderMap, Request};
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What is not good in the answer to a health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrpcFault {
    /// It is an answer of HTTP, but none of gRPC.
    NotGrpc,
    /// It ended without a status of gRPC.
    NoStatus,
    /// A status other than OK.
    Status {
        /// Its number.
        code: u32,
        /// What the server says about it; may be empty.
        message: String,
    },
    /// The message is malformed, with the reason.
    BadMessage(&'static str),
    /// The service, or the server, is not well: the number of its state.
    NotServing(u64),
}

/// Asks how the service is. `timeout` is what the server is told of our patience.
pub(super) async fn ask(
    connection: Connection,
    service: &str,
    host: &str,
    timeout: Duration,
) -> Result<(), ProbeFault> {
    let request = Request::post(format!("{}://{host}/grpc.health.v1.Health/Check", connection.scheme()))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", format!("{}m", timeout.as_millis().clamp(1, TIMEOUT_MS_MAX)))
        .header("user-agent", "evener-check")
        .body(())
        .map_err(ProbeFault::Unsayable)?;
    let question = Bytes::from(message::question(service));
    let session = Session::open(connection).await?;
    session
        .run(async |sender| {
            let (response, mut stream) = http2::send(sender, request, Ending::Body).await?;
            stream.send_data(question, true).map_err(ProbeFault::of_http2)?;
            let (head, body) = response.await.map_err(ProbeFault::of_http2)?.into_parts();
            if head.status != 200 {
                return Err(ProbeFault::Status { answered: head.status.as_u16(), wanted: vec![200..=200] });
            }
            judge(&head.headers, body).await
        })
        .await
}

/// Reads the answer behind its head to the end, and judges it.
async fn judge(head: &HeaderMap, mut body: RecvStream) -> Result<(), ProbeFault> {
    let kind = head.get("content-type").map_or(&b""[..], |kind| kind.as_bytes());
    if !kind.starts_with(b"application/grpc") {
        return Err(ProbeFault::Grpc(GrpcFault::NotGrpc));
    }
    let mut answer = Vec::new();
    while let Some(piece) = http2::next(&mut body).await? {
        if answer.len() + piece.len() > MESSAGE_BYTES_MAX {
            return Err(ProbeFault::Grpc(GrpcFault::BadMessage("it is longer than 64 KiB")));
        }
        answer.extend_from_slice(&piece);
    }
    let trailers = body.trailers().await.map_err(ProbeFault::of_http2)?;
    // An answer that is nothing but a status has it in its head.
    let status = trailers.as_ref().or_else(|| answer.is_empty().then_some(head));
    let status = status.ok_or(GrpcFault::NoStatus).and_then(read_status);
    status.and_then(|()| read_state(&answer)).map_err(ProbeFault::Grpc)
}

fn read_status(fields: &HeaderMap) -> Result<(), GrpcFault> {
    let code = fields.get("grpc-status").and_then(|value| value.to_str().ok()?.parse().ok());
    match code.ok_or(GrpcFault::NoStatus)? {
        0 => Ok(()),
        code => {
            let message = fields.get("grpc-message").map_or(&b""[..], |message| message.as_bytes());
            Err(GrpcFault::Status { code, message: String::from_utf8_lossy(message).into_owned() })
        }
    }
}

fn read_state(answer: &[u8]) -> Result<(), GrpcFault> {
    match message::state(answer).map_err(GrpcFault::BadMessage)? {
        SERVING => Ok(()),
        other => Err(GrpcFault::NotServing(other)),
    }
}

/// What the server did: it goes on from its name.
impl fmt::Display for GrpcFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGrpc => f.write_str("answered 200, but not in gRPC"),
            Self::NoStatus => f.write_str("answered without a gRPC status"),
            Self::Status { code, message } => {
                let name = usize::try_from(*code).ok().and_then(|code| STATUSES.get(code));
                write!(f, "answered gRPC status {}", name.map_or_else(|| code.to_string(), |&name| name.to_owned()))?;
                match message.is_empty() {
                    true if *code == UNIMPLEMENTED => f.write_str(": it has no health service"),
                    true => Ok(()),
                    false => write!(f, ": {}", Shown(message)),
                }
            }
            Self::BadMessage(why) => write!(f, "answered a broken message: {why}"),
            Self::NotServing(state) => match usize::try_from(*state).ok().and_then(|state| STATES.get(state)) {
                Some(name) => write!(f, "answered {name}"),
                None => write!(f, "answered the unknown state {state}"),
            },
        }
    }
}

impl Error for GrpcFault {}

/// Eight digits are what a deadline of gRPC has room for.
const TIMEOUT_MS_MAX: u128 = 99_999_999;
/// The states of `HealthCheckResponse`, by number.
const STATES: [&str; 4] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const SERVING: u64 = 1;
const UNIMPLEMENTED: u32 = 12;
/// The statuses of gRPC, by number.
const STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
