//! The port registry: hands out ports of 127.0.0.1 that nobody else uses, never one twice.
//!
//! Ports come in blocks. A process holds a block through a lock on a file in the temporary
//! folder, so several test processes can run at once; the lock ends with the process. The range
//! lies below the one from which the kernel takes ports for outgoing connections.

use std::fs::{File, TryLockError};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Mutex;

use socket2::{Domain, Socket, Type};

use super::wait::{PATIENCE, wait_for};

const RANGE: Range<u16> = 12_000..32_000;
const BLOCK_SIZE: u16 = 50;
const BACKLOG: i32 = 4096;

/// The block in use: its ports not yet handed out, and the lock that makes it ours.
struct Registry {
    ports: Range<u16>,
    next_block: u16,
    locks: Vec<File>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { ports: 0..0, next_block: RANGE.start, locks: Vec::new() });

/// An address of this machine on which nothing listens; nobody else gets it during this run.
pub(crate) fn free_address() -> SocketAddr {
    let mut registry = REGISTRY.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    loop {
        let Some(port) = registry.ports.next() else {
            registry.take_block();
            continue;
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        // A program that knows nothing of the registry may sit on the port.
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// A listening socket of a test's own server, at an address from [`free_address`].
///
/// Its queue is long: with the 128 of the standard library hundreds of connections at once overflow it on a busy
/// machine, the kernel drops some, and a repeated SYN comes after evener's time-out.
pub(crate) fn listen(address: SocketAddr) -> TcpListener {
    // Where a server comes back, a child that is just being started may still hold the old socket until it is replaced
    // by its program.
    wait_for(PATIENCE, "the registry's port is free", || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("an option can be set");
        socket.bind(&address.into()).and_then(|()| socket.listen(BACKLOG)).ok()?;
        Some(socket.into())
    })
}

impl Registry {
    /// Locks the next block that no other process holds.
    fn take_block(&mut self) {
        loop {
            let first = self.next_block;
            assert!(first < RANGE.end, "all blocks of ports are in use");
            self.next_block += BLOCK_SIZE;
            let file = File::create(lock_path(first)).expect("a lock file can be made");
            match file.try_lock() {
                Ok(()) => {
                    self.locks.push(file);
                    self.ports = first..first + BLOCK_SIZE;
                    return;
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => panic!("cannot lock a block of ports: {error}"),
            }
        }
    }
}

fn lock_path(first_port: u16) -> PathBuf {
    let folder = std::env::temp_dir().join("evener-test-ports");
    std::fs::create_dir_all(&folder).expect("the folder of the port registry can be made");
    folder.join(first_port.to_string())
}
