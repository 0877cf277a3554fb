//! What the tests stand on: an event loop with a time limit, and connected sockets.

use evener_runtime::Socket;
use std::future::{Future, poll_fn};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};

/// Long, because a loaded machine is slow and a test that passes never waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a test on an event loop like that of a worker.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    let bounded = async { tokio::time::timeout(PATIENCE, test).await.expect("the test ends in time") };
    runtime.expect("an event loop").block_on(bounded)
}

/// A peer that blocks, and the socket under test that is connected with it.
pub(crate) fn connected() -> (TcpStream, Socket) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let peer = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    peer.set_nodelay(true).expect("an open socket");
    let (accepted, _) = listener.accept().expect("a connection");
    accepted.set_nonblocking(true).expect("an open socket");
    (peer, Socket::new(OwnedFd::from(accepted)).expect("room on the event loop"))
}

/// Lets the event loop look at its sockets until what was sent has arrived: loopback delivers at once.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// Reads once.
pub(crate) async fn read(socket: &Socket, room: usize) -> Vec<u8> {
    let mut buffer = vec![0; room];
    let count = poll_fn(|cx| socket.poll_read(cx, &mut buffer)).await.expect("a connection that stands");
    buffer.truncate(count);
    buffer
}

/// Fails if the future is ready now.
pub(crate) async fn expect_pending<T: std::fmt::Debug>(future: impl Future<Output = T>) {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => panic!("ready with {value:?}"),
        Poll::Pending => Poll::Ready(()),
    })
    .await;
}

/// Bytes of which no two pieces are alike.
pub(crate) fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}
