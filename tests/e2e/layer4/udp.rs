//! Datagrams: sessions over the servers of a service, servers that die and come back, bounds, reloads. The servers speak
//! the beginning of DNS (RFC 1035 §4.1): a header with the question's number, answered with an address.

use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Service, told};
use crate::harness::evener::listed;
use crate::harness::ports::free_address;
use crate::harness::wait::{PATIENCE, eventually, wait_for};

/// How long a client waits for one answer before it asks again.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// A name server that answers every question with its own number as the last byte of the address.
pub(super) struct NameServer {
    pub(super) address: SocketAddr,
    is_stopping: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    /// Who has asked: each session has a port of its own.
    askers: Arc<Mutex<HashSet<SocketAddr>>>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    pub(super) fn new(number: u8) -> Self {
        Self::at(free_address(), number)
    }

    fn at(address: SocketAddr, number: u8) -> Self {
        let socket = wait_for(PATIENCE, "the port is free", || UdpSocket::bind(address).ok());
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("an option can be set");
        let (is_stopping, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stop, count) = (Arc::clone(&is_stopping), Arc::clone(&asked));
        let askers = Arc::<Mutex<HashSet<SocketAddr>>>::default();
        let seen = Arc::clone(&askers);
        let thread = thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while !stop.load(Ordering::Acquire) {
                let Ok((length, client)) = socket.recv_from(&mut buffer) else { continue };
                count.fetch_add(1, Ordering::AcqRel);
                seen.lock().expect("nobody panics with it").insert(client);
                drop(socket.send_to(&answer(&buffer[..length], number), client));
            }
        });
        Self { address, is_stopping, asked, askers, thread: Some(thread) }
    }

    /// How many sessions it has seen.
    pub(super) fn sessions(&self) -> usize {
        self.askers.lock().expect("nobody panics with it").len()
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Acquire)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a name server does not panic");
        }
    }
}

/// The question with the bits of an answer in its header, and an address behind it.
fn answer(question: &[u8], number: u8) -> Vec<u8> {
    let mut bytes = question.to_vec();
    bytes[2] |= 0x80;
    bytes[7] = 1;
    bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, number]);
    bytes
}

/// A question for the address of a name.
pub(super) fn question(id: u16) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    bytes.extend(b"\x03www\x07example\0\0\x01\0\x01");
    bytes
}

/// A client with a port of its own.
pub(super) struct Asker {
    pub(super) socket: UdpSocket,
    last_id: u16,
}

impl Asker {
    fn new(service: &Service) -> Self {
        Self::of(service.address())
    }

    /// One that takes answers from this address alone.
    pub(super) fn of(address: SocketAddr) -> Self {
        let own = if address.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
        let socket = UdpSocket::bind(own).expect("a socket");
        socket.connect(address).expect("an address");
        socket.set_read_timeout(Some(ASK_AGAIN)).expect("an option can be set");
        Self { socket, last_id: 0 }
    }

    /// Asks once; the number of the server that answers, or nothing in time.
    pub(super) fn try_ask(&mut self) -> Option<u8> {
        self.last_id += 1;
        let question = question(self.last_id);
        self.socket.send(&question).expect("a datagram can be sent");
        let mut buffer = [0; 512];
        loop {
            let length = self.socket.recv(&mut buffer).ok()?;
            let number = buffer[length - 1];
            // A late answer to an earlier question is none to this one.
            if buffer[..2] == question[..2] {
                assert_eq!(buffer[..length], answer(&question, number), "a wrong answer");
                return Some(number);
            }
        }
    }

    /// Asks until there is an answer, as clients do.
    #[track_caller]
    pub(super) fn ask(&mut self) -> u8 {
        wait_for(PATIENCE, "an answer", || self.try_ask())
    }
}

fn udp(servers: &[SocketAddr], of_service: &str, of_upstream: &str) -> Service {
    Service::start(config(servers, of_service, of_upstream))
}

fn config(servers: &[SocketAddr], of_service: &str, of_upstream: &str) -> impl FnOnce(SocketAddr) -> String {
    let text = format!("to = \"all\"\n{of_service}\n[upstream.all]\nservers = [{}]\n{of_upstream}\n", listed(servers));
    move |address| format!("workers = 2\nshutdown_grace = \"20s\"\n[[udp]]\nlisten = \"{address}\"\n{text}")
}

#[test]
fn each_session_keeps_its_server_and_all_servers_have_some() {
    let (one, two) = (NameServer::new(1), NameServer::new(2));
    let service = udp(&[one.address, two.address], "", "balance = \"round_robin\"");
    let mut askers: Vec<Asker> = (0..16).map(|_| Asker::new(&service)).collect();
    let first: Vec<u8> = askers.iter_mut().map(Asker::ask).collect();
    for _ in 0..5 {
        let again: Vec<u8> = askers.iter_mut().map(Asker::ask).collect();
        assert_eq!(again, first);
    }
    let ones = first.iter().filter(|number| **number == 1).count();
    assert!((4..=12).contains(&ones), "{first:?}");
    assert!(one.asked() + two.asked() >= 96);
}

#[test]
fn a_server_dies_and_its_sessions_go_on_at_the_other() {
    let (one, two) = (NameServer::new(1), NameServer::new(2));
    let service = udp(&[one.address, two.address], "", "balance = \"round_robin\"");
    let mut askers: Vec<Asker> = (0..8).map(|_| Asker::new(&service)).collect();
    askers.iter_mut().for_each(|asker| assert!(asker.ask() > 0));
    let address = one.address;
    drop(one);
    // The question that finds the server gone is lost at most; the next one goes elsewhere.
    for asker in &mut askers {
        let answers: Vec<Option<u8>> = (0..3).map(|_| asker.try_ask()).collect();
        assert_eq!(answers.iter().flatten().copied().max(), Some(2), "{answers:?}");
        assert!(answers.iter().filter(|answer| answer.is_none()).count() <= 1, "{answers:?}");
    }
    told(&service.evener, "udp_refused");
    let _back = NameServer::at(address, 3);
    wait_for(PATIENCE, "the server that is back has sessions", || (Asker::new(&service).ask() == 3).then_some(()));
}

#[test]
fn with_no_server_at_all_datagrams_are_dropped_and_served_once_there_is_one() {
    let address = free_address();
    let service = udp(&[address], "", "");
    let mut asker = Asker::new(&service);
    assert_eq!(asker.try_ask(), None);
    assert_eq!(asker.try_ask(), None);
    let _server = NameServer::at(address, 7);
    assert_eq!(asker.ask(), 7);
}

#[test]
fn long_and_empty_datagrams_pass_whole() {
    let address = free_address();
    let mirror = UdpSocket::bind(address).expect("a free port");
    mirror.set_read_timeout(Some(PATIENCE)).expect("an option can be set");
    let service = udp(&[address], "", "");
    let client = Asker::new(&service).socket;
    client.set_read_timeout(Some(PATIENCE)).expect("an option can be set");
    let mut buffer = vec![0; 65_536];
    for length in [1, 0, 1_472, 9_000, 65_507] {
        let sent = crate::harness::content::content(length, length);
        client.send(&sent).expect("a datagram can be sent");
        let (count, from) = mirror.recv_from(&mut buffer).expect("it arrives");
        assert!(buffer[..count] == sent, "{count} of {length} bytes");
        mirror.send_to(&sent, from).expect("it goes back");
        let count = client.recv(&mut buffer).expect("it comes back");
        assert!(buffer[..count] == sent, "{count} of {length} bytes");
    }
}

#[test]
fn sessions_are_bounded_over_all_workers_and_make_room_when_they_are_idle() {
    let server = NameServer::new(1);
    let service = udp(&[server.address], "max_sessions = 4\nidle_timeout = \"1m\"", "");
    let mut askers: Vec<Asker> = (0..4).map(|_| Asker::new(&service)).collect();
    let since = Instant::now();
    askers.iter_mut().for_each(|asker| assert!(asker.ask() > 0));
    // A machine that is slow must not make room by itself.
    let refused: Vec<Option<u8>> = (0..2).map(|_| Asker::new(&service).try_ask()).collect();
    if since.elapsed() < Duration::from_millis(900) {
        assert_eq!(refused, [None, None]);
    }
    told(&service.evener, "udp_sessions_full");
    // Those that were silent for a second make room, whichever worker has them.
    let mut others: Vec<Asker> = (0..4).map(|_| Asker::new(&service)).collect();
    others.iter_mut().for_each(|asker| assert_eq!(asker.ask(), 1));
    told(&service.evener, "udp_session_evicted");
}

#[test]
fn the_session_that_was_idle_for_longest_makes_room() {
    let server = NameServer::new(1);
    let servers = [server.address];
    let config = config(&servers, "max_sessions = 4\nidle_timeout = \"1m\"", "");
    let service = Service::start(|address| config(address).replace("workers = 2", "workers = 1"));
    let mut idle = Asker::new(&service);
    let mut busy: Vec<Asker> = (0..3).map(|_| Asker::new(&service)).collect();
    assert_eq!(idle.ask(), 1);
    let mut newcomer = Asker::new(&service);
    wait_for(PATIENCE, "there is room", || {
        busy.iter_mut().for_each(|asker| assert_eq!(asker.ask(), 1));
        newcomer.try_ask()
    });
    busy.iter_mut().for_each(|asker| assert_eq!(asker.ask(), 1));
    // Had one of the busy ones lost its session, it would have got another one.
    assert_eq!(server.sessions(), 5);
    // So does the one that was idle, in the place of the one that is next.
    assert_eq!(idle.ask(), 1);
    assert_eq!(server.sessions(), 6);
}

#[test]
fn a_session_ends_with_silence() {
    let server = NameServer::new(1);
    let service = udp(&[server.address], "idle_timeout = \"1s\"", "max_requests = 1");
    assert_eq!(Asker::new(&service).ask(), 1);
    // The server has one place, which the first session gives back.
    assert_eq!(Asker::new(&service).ask(), 1);
    assert_eq!(server.sessions(), 2);
}

#[test]
fn a_bound_on_requests_bounds_the_sessions_of_a_server() {
    let server = NameServer::new(1);
    let service = udp(&[server.address], "", "max_requests = 1");
    assert_eq!(Asker::new(&service).ask(), 1);
    assert_eq!(Asker::new(&service).try_ask(), None);
    told(&service.evener, "queue_full");
}

#[test]
fn a_reload_keeps_sessions_with_servers_that_stay() {
    let (one, two) = (NameServer::new(1), NameServer::new(2));
    let both = [one.address, two.address];
    let service = udp(&both, "", "balance = \"round_robin\"");
    let mut askers: Vec<Asker> = (0..8).map(|_| Asker::new(&service)).collect();
    let first: Vec<u8> = askers.iter_mut().map(Asker::ask).collect();
    service.reload(config(&both, "idle_timeout = \"1m\"", "balance = \"random\""));
    let second: Vec<u8> = askers.iter_mut().map(Asker::ask).collect();
    assert_eq!(second, first);
    // Without the first server its sessions go to the other, and lose nothing.
    service.reload(config(&both[1..], "", ""));
    let third: Vec<Option<u8>> = askers.iter_mut().map(Asker::try_ask).collect();
    assert_eq!(third, [Some(2); 8]);
}

#[test]
fn a_listener_that_goes_closes_its_sessions_and_comes_back() {
    let server = NameServer::new(1);
    let service = udp(&[server.address], "", "");
    let mut asker = Asker::new(&service);
    assert_eq!(asker.ask(), 1);
    service.reload(|_| String::from("workers = 2\n"));
    eventually(PATIENCE, "nobody answers any more", || asker.try_ask().is_none());
    wait_for(PATIENCE, "the port is free", || UdpSocket::bind(service.address()).ok().map(drop));
    service.reload(config(&[server.address], "", ""));
    assert_eq!(asker.ask(), 1);
}

#[test]
fn a_listener_that_comes_back_at_once_waits_for_sessions_without_an_answer() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let server = silent.local_addr().expect("it has an address");
    let service = udp(&[server], "", "");
    Asker::new(&service).socket.send(&question(1)).expect("a datagram can be sent");
    silent.set_read_timeout(Some(PATIENCE)).expect("an option can be set");
    silent.recv_from(&mut [0; 512]).expect("the session has begun");
    service.reload(|_| String::from("workers = 2\n"));
    let two = NameServer::new(2);
    service.reload(config(&[two.address], "", ""));
    assert!(!service.evener.process.stderr().contains("cannot"), "{}", service.evener.process.stderr());
    assert_eq!(Asker::new(&service).ask(), 2);
}

#[test]
fn the_start_names_listeners_of_datagrams() {
    let service = udp(&[free_address()], "", "");
    let expected = format!("listening on {}, {} over UDP\n", service.evener.address(), service.address());
    assert!(service.evener.process.stderr().contains(&expected), "{}", service.evener.process.stderr());
}

#[test]
fn a_server_that_checks_call_down_loses_its_sessions() {
    let (one, two) = (NameServer::new(1), NameServer::new(2));
    // The checks ask over TCP, at the same port.
    let listeners = [one.address, two.address].map(crate::harness::ports::listen);
    let health = "balance = \"first\"\nhealth = { every = \"100ms\", timeout = \"5s\", down = 1, up = 1 }";
    let service = udp(&[one.address, two.address], "", health);
    let mut asker = Asker::new(&service);
    wait_for(PATIENCE, "the first one serves", || (asker.ask() == 1).then_some(()));
    let [first, _second] = listeners;
    drop(first);
    wait_for(PATIENCE, "the second one serves", || (asker.ask() == 2).then_some(()));
}

#[test]
fn a_stop_waits_for_the_answer_to_the_last_question_and_not_for_silence() {
    let server = NameServer::new(1);
    let mut service = udp(&[server.address], "idle_timeout = \"1m\"", "");
    let mut askers: Vec<Asker> = (0..4).map(|_| Asker::new(&service)).collect();
    askers.iter_mut().for_each(|asker| assert!(asker.ask() > 0));
    service.evener.signal(Signal::TERM);
    let since = Instant::now();
    assert!(service.evener.process.wait_exit(PATIENCE).success());
    assert!(since.elapsed() < Duration::from_secs(15), "the grace is 20 s");
}

#[test]
fn a_port_in_use_is_an_error_that_says_so() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = taken.local_addr().expect("it has an address");
    let folder = crate::harness::evener::Folder::new();
    let path = folder.0.join("evener.toml");
    std::fs::write(&path, format!("[[udp]]\nlisten = \"{address}\"\nto = \"127.0.0.1:9\"\n"))
        .expect("it can be written");
    let finished = crate::harness::evener::evener(&["run", path.to_str().expect("a plain name")]);
    assert!(!finished.status.success());
    assert!(finished.stderr.contains(&format!("cannot listen on {address} over UDP")), "{}", finished.stderr);
    assert!(finished.stderr.contains("ss -lunp"), "{}", finished.stderr);
}
