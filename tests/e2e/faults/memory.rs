//! Memory after a burst: what many clients made evener hold goes back to the system once they are gone.

use std::io::Write;
use std::time::Duration;

use crate::harness::Evener;
use crate::harness::certificates::{Authority, Files};
use crate::harness::frame::{END_HEADERS, END_STREAM, PREFACE, headers, settings, window_update};
use crate::harness::socket::{Secrets, Socket};
use crate::harness::wait::{PATIENCE, eventually};

use super::MEMORY_LEFT_BYTES_MAX;
use super::slow_clients::fountain;

const NAME: &str = "test";
const CLIENTS: usize = 160;
const STREAMS: u32 = 6;
const BODY_BYTES: usize = 4 << 20;
/// What the burst makes evener hold at least.
const BURST_BYTES_MIN: u64 = 2 * MEMORY_LEFT_BYTES_MAX;
/// Evener looks every two seconds, once more to see that the burst is over, and not more often than every ten seconds.
const GIVEN_BACK: Duration = Duration::from_secs(25);

/// A client of HTTP/2 under TLS that asks for much, lets everything be sent, and reads nothing.
#[track_caller]
fn ask_and_read_nothing(evener: &Evener, secrets: &Secrets) -> Socket {
    const LARGEST: u32 = (1 << 31) - 1;
    let mut client = Socket::connect(evener.address(), PATIENCE, secrets).expect("a handshake");
    // The test is about evener's memory, not about the kernel's.
    socket2::SockRef::from(client.tcp()).set_recv_buffer_size(4096).expect("a size can be set");
    let mut bytes = [PREFACE, &settings(&[(4, LARGEST)]), &window_update(0, LARGEST - 65_535)].concat();
    let head = [(":method", "GET"), (":scheme", "https"), (":authority", NAME), (":path", "/")];
    for number in 0..STREAMS {
        bytes.extend(headers(2 * number + 1, END_HEADERS | END_STREAM, &head));
    }
    client.write_all(&bytes).expect("evener reads");
    client
}

#[test]
fn what_a_burst_took_goes_back_when_it_is_over() {
    let server = fountain(BODY_BYTES);
    let authority = Authority::new();
    let Files { cert, key } = authority.issue(NAME);
    let evener = Evener::start(&format!(
        "workers = 2\n[[site]]\nlisten = \"{{listen}}\"\nredirect_from = []\ntls = {{ cert = {cert:?}, key = {key:?} }}\n\
         to = \"{server}\"\n"
    ));
    let secrets = Secrets::trusting(&authority, NAME, "h2");
    let before = evener.process.rss_bytes();
    let clients: Vec<Socket> = (0..CLIENTS).map(|_| ask_and_read_nothing(&evener, &secrets)).collect();
    eventually(PATIENCE, "the burst is held", || evener.process.rss_bytes() > before + BURST_BYTES_MIN);
    drop(clients);
    let bound = before + MEMORY_LEFT_BYTES_MAX;
    eventually(GIVEN_BACK, "the memory is given back", || evener.process.rss_bytes() < bound);
}
