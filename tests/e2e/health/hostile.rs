//! Servers that answer checks with garbage, never, in drops, without end, or not at all: they are down, nobody else is,
//! clients notice nothing, evener needs no memory for it, and the server is taken back once it is well.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{OFTEN, Patient, Ward};
use crate::harness::Step;
use crate::harness::ports::{free_address, listen};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};

/// What checks may leave behind in evener's memory, whatever they are answered.
const MEMORY_BYTES_MAX: u64 = 16 << 20;

/// A server that ends its checks so is down for this reason while clients are served by both, then by the other one; and
/// it comes back.
#[track_caller]
fn check_down(health: &str, bad: Vec<Step>, why: &str) {
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    let ward = Ward::start(&[a.address(), b.address()], health);
    a.wait_for_checks(1);
    ward.expect_served_by(&["a", "b"]);
    let memory_before = ward.evener.process.rss_bytes();
    a.answer(bad);
    let down = format!("server {} of upstream web is down: {why}\n", a.address());
    eventually(PATIENCE, &down, || {
        ward.texts(10);
        ward.said(&down) > 0
    });
    ward.expect_served_by(&["b"]);
    assert!(ward.evener.process.peak_rss_bytes() < memory_before + MEMORY_BYTES_MAX);
    a.heal();
    ward.wait_until_up(a.address());
    ward.wait_until_served_by(&["a", "b"]);
    assert_eq!(ward.said("is down"), 1, "{}", ward.evener.process.stderr());
}

#[test]
fn garbage_is_down() {
    let broken = "GET /healthz got a broken answer";
    let garbage = Step::send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not HTTP\r\n\r\n");
    check_down(OFTEN, vec![garbage], &format!("{broken}: the response head holds a control byte"));
    let other = Step::send("220 mail.test ESMTP\r\n");
    check_down(OFTEN, vec![other], &format!("{broken}: the version of the response is not HTTP/1"));
    let doubtful = Step::send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na");
    check_down(OFTEN, vec![doubtful], &format!("{broken}: the response has two content lengths"));
}

#[test]
fn heads_without_end_are_down() {
    let why = "GET /healthz got a broken answer: the response head is too large";
    let head = "HTTP/1.1 200 OK\r\nX: ".to_owned() + &"x".repeat(1 << 20);
    check_down(OFTEN, vec![Step::send(head), Step::Hold], why);
    let interim = "HTTP/1.1 102 Processing\r\n\r\n".repeat(20_000);
    check_down(OFTEN, vec![Step::send(interim), Step::Hold], why);
}

#[test]
fn a_connection_that_ends_before_the_answer_is_down() {
    let cut = Step::send("HTTP/1.1 200 OK\r\nContent-");
    check_down(OFTEN, vec![cut, Step::Close], "GET /healthz got no answer before the connection was closed");
    check_down(OFTEN, vec![Step::Reset], "GET /healthz lost the connection: Connection reset by peer");
}

#[test]
fn silence_and_drops_are_down() {
    let health = OFTEN.replace("20s", "1s");
    let late = "GET /healthz got no answer within 1s";
    check_down(&health, vec![Step::Hold], late);
    let drops = Step::Drip(ok("well").repeat(10).into_bytes(), Duration::from_millis(30));
    check_down(&health, vec![drops], late);
    // Interim answers are signs of life and no answer.
    let interim = Step::Drip("HTTP/1.1 102 Processing\r\n\r\n".repeat(100).into_bytes(), Duration::from_millis(10));
    check_down(&health, vec![interim], late);
}

#[test]
fn a_server_that_refuses_is_down_and_clients_do_not_notice() {
    let address = free_address();
    let b = Patient::new("b");
    let ward = Ward::start(&[address, b.address()], OFTEN);
    ward.expect_served_by(&["b"]);
    ward.wait_until_down(address, "it took no connection: Connection refused");
    ward.expect_served_by(&["b"]);
    let mut a = Patient::at(address, "a");
    ward.wait_until_up(address);
    ward.wait_until_served_by(&["a", "b"]);
    a.recorder.stop();
    eventually(PATIENCE, "it is down again", || {
        ward.texts(10);
        ward.said("is down") == 2
    });
}

/// A server that answers whatever it is asked with a gigabyte.
struct Flood {
    address: SocketAddr,
    sent: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

const GIGABYTE: usize = 1 << 30;
static BLOCK: [u8; 64 * 1024] = [b'x'; 64 * 1024];

impl Flood {
    fn start() -> Self {
        let address = free_address();
        let listener = listen(address);
        let (sent, connections, is_over) = <(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicBool>)>::default();
        let (bytes, count, end) = (Arc::clone(&sent), Arc::clone(&connections), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || flood(&listener, &bytes, &count, &end));
        Self { address, sent, connections, is_over, thread: Some(thread) }
    }
}

fn flood(listener: &TcpListener, sent: &AtomicUsize, connections: &AtomicUsize, is_over: &AtomicBool) {
    for stream in listener.incoming() {
        if is_over.load(Ordering::Acquire) {
            return;
        }
        let mut stream = stream.expect("a connection");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket has a time-out");
        let count = stream.read(&mut [0; 1_024]).unwrap_or(0);
        if count == 0 {
            continue;
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {GIGABYTE}\r\n\r\n");
        let mut written = 0;
        if stream.write_all(head.as_bytes()).is_ok() {
            while written < GIGABYTE {
                let Ok(count) = stream.write(&BLOCK) else { break };
                written += count;
            }
        }
        sent.fetch_add(written, Ordering::AcqRel);
        connections.fetch_add(1, Ordering::AcqRel);
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server ends without a panic");
        }
    }
}

#[test]
fn a_gigabyte_is_not_read() {
    let flood = Flood::start();
    let b = Patient::new("b");
    b.answer_with(ok("ready"));
    let ward = Ward::start(&[flood.address, b.address()], &format!("{OFTEN}, body = \"ready\""));
    ward.wait_until_down(flood.address, "GET /healthz answered without \"ready\" in the body");
    ward.expect_served_by(&["b"]);
    let connections = || flood.connections.load(Ordering::Acquire);
    let memory_before = ward.evener.process.rss_bytes();
    let before = connections();
    eventually(PATIENCE, "there are more checks", || connections() >= before + 20);
    // Each filled the sockets' buffers, as far as the kernel let it, and not more.
    let mean = flood.sent.load(Ordering::Acquire) / connections();
    assert!(mean < GIGABYTE / 50, "{mean} bytes a check");
    assert!(ward.evener.process.peak_rss_bytes() < memory_before + MEMORY_BYTES_MAX);
}

#[test]
fn a_gigabyte_behind_a_good_head_is_well() {
    // Only the status counts, so nothing of the body is waited for.
    let flood = Flood::start();
    let ward = Ward::start(&[flood.address], OFTEN);
    let connections = || flood.connections.load(Ordering::Acquire);
    eventually(PATIENCE, "there are checks", || connections() >= 10);
    assert_eq!(ward.said("is down"), 0);
    assert!(flood.sent.load(Ordering::Acquire) / connections() < GIGABYTE / 50);
}
