//! A socket under TLS after its handshake: records in and out.
//!
//! What a write reports as gone is with the kernel: encrypted bytes never wait here unseen, so that dropping a stream
//! loses nothing that was reported, and a slow reader is seen as one. Who queues bytes instead has to flush, and to mind
//! how many wait.

use super::breach::Breach;
use evener_runtime::Socket;
use rustls::Connection;
use std::cell::RefCell;
use std::io::{self, BufRead, IoSlice, Read, Write};
use std::task::{Context, Poll, Waker, ready};

/// Plain bytes that one write takes at most; as records they wait in memory until the kernel has them.
const WRITE_BYTES_MAX: usize = 128 * 1024;

/// A stream under TLS.
pub(super) struct Stream {
    socket: Socket,
    state: RefCell<State>,
}

struct State {
    connection: Connection,
    /// Plain bytes of the write under way that are encrypted.
    taken: usize,
    /// The connection is to be reset.
    is_cut: bool,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Stream {
    pub(super) fn new(socket: Socket, mut connection: Connection) -> Self {
        connection.set_buffer_limit(Some(WRITE_BYTES_MAX));
        Self { socket, state: RefCell::new(State { connection, taken: 0, is_cut: false }) }
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = &mut *self.state.borrow_mut();
        if state.has_news() {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(Err(error)) = state.poll_flush(cx, &self.socket) {
            return Poll::Ready(Err(error));
        }
        self.socket.poll_readable(cx)
    }

    /// Takes records in until there is something for the next read.
    pub(super) fn poll_news(&self, cx: &mut Context<'_>) -> Poll<()> {
        let state = &mut *self.state.borrow_mut();
        while !state.has_news() {
            if let Poll::Ready(Err(_)) = state.poll_flush(cx, &self.socket) {
                return Poll::Ready(());
            }
            if ready!(state.receive(|buffer| self.socket.poll_read(cx, buffer))).is_err() {
                return Poll::Ready(());
            }
        }
        Poll::Ready(())
    }

    pub(super) fn is_readable(&self) -> bool {
        self.state.borrow_mut().has_news() || self.socket.is_readable()
    }

    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let state = &mut *self.state.borrow_mut();
        loop {
            match state.connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
            // What the protocol itself has to say, such as an answer to a change of keys.
            if let Poll::Ready(Err(error)) = state.poll_flush(cx, &self.socket) {
                return Poll::Ready(Err(error));
            }
            let received = state.receive(|buffer| self.socket.poll_read(cx, buffer));
            if let Err(error) = ready!(received) {
                return Poll::Ready(Err(error));
            }
        }
    }

    pub(super) fn read_now(&self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        let state = &mut *self.state.borrow_mut();
        loop {
            match state.connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Some(other),
            }
            match state.receive(|buffer| self.socket.read_now(buffer).map_or(Poll::Pending, Poll::Ready)) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Some(Err(error)),
                Poll::Pending => return None,
            }
        }
    }

    /// Whether nothing was heard but what the protocol says for itself, such as tickets.
    pub(super) fn is_quiet(&self) -> bool {
        let state = &mut *self.state.borrow_mut();
        while !state.has_news() {
            if self.socket.is_quiet() {
                return true;
            }
            match state.receive(|buffer| self.socket.read_now(buffer).map_or(Poll::Pending, Poll::Ready)) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return false,
                Poll::Pending => return true,
            }
        }
        false
    }

    pub(super) fn poll_write_pieces(&self, cx: &mut Context<'_>, pieces: &[&[u8]]) -> Poll<io::Result<usize>> {
        let state = &mut *self.state.borrow_mut();
        if state.taken == 0 {
            // Records of the write before, or of the protocol itself, go first: else there might be no room.
            ready!(state.poll_flush(cx, &self.socket))?;
            state.taken = state.encrypt(pieces)?;
        }
        ready!(state.poll_flush(cx, &self.socket))?;
        Poll::Ready(Ok(std::mem::take(&mut state.taken)))
    }

    /// Encrypts as much as there is room for, and sends nothing.
    pub(super) fn queue(&self, pieces: &[&[u8]]) -> io::Result<usize> {
        self.state.borrow_mut().encrypt(pieces)
    }

    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state.borrow_mut().poll_flush(cx, &self.socket)
    }

    pub(super) fn write_now(&self, bytes: &[u8]) {
        let state = &mut *self.state.borrow_mut();
        if state.encrypt(&[bytes]).is_ok() {
            state.flush_now(&self.socket);
        }
    }

    /// Announces the end, as far as that goes without waiting.
    pub(super) fn part(&self) {
        let state = &mut *self.state.borrow_mut();
        if !state.is_cut {
            state.connection.send_close_notify();
            state.flush_now(&self.socket);
        }
    }

    pub(super) fn cut(&self, is_cut: bool) {
        self.state.borrow_mut().is_cut = is_cut;
    }

    pub(super) fn shutdown_write(&self) {
        let state = &mut *self.state.borrow_mut();
        state.connection.send_close_notify();
        state.flush_now(&self.socket);
        self.socket.shutdown_write();
    }
}

impl State {
    /// Whether plain bytes, an end or an error wait for the next read.
    fn has_news(&mut self) -> bool {
        !matches!(self.connection.reader().fill_buf(), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Takes records in, once. Pending: there are none.
    fn receive(&mut self, read: impl FnMut(&mut [u8]) -> Poll<io::Result<usize>>) -> Poll<io::Result<()>> {
        match self.connection.read_tls(&mut Incoming(read)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(error)),
            // An end is told by the next read, which knows whether it was announced.
            Ok(_) => {}
        }
        let processed = self.connection.process_new_packets();
        Poll::Ready(processed.map(|_| ()).map_err(Breach::error))
    }

    /// Encrypts as much as there is room for. Of the pieces the first four count.
    fn encrypt(&mut self, pieces: &[&[u8]]) -> io::Result<usize> {
        let mut writer = self.connection.writer();
        if let [one] = pieces {
            return writer.write(one);
        }
        let mut slices = [IoSlice::new(&[]); 4];
        slices.iter_mut().zip(pieces).for_each(|(slice, piece)| *slice = IoSlice::new(piece));
        writer.write_vectored(&slices[..pieces.len().min(4)])
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, socket: &Socket) -> Poll<io::Result<()>> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut Outgoing { socket, cx }) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Gives the kernel what it takes at once; nobody waits for the rest.
    fn flush_now(&mut self, socket: &Socket) {
        let mut cx = Context::from_waker(Waker::noop());
        let _sent_or_not = self.poll_flush(&mut cx, socket);
    }
}

/// Where records come from.
pub(super) struct Incoming<F>(pub(super) F);

impl<F: FnMut(&mut [u8]) -> Poll<io::Result<usize>>> Read for Incoming<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.0)(buffer) {
            Poll::Ready(read) => read,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// Where records go.
pub(super) struct Outgoing<'a, 'c> {
    pub(super) socket: &'a Socket,
    pub(super) cx: &'a mut Context<'c>,
}

impl Write for Outgoing<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.socket.poll_write_slices(self.cx, slices) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
