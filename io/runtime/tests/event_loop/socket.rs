//! Reading and writing against edge-triggered readiness: nothing is lost, doubled or waited for in vain.

use crate::world::{connected, content, expect_pending, read, run, settle};
use evener_runtime::Socket;
use evener_runtime::pipe::{Pipe, PipeBound, Pipes};
use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixListener;
use std::task::Poll;
use std::time::Duration;

#[test]
fn later_bytes_are_seen_after_short_and_after_exact_reads() {
    run(async {
        let (mut peer, socket) = connected();
        for (length, room) in [(3, 16), (16, 16), (1, 1), (5, 4096), (4096, 4096), (40, 16)] {
            let sent = content(length);
            peer.write_all(&sent).expect("a connection that stands");
            settle().await;
            let mut received = Vec::new();
            while received.len() < length {
                received.extend(read(&socket, room).await);
            }
            assert_eq!(received, sent);
            expect_pending(read(&socket, room)).await;
        }
    });
}

#[test]
fn a_waiting_reader_is_woken_by_the_next_byte() {
    run(async {
        let (mut peer, socket) = connected();
        let writer = std::thread::spawn(move || {
            for byte in 0..50_u8 {
                std::thread::sleep(Duration::from_millis(1));
                peer.write_all(&[byte]).expect("a connection that stands");
            }
        });
        let mut received = Vec::new();
        loop {
            let piece = read(&socket, 7).await;
            if piece.is_empty() {
                break;
            }
            received.extend(piece);
        }
        assert_eq!(received, (0..50).collect::<Vec<u8>>());
        writer.join().expect("no panic");
    });
}

#[test]
fn an_end_behind_a_short_read_is_seen() {
    for ends_before_read in [true, false] {
        run(async {
            let (mut peer, socket) = connected();
            peer.write_all(b"abc").expect("a connection that stands");
            if ends_before_read {
                peer.shutdown(Shutdown::Write).expect("an open socket");
            }
            settle().await;
            assert_eq!(read(&socket, 16).await, b"abc");
            if !ends_before_read {
                expect_pending(read(&socket, 16)).await;
                peer.shutdown(Shutdown::Write).expect("an open socket");
            }
            assert_eq!(read(&socket, 16).await, b"");
            assert_eq!(read(&socket, 16).await, b"");
        });
    }
}

#[test]
fn an_end_that_arrives_between_readiness_and_read_is_seen() {
    run(async {
        let (mut peer, socket) = connected();
        peer.write_all(b"abc").expect("a connection that stands");
        poll_fn(|cx| socket.poll_readable(cx)).await.expect("readable");
        // The event loop has told of the bytes, and does not know of the end yet.
        peer.shutdown(Shutdown::Write).expect("an open socket");
        assert_eq!(read(&socket, 16).await, b"abc");
        assert_eq!(read(&socket, 16).await, b"");
    });
}

#[test]
fn a_writer_waits_for_its_reader_and_goes_on() {
    run(async {
        let (mut peer, socket) = connected();
        let sent = content(9_000_000);
        let mut written = 0;
        // Until the kernel takes no more.
        poll_fn(|cx| {
            loop {
                match socket.poll_write(cx, &sent[written..]) {
                    Poll::Ready(count) => written += count.expect("a connection that stands"),
                    Poll::Pending => return Poll::Ready(()),
                }
            }
        })
        .await;
        assert!(written < sent.len(), "the kernel's buffers are smaller");
        let length = sent.len();
        let reader = std::thread::spawn(move || {
            let mut received = vec![0; length];
            peer.read_exact(&mut received).expect("every byte");
            received
        });
        while written < sent.len() {
            let rest = &sent[written..];
            let (front, back) = rest.split_at(rest.len() / 3);
            let pieces = [front, back];
            let pieces = if front.is_empty() { &pieces[1..] } else { &pieces[..] };
            written += poll_fn(|cx| socket.poll_write_pieces(cx, pieces)).await.expect("a connection that stands");
        }
        assert_eq!(reader.join().expect("no panic"), sent);
    });
}

#[test]
fn pieces_go_out_in_their_order() {
    run(async {
        let (mut peer, socket) = connected();
        for pieces in [&[&b"ab"[..]][..], &[b"ab", b"cd"], &[b"a", b"", b"bc"], &[b"a", b"b", b"c", b"d"]] {
            let expected = pieces.concat();
            let written = poll_fn(|cx| socket.poll_write_pieces(cx, pieces)).await.expect("a connection that stands");
            assert_eq!(written, expected.len());
            let mut received = vec![0; expected.len()];
            peer.read_exact(&mut received).expect("every byte");
            assert_eq!(received, expected);
        }
    });
}

#[test]
fn what_is_there_now_is_seen_without_the_event_loop() {
    run(async {
        let (mut peer, socket) = connected();
        let mut buffer = [0; 8];
        assert!(socket.read_now(&mut buffer).is_none());
        assert!(socket.is_quiet() && !socket.is_readable());
        peer.write_all(b"abc").expect("a connection that stands");
        // Nothing has been awaited since, so the event loop knows nothing.
        assert!(!socket.is_readable());
        assert!(!socket.is_quiet());
        assert_eq!(socket.read_now(&mut buffer).expect("bytes").expect("no error"), 3);
        assert!(socket.is_quiet());
        peer.write_all(b"abc").expect("a connection that stands");
        settle().await;
        assert_eq!(socket.read_now(&mut buffer).expect("bytes").expect("no error"), 3);
        // The event loop has told of bytes that are gone; that must not look like an end.
        assert!(socket.is_readable() && socket.is_quiet());
        expect_pending(read(&socket, 8)).await;
        assert!(!socket.is_readable());
        peer.write_all(b"d").expect("a connection that stands");
        assert_eq!(read(&socket, 8).await, b"d");
        drop(peer);
        assert!(!socket.is_quiet());
        assert_eq!(socket.read_now(&mut buffer).expect("an end").expect("no error"), 0);
        assert_eq!(read(&socket, 8).await, b"");
    });
}

#[test]
fn what_the_event_loop_told_is_seen_when_a_task_has_used_up_its_turn() {
    run(async {
        let (mut peer, socket) = connected();
        peer.write_all(b"abc").expect("a connection that stands");
        settle().await;
        poll_fn(|cx| {
            while socket.poll_readable(cx).is_ready() {}
            assert!(socket.is_readable());
            Poll::Ready(())
        })
        .await;
    });
}

async fn splice_all(from: &Socket, to: &Socket, pipe: &Pipe, mut left: usize) {
    while left > 0 {
        let wanted = left.min(Pipe::capacity());
        let mut held = poll_fn(|cx| from.poll_splice_into(cx, pipe, wanted)).await.expect("a connection that stands");
        assert!(held > 0 && held <= wanted);
        left -= held;
        while held > 0 {
            held -= poll_fn(|cx| to.poll_splice_from(cx, pipe, held)).await.expect("a connection that stands");
        }
    }
}

#[test]
fn a_pipe_moves_everything_in_order_and_stays_empty() {
    run(async {
        let ((mut source, from), (mut sink, to)) = (connected(), connected());
        let pipes = Pipes::new(PipeBound::new(1000));
        // Twice through the same pipe: what the first left in it would come before the second.
        for (length, piece) in [(3_000_017, 77_777), (40_000, 331), (1, 1), (600_000, 600_000)] {
            let sent = content(length);
            let copy = sent.clone();
            let mut writing = source.try_clone().expect("an open socket");
            let mut reading = sink.try_clone().expect("an open socket");
            let writer = std::thread::spawn(move || {
                copy.chunks(piece).for_each(|piece| writing.write_all(piece).expect("a connection that stands"));
            });
            let reader = std::thread::spawn(move || {
                // Late, so that the pipe fills and the socket behind it too.
                std::thread::sleep(Duration::from_millis(20));
                let mut received = vec![0; length];
                reading.read_exact(&mut received).expect("every byte");
                received
            });
            let pipe = pipes.take().expect("descriptors");
            splice_all(&from, &to, &pipe, length).await;
            pipes.give_back(pipe);
            writer.join().expect("no panic");
            assert_eq!(reader.join().expect("no panic"), sent);
        }
        // What is not asked for stays in the socket.
        source.write_all(b"bodynext").expect("a connection that stands");
        settle().await;
        let pipe = pipes.take().expect("descriptors");
        splice_all(&from, &to, &pipe, 4).await;
        assert_eq!(read(&from, 16).await, b"next");
        let mut body = [0; 4];
        sink.read_exact(&mut body).expect("every byte");
        assert_eq!(&body, b"body");
        // And the end is an end.
        expect_pending(poll_fn(|cx| from.poll_splice_into(cx, &pipe, 16))).await;
        source.shutdown(Shutdown::Write).expect("an open socket");
        assert_eq!(poll_fn(|cx| from.poll_splice_into(cx, &pipe, 16)).await.expect("an orderly end"), 0);
    });
}

#[test]
fn small_pipes_work_when_the_large_ones_are_used_up() {
    run(async {
        let ((mut source, from), (mut sink, to)) = (connected(), connected());
        let pipes = Pipes::new(PipeBound::new(1000));
        let held: Vec<Pipe> = (0..140).map(|_| pipes.take().expect("descriptors")).collect();
        let sent = content(1_000_000);
        let copy = sent.clone();
        let writer = std::thread::spawn(move || source.write_all(&copy).expect("a connection that stands"));
        let reader = std::thread::spawn(move || {
            let mut received = vec![0; 1_000_000];
            sink.read_exact(&mut received).expect("every byte");
            received
        });
        splice_all(&from, &to, held.last().expect("many"), sent.len()).await;
        writer.join().expect("no panic");
        assert_eq!(reader.join().expect("no panic"), sent);
    });
}

fn outcome(mut peer: TcpStream) -> Result<usize, ErrorKind> {
    peer.read(&mut [0; 8]).map_err(|error| error.kind())
}

#[test]
fn a_connection_ends_as_it_was_told_to() {
    run(async {
        let (peer, socket) = connected();
        drop(socket);
        assert_eq!(outcome(peer), Ok(0));

        let (peer, socket) = connected();
        socket.reset_on_close();
        drop(socket);
        assert_eq!(outcome(peer), Err(ErrorKind::ConnectionReset));

        let (peer, socket) = connected();
        socket.reset_on_close();
        socket.end_on_close();
        drop(socket);
        assert_eq!(outcome(peer), Ok(0));

        let (peer, socket) = connected();
        socket.shutdown_write();
        assert_eq!(outcome(peer), Ok(0));
    });
}

#[test]
fn a_reset_is_an_error_and_no_end() {
    run(async {
        let (peer, socket) = connected();
        socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("an open socket");
        drop(peer);
        settle().await;
        let read = poll_fn(|cx| socket.poll_read(cx, &mut [0; 8])).await;
        assert_eq!(read.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
        // The kernel tells of it once; whoever asks again sees an end.
        assert!(!socket.is_quiet());
        let written = poll_fn(|cx| socket.poll_write(cx, b"x")).await;
        assert_eq!(written.expect_err("no connection").kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_unix_socket_is_a_socket() {
    run(async {
        let path = std::env::temp_dir().join(format!("evener-runtime-{}.sock", std::process::id()));
        let path_text = path.to_str().expect("a plain path");
        assert!(Socket::connect_unix(path_text).is_err());
        let listener = UnixListener::bind(&path).expect("a free path");
        let socket = Socket::connect_unix(path_text).expect("a listener");
        socket.connected().await.expect("a listener");
        let (mut peer, _) = listener.accept().expect("a connection");
        std::fs::remove_file(&path).expect("the file is there");
        peer.write_all(b"hello").expect("a connection that stands");
        assert_eq!(read(&socket, 16).await, b"hello");
        drop(peer);
        assert_eq!(read(&socket, 16).await, b"");
    });
}

#[test]
fn a_refused_connection_is_an_error() {
    run(async {
        let address = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            listener.local_addr().expect("an address")
        };
        let outcome = match Socket::connect_tcp(address) {
            Ok(socket) => socket.connected().await,
            Err(error) => Err(error),
        };
        assert_eq!(outcome.expect_err("nobody listens").kind(), ErrorKind::ConnectionRefused);
    });
}

/// Closes with a reset, as a program that is killed with bytes unread does.
fn reset(peer: TcpStream) {
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("an open socket");
}

#[test]
fn a_break_is_told_to_somebody_who_neither_reads_nor_writes() {
    run(async {
        for (ends_before, kind) in [(false, ErrorKind::ConnectionReset), (true, ErrorKind::BrokenPipe)] {
            let (mut peer, socket) = connected();
            let mut broken = Box::pin(socket.broken());
            peer.write_all(b"waits here").expect("a connection that stands");
            if ends_before {
                peer.shutdown(Shutdown::Write).expect("an open socket");
            }
            expect_pending(broken.as_mut()).await;
            reset(peer);
            assert_eq!(broken.await.kind(), kind);
            // What had come is there all the same.
            assert_eq!(read(&socket, 16).await, b"waits here");
        }
    });
}
