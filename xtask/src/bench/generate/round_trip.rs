//! Round trips through a TCP proxy: bytes go to an echo server and come back, both at once.
//!
//! Here they are only counted. That they come back unchanged is proven before a proxy is measured.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use tokio::net::TcpStream;

use super::socket::{self, poll_read, poll_write};

/// A kept connection.
#[derive(Debug)]
pub(super) struct Player {
    socket: TcpStream,
    message: Vec<u8>,
    room: Vec<u8>,
}

impl Player {
    /// Connects, to play with messages of this size.
    pub(super) async fn connect(port: u16, bytes: usize) -> Result<Self, String> {
        let socket = socket::connect(port).await.map_err(|error| format!("connecting: {error}"))?;
        Ok(Self { socket, message: vec![b'x'; bytes], room: vec![0; bytes.min(ROOM_BYTES)] })
    }

    /// One message to and fro.
    pub(super) async fn play(&mut self) -> Result<(), String> {
        let (mut sent, mut received) = (0, 0);
        poll_fn(|context| self.poll_play(context, &mut sent, &mut received))
            .await
            .map_err(|error| format!("after {sent} bytes to and {received} fro: {error}"))
    }

    /// Whoever only wrote before reading would block a proxy whose buffers are full.
    fn poll_play(&mut self, context: &mut Context<'_>, sent: &mut usize, received: &mut usize) -> Poll<io::Result<()>> {
        while *sent < self.message.len() {
            match poll_write(&mut self.socket, context, &self.message[*sent..]) {
                Poll::Ready(Ok(length)) => *sent += length,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        while *received < self.message.len() {
            match poll_read(&mut self.socket, context, &mut self.room) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Poll::Ready(Ok(length)) => *received += length,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        if *received > self.message.len() {
            return Poll::Ready(Err(io::Error::other("more bytes came back than were sent")));
        }
        Poll::Ready(Ok(()))
    }
}

/// As large as a load generator's core can keep in its cache.
const ROOM_BYTES: usize = 256 * 1024;
