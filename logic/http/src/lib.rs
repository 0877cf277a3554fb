//! Message heads, framing, the HTTP/1 codec and hop-by-hop rules.
//!
//! Everything works on the caller's bytes: a parser keeps an index of spans, a decoder says which part of a buffer is
//! payload, a writer appends to a buffer. Nothing is allocated once the index and the buffer have grown.
//! The crate does no I/O, keeps no clock and answers nothing by itself: a fault says what is wrong, others answer.
//! It is strict throughout: whatever two recipients could read in two ways is refused, never repaired.

mod fault;
mod grammar;
mod message;

mod connection;
mod field;
mod grpc;
mod host;
mod line;
mod lookup;
mod path;
mod reading;
mod target;
mod transfer;

mod body;
mod forward;
mod request;
mod response;

pub use body::{BodyDecoder, BodyFault, Decoded};
pub use field::{Field, FieldKind};
pub use forward::chunk::{CHUNK_END, chunk_header, last_chunk};
pub use forward::client::client_address;
pub use forward::request::{ForwardRequest, write_request_head};
pub use forward::response::{ForwardResponse, write_interim_head, write_response_head, write_switch_head};
pub use forward::upgrade::is_offered;
pub use grammar::{control_at, is_token, position};
pub use grpc::{GrpcCall, http_status_of_call, http_status_of_trailers, lower_grpc_timeout};
pub use host::canonical_host;
pub use lookup::{cookie_value, field_value, query_value};
pub use message::{Framing, HeadLimits, Method, Progress, Span, Version};
pub use reading::obliging_path;
pub use request::{RequestFault, RequestHead, RequestParser};
pub use response::{RequestContext, ResponseFault, ResponseHead, ResponseParser};
pub use target::TargetForm;
