//! The connection of one probe. It is closed when it is dropped, whatever is still under way on it.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use tokio::net::{TcpStream, UnixStream};

/// A connection over whichever kind of socket.
#[derive(Debug)]
pub(super) enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Connection {
    pub(super) async fn tcp(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        // The kernel may take for the way out the very port that nobody listens on here, and then connects it to itself.
        if stream.local_addr()? == address {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        Ok(Self::Tcp(stream))
    }

    pub(super) async fn unix(path: &str) -> io::Result<Self> {
        UnixStream::connect(path).await.map(Self::Unix)
    }

    /// Appends what has come, at most `most` bytes; 0 at the end of the connection.
    pub(super) async fn read(&self, received: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        let before = received.len();
        loop {
            match self {
                Self::Tcp(stream) => stream.readable().await?,
                Self::Unix(stream) => stream.readable().await?,
            }
            received.resize(before + most, 0);
            let outcome = match self {
                Self::Tcp(stream) => stream.try_read(&mut received[before..]),
                Self::Unix(stream) => stream.try_read(&mut received[before..]),
            };
            received.truncate(before + outcome.as_ref().map_or(0, |count| *count));
            match outcome {
                Err(error) if is_passing(&error) => {}
                outcome => return outcome,
            }
        }
    }

    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let outcome = match self {
                Self::Tcp(stream) => {
                    stream.writable().await?;
                    stream.try_write(bytes)
                }
                Self::Unix(stream) => {
                    stream.writable().await?;
                    stream.try_write(bytes)
                }
            };
            match outcome {
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
                Ok(count) => bytes = &bytes[count..],
            }
        }
        Ok(())
    }
}

/// Nothing was there after all, or a signal came in between.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
