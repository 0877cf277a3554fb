//! A reader that is slow, and behind the writer for good.

use super::*;
use evener_runtime::Socket;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::task::Waker;
use tokio::runtime::{Builder, LocalOptions};

#[test]
fn what_is_gone_is_not_kept_for_a_slow_reader() {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    runtime.expect("an event loop").block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        socket2::SockRef::from(&listener).set_send_buffer_size(4096).expect("an open socket");
        let mut reader = TcpStream::connect(listener.local_addr().expect("an address")).expect("a listener");
        reader.set_nonblocking(true).expect("an open socket");
        let (writer, _) = listener.accept().expect("a connection");
        writer.set_nonblocking(true).expect("an open socket");
        let link = Link::plain(Socket::new(writer.into()).expect("an event loop"));
        let (gathering, mut gathered) = (Gathering::default(), Vec::new());
        let mut cx = Context::from_waker(Waker::noop());
        let (mut said, mut heard, mut buffer) = (0_u64, 0_u64, vec![0; 20_000]);
        // Many times what the kernel takes, and never all of it.
        while heard < 2_000_000 {
            while gathering.waiting(&gathered) < GATHERED_BYTES_MAX {
                let payload: Vec<u8> = (said..said + 10_000).map(|place| (place % 251) as u8).collect();
                gathering.add(&link, &payload[..9], &payload[9..], &mut gathered).expect("it stands");
                said += 10_000;
                if gathering.poll_flush(&link, &mut cx, &mut gathered).is_ready() {
                    assert!(gathered.is_empty());
                }
            }
            assert!(gathered.len() < 3 * GATHERED_BYTES_MAX, "{} bytes", gathered.len());
            let count = match reader.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                count => count.expect("it stands"),
            };
            assert!((heard..).zip(&buffer[..count]).all(|(place, byte)| (place % 251) as u8 == *byte));
            heard += count as u64;
            tokio::task::yield_now().await;
            let _flushed = gathering.poll_flush(&link, &mut cx, &mut gathered);
        }
    });
}
