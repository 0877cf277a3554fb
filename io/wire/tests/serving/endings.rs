//! How streams and connections end before or after everything was said.

use crate::asker::{Got, Pace, ask};
use crate::host::{Host, Manner};
use crate::plan::{Dice, Plan};
use crate::scene::{Below, PATIENCE, SETTINGS, Scene, any_client, ends, run};
use evener_tls::Link;
use evener_wire::{BeginFault, ServerStream, Serving, Wire};
use h2::Reason;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Waits until no stream is answered any more.
async fn settle(host: &Host) {
    while host.open.get() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn streams_that_either_side_lets_go_of_leave_the_others_alone() {
    run(400..410, |seed| async move {
        let dice = &mut Dice::new(seed);
        let below = if seed % 2 == 0 { Below::Clear } else { Below::Tls };
        let scene = Scene::with(Manner::Careless, below, false, &any_client(dice)).await;
        for _ in 0..4 {
            let asked = (0..20).map(|number| {
                let (sender, scheme, plan) = (scene.sender.clone(), scene.scheme, Plan::of(dice.next() >> 1));
                let pace = if number % 3 == 0 { Pace::Fickle } else { Pace::Fast };
                tokio::task::spawn_local(async move { (ask(sender, scheme, &plan, pace).await, plan) })
            });
            for asked in asked.collect::<Vec<_>>() {
                match asked.await.expect("it is no fault of the test") {
                    (Ok(Some(got)), plan) => assert!(got == Got::expected(&plan), "another answer: {plan:?}"),
                    (Ok(None), _) => {}
                    (Err(error), plan) => {
                        assert!(error.is_reset() && !error.is_go_away(), "{error}: {plan:?}");
                        let reason = error.reason();
                        assert!(matches!(reason, Some(Reason::INTERNAL_ERROR | Reason::CANCEL | Reason::NO_ERROR)));
                    }
                }
            }
            settle(&scene.host).await;
        }
        // The connection is as good as before.
        let plan = (0..).map(|_| Plan::of(dice.next() >> 1)).find(|plan| plan.method == "GET" && plan.body.is_none());
        let mut plan = plan.expect("there are many");
        for _ in 0..50 {
            let answered = ask(scene.sender.clone(), scene.scheme, &plan, Pace::Fast).await;
            match answered {
                Ok(got) => return assert!(got.expect("it waits for all") == Got::expected(&plan)),
                Err(error) => assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR), "{error}"),
            }
            plan = Plan::of(dice.next() >> 1);
        }
        panic!("the host lets go of one in three");
    });
}

#[test]
fn a_drain_loses_nothing() {
    run(500..515, |seed| async move {
        let dice = &mut Dice::new(seed);
        let scene = Scene::with(Manner::Whole, Below::Clear, false, &any_client(dice)).await;
        let moment = dice.below(60);
        let asked = (0..60).map(|number| {
            let (sender, host, plan) = (scene.sender.clone(), Rc::clone(&scene.host), Plan::of(dice.next() >> 1));
            let pause = Duration::from_micros(dice.below(40_000) as u64);
            tokio::task::spawn_local(async move {
                tokio::time::sleep(pause).await;
                if number == moment {
                    host.drain();
                }
                (ask(sender, "http", &plan, Pace::Fast).await, plan)
            })
        });
        let Scene { sender, client, host, server, .. } = {
            let asked: Vec<_> = asked.collect();
            for asked in asked {
                let (answered, plan) = asked.await.expect("it is no fault of the test");
                match answered {
                    Ok(got) => assert!(got.expect("it waits for all") == Got::expected(&plan), "{plan:?}"),
                    Err(error) => {
                        let was_heard = scene.host.heard.borrow().contains_key(&plan.seed);
                        assert!(!was_heard && error.is_go_away(), "{error}: {plan:?}");
                    }
                }
            }
            scene
        };
        drop(sender);
        assert!(server.await.expect("it serves").is_none(), "an end in good order");
        client.await.expect("it asks").expect("an end in good order");
        assert_eq!((host.failed.get(), host.open.get()), (0, 0));
    });
}

#[test]
fn streams_end_with_a_client_that_drops_the_connection() {
    run(600..608, |seed| async move {
        let dice = &mut Dice::new(seed);
        let below = if seed % 2 == 0 { Below::Clear } else { Below::Tls };
        let scene = Scene::with(Manner::Whole, below, seed % 3 == 0, &any_client(dice)).await;
        let asked = (0..40).map(|_| {
            let (sender, scheme, plan) = (scene.sender.clone(), scene.scheme, Plan::of(dice.next() >> 1));
            tokio::task::spawn_local(async move { ask(sender, scheme, &plan, Pace::Slow).await.map(drop) })
        });
        let asked: Vec<_> = asked.collect();
        tokio::time::sleep(Duration::from_micros(dice.below(30_000) as u64)).await;
        scene.client.abort();
        let _cut = scene.client.await;
        asked.iter().for_each(tokio::task::JoinHandle::abort);
        let _end = scene.server.await.expect("it serves");
        settle(&scene.host).await;
        assert_eq!(Rc::strong_count(&scene.host), 1);
    });
}

fn stream_of(wire: &Wire) -> &ServerStream {
    let Wire::Served(stream) = wire else { panic!("it is the wire of a server") };
    stream
}

#[test]
fn a_connection_closes_at_once_while_streams_are_held() {
    run(700..702, |seed| async move {
        let below = if seed % 2 == 0 { Below::Clear } else { Below::Tls };
        let scene = Scene::with(Manner::Keeping, below, false, &h2::client::Builder::new()).await;
        let plans = (0..200).map(Plan::of).filter(|plan| plan.body.is_some()).take(3);
        let asked: Vec<_> = plans
            .map(|plan| {
                let (sender, scheme) = (scene.sender.clone(), scene.scheme);
                tokio::task::spawn_local(async move { ask(sender, scheme, &plan, Pace::Fast).await })
            })
            .collect();
        while scene.host.kept.borrow().len() < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Somebody waits for each way of a stream.
        let kept = scene.host.kept.take();
        assert!(kept.iter().all(|wire| !stream_of(wire).is_over()));
        let waiting: Vec<_> = kept
            .into_iter()
            .enumerate()
            .map(|(number, wire)| {
                tokio::task::spawn_local(async move {
                    if number == 0 {
                        drop(wire.broken().await);
                    } else {
                        while poll_fn(|cx| wire.poll_read(cx, &mut [0; 1000])).await.is_ok() {}
                    }
                    wire
                })
            })
            .collect();
        tokio::task::yield_now().await;
        scene.server.abort();
        let _cancelled = scene.server.await;
        // Nobody drives it any more: whoever waits learns it, and the client, too.
        let mut wires = Vec::new();
        for waiting in waiting {
            wires.push(waiting.await.expect("it is no fault of the test"));
        }
        let _end = tokio::time::timeout(PATIENCE, scene.client).await.expect("the socket is closed");
        for asked in asked {
            assert!(asked.await.expect("it is no fault of the test").is_err());
        }
        for wire in wires {
            let stream = stream_of(&wire);
            assert!(stream.is_over() && stream.is_reset() && !stream.is_stuck());
            assert!(poll_fn(|cx| wire.poll_write(cx, b"HTTP/1.1 200 OK\r\n\r\n")).await.is_err());
        }
    });
}

#[test]
fn what_is_no_preface_is_told_at_once() {
    run(800..801, |_| async {
        for (said, is_broken) in [(&b""[..], false), (b"PRI * HTT", false), (b"GET / HTTP/1.1\r\n\r\n", true)] {
            let (mut client, server) = ends(false).await;
            client.write_all(said).await.expect("it is open");
            client.shutdown().await.expect("it is open");
            let begun = Serving::begin(Link::plain(server), &SETTINGS);
            let since = Instant::now();
            let begun = tokio::time::timeout(Duration::from_secs(5), begun).await.expect("nothing more can come");
            assert_eq!(matches!(begun, Err(BeginFault::Broken)), is_broken);
            // A late look would find it, too.
            assert!(begun.is_err() && since.elapsed() < Duration::from_secs(4));
        }
    });
}

#[test]
fn a_client_that_has_ended_its_side_gets_what_was_answered() {
    run(900..901, |_| async {
        let (mut client, server) = ends(false).await;
        // A preface, SETTINGS, and two PING.
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("it is open");
        client.write_all(b"\0\0\x08\x06\0\0\0\0\0pingping\0\0\x08\x06\0\0\0\0\0pongpong").await.expect("it is open");
        client.shutdown().await.expect("it is open");
        let mut serving = Serving::begin(Link::plain(server), &SETTINGS).await.expect("it is HTTP/2");
        assert!(poll_fn(|cx| serving.poll_accept(cx)).await.is_none(), "an end in good order");
        drop(serving);
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.expect("it is closed in good order");
        assert!(heard.ends_with(b"\0\0\x08\x06\x01\0\0\0\0pongpong"), "{}", heard.escape_ascii());
    });
}

/// Its server may end it in the moment in which the client goes.
#[test]
fn a_tunnel_that_is_lost_can_be_ended() {
    run(950..951, |_| async {
        let (mut client, server) = ends(false).await;
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("it is open");
        client.write_all(b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01a").await.expect("it is open");
        let mut serving = Serving::begin(Link::plain(server), &SETTINGS).await.expect("it is HTTP/2");
        let stream = poll_fn(|cx| serving.poll_accept(cx)).await.expect("a stream").expect("a stream");
        let wire = Wire::Served(stream);
        let head = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
        let written = poll_fn(|cx| wire.poll_write(cx, head)).await;
        assert_eq!(written.expect("there is room"), head.len());
        drop(serving);
        wire.shutdown_write();
        assert!(poll_fn(|cx| wire.poll_read(cx, &mut [0; 10])).await.is_err());
    });
}
