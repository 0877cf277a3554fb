//! Reading and writing a socket of the load side.
//!
//! Through `poll_read`, which knows that a short read has emptied the socket: waiting then costs no
//! further system call.

use std::future::poll_fn;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Connects to a port on this machine.
pub(crate) async fn connect(port: u16) -> io::Result<TcpStream> {
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Reads what is there, at least one byte; 0 is the end.
pub(crate) async fn read(socket: &mut TcpStream, room: &mut [u8]) -> io::Result<usize> {
    poll_fn(|context| poll_read(socket, context, room)).await
}

/// Writes everything.
pub(crate) async fn write_all(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let mut sent = 0;
    while sent < bytes.len() {
        sent += poll_fn(|context| poll_write(socket, context, &bytes[sent..])).await?;
    }
    Ok(())
}

/// One try at reading.
pub(crate) fn poll_read(socket: &mut TcpStream, context: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(room);
    Pin::new(socket).poll_read(context, &mut buffer).map_ok(|()| buffer.filled().len())
}

/// One try at writing.
pub(crate) fn poll_write(socket: &mut TcpStream, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
    match Pin::new(socket).poll_write(context, bytes) {
        Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        outcome => outcome,
    }
}
