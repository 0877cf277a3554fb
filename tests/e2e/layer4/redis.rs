//! A real `redis-server` behind evener, under load while servers are killed and come back: connections may be lost,
//! answers are never wrong.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::{Service, SetOnDrop, service};
use crate::harness::client::RawClient;
use crate::harness::content::content;
use crate::harness::ports::free_address;
use crate::harness::process::Process;
use crate::harness::wait::{PATIENCE, wait_for};

/// Clients at once.
const CLIENTS: usize = 8;
/// How often a server is killed.
const KILLS: usize = 4;

fn redis(address: SocketAddr) -> Process {
    let mut command = Command::new("redis-server");
    command.args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()]);
    command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]).current_dir(std::env::temp_dir());
    let mut process = Process::start(&mut command);
    process.wait_until_accepting(address);
    process
}

/// A command as Redis reads it.
fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).into_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// What Redis answers to a GET.
fn bulk(value: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat()
}

/// Asks over one connection until it is lost; every answer that comes must be right, and is counted.
fn ask(client: &mut RawClient, number: usize, is_over: &AtomicBool, answers: &AtomicUsize) {
    for round in 0.. {
        if is_over.load(Ordering::Acquire) {
            break;
        }
        let key = format!("key-{number}");
        // Short ones mostly, and now and then one that fills many reads.
        let value = content(number * 1_000 + round, if round % 50 == 49 { 200_000 } else { 100 });
        let wanted = [b"+OK\r\n".to_vec(), bulk(&value)].concat();
        let commands = [command(&[b"SET", key.as_bytes(), &value]), command(&[b"GET", key.as_bytes()])].concat();
        if client.try_send(&commands).is_err() {
            break;
        }
        let Ok(got) = client.try_bytes(wanted.len()) else { break };
        // A server that begins tells so, and a client has to begin anew.
        if got.starts_with(b"-LOADING") {
            break;
        }
        assert!(got == wanted, "a wrong answer: {:?}", String::from_utf8_lossy(&got[..got.len().min(200)]));
        answers.fetch_add(1, Ordering::AcqRel);
    }
}

#[test]
fn answers_are_right_while_servers_are_killed_and_come_back() {
    let addresses = [free_address(), free_address()];
    let mut servers = addresses.map(redis);
    let service = service(&addresses, "", "");
    let is_over = AtomicBool::new(false);
    let (answers, losses) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        let _end = SetOnDrop(&is_over);
        for number in 0..CLIENTS {
            let (service, is_over, answers, losses): (&Service, _, _, _) = (&service, &is_over, &answers, &losses);
            scope.spawn(move || {
                while !is_over.load(Ordering::Acquire) {
                    // A reset may come so fast that the client sees no more of it.
                    if let Ok(mut client) = RawClient::try_connect(service.address()) {
                        ask(&mut client, number, is_over, answers);
                    }
                    losses.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        for kill in 0..KILLS {
            let before = answers.load(Ordering::Acquire);
            wait_for(PATIENCE, "answers", || (answers.load(Ordering::Acquire) > before + 100).then_some(()));
            servers[kill % 2].kill();
            // The other goes on alone.
            let before = answers.load(Ordering::Acquire);
            wait_for(PATIENCE, "answers", || (answers.load(Ordering::Acquire) > before + 100).then_some(()));
            servers[kill % 2] = redis(addresses[kill % 2]);
        }
    });
    let (answers, losses) = (answers.into_inner(), losses.into_inner());
    assert!(answers > 100, "{answers} answers, {losses} connections");
    assert!(losses > CLIENTS, "some connections were lost: {losses}");
    // Both serve again.
    let mut client = service.connect();
    assert_eq!(client.send(command(&[b"PING"])).bytes(7), b"+PONG\r\n");
}

#[test]
fn a_subscription_gets_its_messages_and_ends_with_its_server() {
    let address = free_address();
    let mut server = redis(address);
    let service = service(&[address], "", "");
    let mut listener = service.connect();
    listener.send(command(&[b"SUBSCRIBE", b"news"]));
    let confirmation = b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n";
    assert_eq!(listener.bytes(confirmation.len()), confirmation);
    let mut speaker = service.connect();
    for number in 0..10 {
        let text = format!("message {number}");
        assert_eq!(speaker.send(command(&[b"PUBLISH", b"news", text.as_bytes()])).bytes(4), b":1\r\n");
        let message = [&b"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n"[..], &bulk(text.as_bytes())].concat();
        assert_eq!(listener.bytes(message.len()), message);
    }
    server.kill();
    // Silence would be the worst.
    let (rest, _) = listener.rest();
    assert_eq!(rest, b"");
}
