//! Connections that are kept, lent, found dead, and opened anew, against real sockets of this machine.

use evener_plan::{Protocol, ServerAddress};
use evener_runtime::{Alarms, Millis, Socket};
use evener_tls::Link;
use evener_upstream::{ConnectFault, Manner, Pool, Pools, lease};
use evener_wire::Wire;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};

/// Long, because a loaded machine is slow and a test that passes never waits that long.
const PATIENCE: Duration = Duration::from_secs(30);
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    let bounded = async { tokio::time::timeout(PATIENCE, test).await.expect("the test ends in time") };
    runtime.expect("an event loop").block_on(bounded)
}

/// A server that does nothing by itself, and the pool of its connections.
struct Scene {
    listener: TcpListener,
    pools: Pools,
    pool: Rc<Pool>,
}

impl Scene {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = ServerAddress::Tcp(vec![listener.local_addr().expect("an address")]);
        let pools = Pools::default();
        let pool = pool(&pools, &address, IDLE_TIMEOUT);
        Self { listener, pools, pool }
    }

    /// A connection that rests in the pool, and the server's end of it.
    async fn resting(&self) -> TcpStream {
        let socket = Socket::connect_tcp(self.listener.local_addr().expect("an address")).expect("a listener");
        socket.connected().await.expect("a listener");
        let (end, _) = self.listener.accept().expect("a connection");
        end.set_nodelay(true).expect("an open socket");
        self.pool.adopt(Link::plain(socket)).give_back();
        end
    }
}

/// The pool of a server of HTTP/1 in the clear.
fn pool(pools: &Pools, address: &ServerAddress, idle_timeout: Duration) -> Rc<Pool> {
    pools.pool(address, Manner { protocol: Protocol::Http1, tls: None }, None, idle_timeout)
}

/// Lets the event loop see what has arrived.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// Whether the connection ends at this end of the server.
#[track_caller]
fn expect_spoken_on(mut end: &TcpStream, wire: &Wire) {
    let Wire::Link(link) = wire else { panic!("no pool of HTTP/1 lends streams") };
    link.write_now(b"hello");
    let mut hello = [0; 5];
    end.read_exact(&mut hello).expect("a connection that stands");
    assert_eq!(&hello, b"hello");
}

#[track_caller]
fn expect_closed(mut end: &TcpStream) {
    assert!(matches!(end.read(&mut [0; 8]), Ok(0) | Err(_)), "the connection still stands");
}

#[test]
fn the_connection_that_was_used_last_is_lent_first() {
    run(async {
        let scene = Scene::new();
        assert!(scene.pool.take().is_none() && scene.pool.take_checked().is_none());
        let (first, second) = (scene.resting().await, scene.resting().await);
        settle().await;
        assert_eq!(scene.pool.idle_count(), 2);
        let lease = scene.pool.take().expect("two rest");
        assert!(lease.is_reused());
        expect_spoken_on(&second, lease.wire());
        let other = scene.pool.take_checked().expect("one rests");
        expect_spoken_on(&first, other.wire());
        assert!(scene.pool.take().is_none());
        lease.give_back();
        other.give_back();
        let last = scene.pool.take().expect("two rest");
        expect_spoken_on(&first, last.wire());
        drop(last);
        expect_closed(&first);
        assert_eq!(scene.pool.idle_count(), 1);
        assert_eq!(scene.pools.close_idle(), 1);
        expect_closed(&second);
    });
}

#[test]
fn dead_connections_and_those_with_unasked_bytes_are_passed_over() {
    run(async {
        for checked in [false, true] {
            let scene = Scene::new();
            let good = scene.resting().await;
            let mut talker = scene.resting().await;
            let dead = scene.resting().await;
            talker.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").expect("a connection that stands");
            drop(dead);
            if !checked {
                settle().await;
            }
            let lease = if checked { scene.pool.take_checked() } else { scene.pool.take() };
            expect_spoken_on(&good, lease.expect("one is good").wire());
            assert_eq!(scene.pool.idle_count(), 0);
            expect_closed(&talker);
        }
    });
}

#[test]
fn bytes_that_were_read_in_time_do_not_spoil_a_connection() {
    run(async {
        let scene = Scene::new();
        let mut end = scene.resting().await;
        settle().await;
        let lease = scene.pool.take().expect("one rests");
        end.write_all(b"answer").expect("a connection that stands");
        let mut answer = [0; 6];
        // A read that fills its buffer exactly leaves the readiness behind.
        let read = poll_fn(|cx| lease.wire().poll_read(cx, &mut answer)).await;
        assert_eq!(read.expect("an answer"), 6);
        lease.give_back();
        let again = scene.pool.take().expect("it is as good as before");
        expect_spoken_on(&end, again.wire());
    });
}

#[test]
fn unasked_bytes_are_seen_by_a_task_that_has_used_up_its_turn() {
    run(async {
        let scene = Scene::new();
        let mut talker = scene.resting().await;
        talker.write_all(b"x").expect("a connection that stands");
        let busy = Scene::new();
        let mut noise = busy.resting().await;
        noise.write_all(b"x").expect("a connection that stands");
        settle().await;
        let noisy = Socket::connect_tcp(busy.listener.local_addr().expect("an address")).expect("a listener");
        noisy.connected().await.expect("a listener");
        let (mut noise, _) = busy.listener.accept().expect("a connection");
        noise.write_all(b"x").expect("a connection that stands");
        settle().await;
        poll_fn(|cx| {
            // The event loop gives a task so many looks at its sockets in one turn, and then tells it to wait.
            while noisy.poll_readable(cx).is_ready() {}
            assert!(scene.pool.take().is_none(), "the answer to nobody's request would answer the next");
            Poll::Ready(())
        })
        .await;
    });
}

#[test]
fn every_dead_connection_is_swept_out_however_many_rest() {
    run(async {
        let scene = Scene::new();
        let mut ends = Vec::new();
        for _ in 0..300 {
            ends.push(scene.resting().await);
        }
        let dead = ends.split_off(200);
        for mut end in &ends {
            end.write_all(b"x").expect("a connection that stands");
        }
        settle().await;
        drop(dead);
        settle().await;
        scene.pools.sweep(Millis::now());
        assert_eq!(scene.pool.idle_count(), 0);
    });
}

#[test]
fn connections_rest_for_no_longer_than_their_time() {
    run(async {
        let scene = Scene::new();
        let end = scene.resting().await;
        let now = Millis::now();
        scene.pools.sweep(now.after(IDLE_TIMEOUT - Duration::from_secs(1)));
        assert_eq!(scene.pool.idle_count(), 1);
        scene.pools.sweep(now.after(IDLE_TIMEOUT + Duration::from_secs(1)));
        assert_eq!(scene.pool.idle_count(), 0);
        expect_closed(&end);
        // A reload with another time keeps the pool.
        let end = scene.resting().await;
        let same = pool(&scene.pools, scene.pool.address(), Duration::from_secs(1));
        assert!(Rc::ptr_eq(&same, &scene.pool));
        scene.pools.sweep(Millis::now().after(Duration::from_secs(2)));
        assert_eq!(same.idle_count(), 0);
        expect_closed(&end);
    });
}

#[test]
fn a_pool_that_nobody_names_is_gone_with_its_connections() {
    run(async {
        let Scene { listener, pools, pool } = Scene::new();
        let scene = Scene { listener, pools, pool };
        let end = scene.resting().await;
        let address = scene.pool.address().clone();
        let Scene { pools, pool, .. } = scene;
        let lease = pool.take().expect("one rests");
        drop(pool);
        pools.sweep(Millis::now());
        // A lease that is still out goes back to what it came from, and ends with it.
        lease.give_back();
        expect_closed(&end);
        assert_eq!(self::pool(&pools, &address, IDLE_TIMEOUT).idle_count(), 0);
        assert_eq!(pools.close_idle(), 0);
    });
}

/// An address of this machine on which nobody listens.
fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address")
}

/// A listener whose queue is full, so that a connection to it neither comes about nor fails.
async fn frozen() -> (TcpListener, Vec<Socket>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    socket.listen(0).expect("a bound socket");
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().expect("an address");
    let fillers: Vec<Socket> = (0..4).map(|_| Socket::connect_tcp(address).expect("no error yet")).collect();
    settle().await;
    (listener, fillers)
}

struct Opener {
    alarms: Rc<Alarms>,
    preferred: Cell<usize>,
}

impl Opener {
    fn new() -> Self {
        let alarms = Alarms::new();
        tokio::task::spawn_local(Rc::clone(&alarms).drive());
        Self { alarms, preferred: Cell::new(0) }
    }

    async fn open(&self, addresses: &[SocketAddr], milliseconds: u64) -> Result<SocketAddr, ConnectFault> {
        let alarm = self.alarms.register();
        alarm.set(Millis::now().after(Duration::from_millis(milliseconds)));
        let pools = Pools::default();
        let pool = pool(&pools, &ServerAddress::Tcp(addresses.to_vec()), IDLE_TIMEOUT);
        // As if it were the pool of before, with other addresses.
        pool.preferred().set(self.preferred.get());
        let opened = lease(&pool, &alarm).await;
        self.preferred.set(pool.preferred().get());
        opened.map(|_| addresses[self.preferred.get()])
    }
}

#[test]
fn the_second_address_is_tried_and_remembered() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let good = listener.local_addr().expect("an address");
        let bad = refusing();
        let opener = Opener::new();
        assert_eq!(opener.open(&[bad, good, bad], 10_000).await.expect("one is good"), good);
        assert_eq!(opener.preferred.get(), 1);
        assert_eq!(opener.open(&[bad, good, bad], 10_000).await.expect("one is good"), good);
        // The addresses changed with the next look-up; what is remembered may be beyond them.
        assert_eq!(opener.open(&[good], 10_000).await.expect("it is good"), good);
        match opener.open(&[bad, bad], 10_000).await {
            Err(ConnectFault::Refused(cause)) => assert_eq!(cause.kind(), ErrorKind::ConnectionRefused),
            other => panic!("{other:?}"),
        }
        assert!(matches!(opener.open(&[], 10_000).await, Err(ConnectFault::Refused(_))));
    });
}

#[test]
fn a_connection_that_does_not_come_about_ends_with_its_deadline() {
    run(async {
        let (listener, _fillers) = frozen().await;
        let silent = listener.local_addr().expect("an address");
        let opener = Opener::new();
        let before = Millis::now();
        let outcome = opener.open(&[silent], 150).await;
        assert!(matches!(outcome, Err(ConnectFault::TimedOut)), "{outcome:?}");
        let took = Millis::now().since(before);
        assert!(took >= Duration::from_millis(140) && took < Duration::from_secs(5), "{took:?}");
    });
}

#[test]
fn after_a_silent_address_the_next_one_has_its_turn() {
    run(async {
        let (listener, _fillers) = frozen().await;
        let silent = listener.local_addr().expect("an address");
        let answering = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let good = answering.local_addr().expect("an address");
        let opener = Opener::new();
        // It costs one attempt its time, not every one.
        assert!(matches!(opener.open(&[silent, good], 100).await, Err(ConnectFault::TimedOut)));
        assert_eq!(opener.open(&[silent, good], 10_000).await.expect("one is good"), good);
    });
}
