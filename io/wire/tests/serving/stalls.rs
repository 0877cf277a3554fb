//! Clients that take nothing for a while: nobody is kept busy by that, and nothing is lost.

use crate::host::Manner;
use crate::scene::{Below, Scene, run};
use evener_wire::Wire;
use h2::client::{Builder, ResponseFuture};
use http::Request;
use std::future::{Future, poll_fn};
use std::time::Duration;

/// Long enough for a loop without an end to show itself.
const WHILE: Duration = Duration::from_millis(50);

/// The window of the connection is shut while a part of what it admitted waits for the kernel.
#[test]
fn a_shut_window_behind_a_full_pipe_keeps_nobody_busy() {
    run(0..1, |_| async {
        let (client, server) = crate::scene::ends(true).await;
        let host = crate::host::Host::new(Manner::Keeping);
        let serving = evener_wire::Serving::begin(evener_tls::Link::plain(server), &crate::scene::SETTINGS);
        let mut builder = Builder::new();
        builder.initial_window_size(1 << 20);
        let (serving, client) = crate::asker::both(serving, builder.handshake::<_, bytes::Bytes>(client)).await;
        let (mut sender, mut connection) = client.expect("a server of HTTP/2");
        let server = tokio::task::spawn_local(std::rc::Rc::clone(&host).serve(serving.expect("a client of HTTP/2")));
        let mut asked = Vec::new();
        while host.kept.borrow().len() < 3 {
            if asked.len() < 3 {
                let request = Request::builder().uri("http://example.com/").body(()).expect("it is well-formed");
                asked.push(sender.send_request(request, true).expect("there is room"));
            }
            // The client speaks only now.
            let mut turn = std::pin::pin!(poll_fn(|cx| std::pin::Pin::new(&mut connection).poll(cx)));
            let _pending = tokio::time::timeout(Duration::from_millis(2), turn.as_mut()).await;
        }
        let wires = host.kept.take();
        let writers: Vec<_> = wires
            .into_iter()
            .map(|wire| {
                tokio::task::spawn_local(async move {
                    let text = [&b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n"[..], &[7; 500_000]].concat();
                    let mut gone = 0;
                    while gone < text.len() {
                        gone += poll_fn(|cx| wire.poll_write(cx, &text[gone..])).await.expect("it stands");
                    }
                    wire
                })
            })
            .collect();
        tokio::time::sleep(WHILE).await;
        let before = host.turns.get();
        tokio::time::sleep(WHILE).await;
        let turns = host.turns.get() - before;
        assert!(turns < 10, "{turns} turns with nothing to do");
        // Everything comes once the client takes it.
        let client = tokio::task::spawn_local(connection);
        let readers: Vec<_> = asked
            .into_iter()
            .map(|(response, _)| tokio::task::spawn_local(async move { read(response).await }))
            .collect();
        for reader in readers {
            assert_eq!(reader.await.expect("it is no fault of the test"), 500_000);
        }
        for writer in writers {
            drop(writer.await.expect("it is no fault of the test"));
        }
        server.abort();
        client.abort();
    });
}

/// One stream of a connection says a little now and then, while others wait for their turn.
#[test]
fn a_stream_that_pauses_within_its_answer_stops_no_other() {
    run(0..1, |_| async {
        let mut builder = Builder::new();
        builder.initial_window_size(16 << 20).initial_connection_window_size(16 << 20);
        let mut scene = Scene::with(Manner::Keeping, Below::Clear, true, &builder).await;
        let mut asked = Vec::new();
        for _ in 0..4 {
            let request = Request::builder().uri("http://example.com/").body(()).expect("it is well-formed");
            asked.push(scene.sender.send_request(request, true).expect("there is room").0);
        }
        while scene.host.kept.borrow().len() < 4 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let wires = scene.host.kept.take();
        let _writers: Vec<_> = wires
            .into_iter()
            .enumerate()
            .map(|(number, wire)| {
                tokio::task::spawn_local(async move {
                    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                    let chunk = [&b"10000\r\n"[..], &[7; 0x10000], b"\r\n"].concat();
                    write(&wire, head).await;
                    for _ in 0..8 {
                        write(&wire, &chunk).await;
                        if number < 3 {
                            // It has nothing to say for longer than the test lasts.
                            std::future::pending::<()>().await;
                        }
                    }
                    write(&wire, b"0\r\n\r\n").await;
                    wire
                })
            })
            .collect();
        let count = read(asked.pop().expect("four were asked")).await;
        assert_eq!(count, 8 * 0x10000);
    });
}

async fn write(wire: &Wire, mut text: &[u8]) {
    while !text.is_empty() {
        let count = poll_fn(|cx| wire.poll_write(cx, text)).await.expect("it stands");
        text = &text[count..];
    }
}

/// How much comes as the body of an answer.
async fn read(response: ResponseFuture) -> usize {
    let mut body = response.await.expect("an answer").into_body();
    let mut count = 0;
    while let Some(data) = body.data().await {
        let data = data.expect("it stands");
        assert!(data.iter().all(|byte| *byte == 7));
        count += data.len();
        body.flow_control().release_capacity(data.len()).expect("it was taken");
    }
    count
}
