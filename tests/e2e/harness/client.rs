//! A client that sends exactly the bytes it is given and reads what comes back.
//!
//! The methods named `try_…` return errors; the others fail the test with what went wrong.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::message::Response;
use super::wait::{Deadline, PATIENCE};
use super::wire::Wire;

/// One connection to the program under test.
pub(crate) struct RawClient {
    wire: Wire,
}

impl RawClient {
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr) -> Self {
        match Wire::connect(address, PATIENCE) {
            Ok(wire) => Self { wire },
            Err(error) => panic!("cannot connect to {address}: {error}"),
        }
    }

    pub(crate) fn try_connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { wire: Wire::connect(address, PATIENCE)? })
    }

    /// The same on a connection that stands already.
    #[track_caller]
    pub(crate) fn over(stream: std::net::TcpStream) -> Self {
        Self { wire: Wire::new(stream, PATIENCE).expect("an open socket") }
    }

    /// Waits at most so long from now on.
    pub(crate) fn with_patience(mut self, patience: Duration) -> Self {
        self.wire.set_patience(patience);
        self
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        if let Err(error) = self.wire.send(bytes.as_ref()) {
            panic!("cannot send: {error}");
        }
        self
    }

    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.wire.send(bytes.as_ref())
    }

    /// One chunk of a chunked body; an empty one ends the body.
    pub(crate) fn try_send_chunk(&mut self, data: &[u8]) -> io::Result<()> {
        let size = format!("{:x}\r\n", data.len());
        self.wire.send(&[size.as_bytes(), data, b"\r\n"].concat())
    }

    /// The final response to a GET.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    /// The final response to a request of that method.
    #[track_caller]
    pub(crate) fn response_to(&mut self, method: &str) -> Response {
        match self.try_response_to(method) {
            Ok(response) => response,
            Err(error) => panic!("no whole response: {error}"),
        }
    }

    pub(crate) fn try_response_to(&mut self, method: &str) -> io::Result<Response> {
        let mut body = Vec::new();
        let sink = &mut |piece: &[u8]| body.extend_from_slice(piece);
        let mut response = Response::read_final(&mut self.wire, method, sink)?;
        response.body = body;
        Ok(response)
    }

    /// The final response to a GET; its body goes to the sink and is not kept.
    #[track_caller]
    pub(crate) fn response_into(&mut self, sink: &mut dyn FnMut(&[u8])) -> Response {
        match Response::read_final(&mut self.wire, "GET", sink) {
            Ok(response) => response,
            Err(error) => panic!("no whole response: {error}"),
        }
    }

    /// The next response, an interim one too.
    #[track_caller]
    pub(crate) fn next_response(&mut self) -> Response {
        let mut body = Vec::new();
        let sink = &mut |piece: &[u8]| body.extend_from_slice(piece);
        match Response::read_one(&mut self.wire, "GET", sink) {
            Ok(response) => Response { body, ..response },
            Err(error) => panic!("no whole response: {error}"),
        }
    }

    /// Exactly so many bytes.
    #[track_caller]
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count);
        if let Err(error) = self.wire.exactly(count, &mut |piece| bytes.extend_from_slice(piece)) {
            panic!("{error}, after {:?}", String::from_utf8_lossy(&bytes));
        }
        bytes
    }

    /// Exactly so many bytes, if they come.
    pub(crate) fn try_bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(count);
        self.wire.exactly(count, &mut |piece| bytes.extend_from_slice(piece))?;
        Ok(bytes)
    }

    /// Everything up to the end of the connection, and whether that end was an orderly one.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> (Vec<u8>, End) {
        match self.try_rest() {
            Ok(rest) => rest,
            Err(error) => panic!("no end of the connection: {error}"),
        }
    }

    pub(crate) fn try_rest(&mut self) -> io::Result<(Vec<u8>, End)> {
        let mut bytes = Vec::new();
        match self.wire.until_close(&mut |piece| bytes.extend_from_slice(piece)) {
            Ok(()) => Ok((bytes, End::Close)),
            Err(error) if is_reset(&error) => Ok((bytes, End::Reset)),
            Err(error) => {
                let so_far = String::from_utf8_lossy(&bytes);
                Err(io::Error::new(error.kind(), format!("{error}, after {so_far:?}")))
            }
        }
    }

    /// The connection ends now and nothing more comes.
    #[track_caller]
    pub(crate) fn expect_close(&mut self) {
        let (rest, _) = self.rest();
        assert!(rest.is_empty(), "surplus bytes: {:?}", String::from_utf8_lossy(&rest));
    }

    /// Nothing comes and nothing ends for so long.
    #[track_caller]
    pub(crate) fn expect_silence(&mut self, time: Duration) {
        assert_eq!(self.wire.pending(), 0, "bytes had come already");
        match self.wire.fill(Deadline::after(time)) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Ok(0) => panic!("the connection ended"),
            Ok(count) => panic!("{count} bytes came"),
            Err(error) => panic!("{error}"),
        }
    }

    /// Ends the sending direction only.
    #[track_caller]
    pub(crate) fn half_close(&self) {
        self.wire.half_close().expect("an open socket can be half-closed");
    }

    /// Leaves with a reset.
    pub(crate) fn reset(self) {
        self.wire.close_with_reset().expect("an open socket can be reset");
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Close,
    Reset,
}

/// A GET of HTTP/1.1 without further fields.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}
