//! The scripted servers' sockets: listeners, connections, and the counts of what reached them.
//!
//! What a server does with a request is decided in `desk.rs`. Everything happens on the thread of
//! the event loop.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};

use super::desk::{Answer, Desk, Due, Outcome, Ticket};
use super::plan::Random;
use super::poll::{Alarm, Interest, Poll};
use super::script::{Change, Role, WORKERS};
use super::wire;

/// All servers of a run.
#[derive(Debug)]
pub(crate) struct Farm {
    servers: Vec<Server>,
    listeners: HashMap<u64, usize>,
    connections: HashMap<u64, Connection>,
    draws: Random,
}

#[derive(Debug)]
struct Server {
    port: u16,
    listener: Option<(u64, TcpListener)>,
    desk: Desk,
    /// When requests came, nanoseconds.
    arrivals: Vec<u64>,
}

#[derive(Debug)]
struct Connection {
    server: usize,
    socket: TcpStream,
    input: Vec<u8>,
    /// The number of the request that is being worked on; a further one waits in `input`.
    number: u64,
    is_busy: bool,
}

impl Farm {
    /// Starts servers on ports that nobody uses.
    pub(crate) fn open(roles: &[Role], seed: u64, poll: &mut Poll) -> Result<Self, String> {
        let mut farm = Self {
            servers: Vec::new(),
            listeners: HashMap::new(),
            connections: HashMap::new(),
            draws: Random::new(seed),
        };
        for (index, role) in roles.iter().enumerate() {
            let listener = listen_anywhere()?;
            let port = listener.local_addr().map_err(|error| format!("a server: {error}"))?.port();
            let desk = Desk::new(WORKERS as usize, role.speed);
            farm.servers.push(Server { port, listener: None, desk, arrivals: Vec::new() });
            farm.adopt(index, listener, poll)?;
        }
        Ok(farm)
    }

    /// Where the servers listen.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.servers.iter().map(|server| server.port).collect()
    }

    /// When requests came to each server.
    pub(crate) fn into_arrivals(self) -> Vec<Vec<u64>> {
        self.servers.into_iter().map(|server| server.arrivals).collect()
    }

    /// A socket is ready.
    pub(crate) fn ready(&mut self, id: u64, poll: &mut Poll) -> Result<(), String> {
        if let Some(&server) = self.listeners.get(&id) {
            return self.accept(server, poll);
        }
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        match fill(&mut connection.socket, &mut connection.input) {
            Filled::More => self.read(id, poll),
            Filled::Ended => self.close(id),
        }
        Ok(())
    }

    /// Something that a server wanted to do is due.
    pub(crate) fn work(&mut self, server: usize, due: Due, poll: &mut Poll) {
        let now_ns = poll.now_ns();
        match self.servers[server].desk.come(due, now_ns) {
            Outcome::Nothing => {}
            Outcome::Later(later) => poll.set(later.at_ns, Alarm::Work(server, later)),
            Outcome::Send(answer) => {
                self.start_waiting(server, poll);
                self.answer(server, due.ticket, answer, poll);
            }
        }
    }

    /// Lets free workers of a server begin with what waits.
    pub(crate) fn start_waiting(&mut self, server: usize, poll: &mut Poll) {
        while let Some(due) = self.servers[server].desk.next(poll.now_ns()) {
            poll.set(due.at_ns, Alarm::Work(server, due));
        }
    }

    /// The script changes a server.
    pub(crate) fn change(&mut self, server: usize, change: Change, poll: &mut Poll) -> Result<(), String> {
        self.servers[server].desk.change(change, poll.now_ns());
        match change {
            Change::Speed(_) | Change::Fail(_) => {}
            Change::Freeze(_) => poll.set(self.servers[server].desk.frozen_until_ns(), Alarm::Thaw(server)),
            Change::Kill => self.kill(server),
            Change::Open => self.adopt(server, listen_on(self.servers[server].port)?, poll)?,
        }
        Ok(())
    }

    fn kill(&mut self, server: usize) {
        if let Some((id, _)) = self.servers[server].listener.take() {
            self.listeners.remove(&id);
        }
        let all = std::mem::take(&mut self.connections);
        let (dead, alive): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, connection)| connection.server == server);
        self.connections = alive.into_iter().collect();
        for (_, connection) in dead {
            // A process that is killed with unread bytes resets its connections; zero linger does it always.
            let _ = sockopt::set_socket_linger(&connection.socket, Some(Duration::ZERO));
        }
    }

    fn adopt(&mut self, server: usize, listener: TcpListener, poll: &mut Poll) -> Result<(), String> {
        let id = poll.watch(&listener, Interest::Input)?;
        self.listeners.insert(id, server);
        self.servers[server].listener = Some((id, listener));
        Ok(())
    }

    fn accept(&mut self, server: usize, poll: &mut Poll) -> Result<(), String> {
        let Some((_, listener)) = &self.servers[server].listener else { return Ok(()) };
        while let Ok((socket, _)) = listener.accept() {
            let usable = socket.set_nonblocking(true).and_then(|()| socket.set_nodelay(true));
            if usable.is_err() {
                continue;
            }
            let id = poll.watch(&socket, Interest::Input)?;
            let connection = Connection { server, socket, input: Vec::new(), number: 0, is_busy: false };
            self.connections.insert(id, connection);
        }
        Ok(())
    }

    /// Takes the next request from a connection's input, if none of it is being worked on.
    fn read(&mut self, id: u64, poll: &mut Poll) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.is_busy {
            return;
        }
        let Some((length, demand_ns)) = wire::request(&connection.input) else { return };
        connection.input.drain(..length);
        connection.is_busy = true;
        connection.number += 1;
        let ticket = Ticket { connection: id, number: connection.number };
        let index = connection.server;
        let now_ns = poll.now_ns();
        let server = &mut self.servers[index];
        server.arrivals.push(now_ns);
        if let Some(due) = server.desk.arrive(ticket, demand_ns, self.draws.unit(), now_ns) {
            poll.set(due.at_ns, Alarm::Work(index, due));
        }
    }

    fn answer(&mut self, server: usize, ticket: Ticket, answer: Answer, poll: &mut Poll) {
        let Some(connection) = self.connections.get_mut(&ticket.connection) else { return };
        if connection.number != ticket.number {
            return;
        }
        connection.is_busy = false;
        let bytes = match answer {
            Answer::Done => {
                format!("HTTP/1.1 200 OK\r\nContent-Length: 128\r\nX-Server: {server}\r\n\r\n{}", "x".repeat(128))
            }
            Answer::Failed => {
                format!("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 7\r\nX-Server: {server}\r\n\r\nfailed\n")
            }
        };
        // The answer is smaller than any socket's buffer, so a short write means a dead peer.
        match connection.socket.write(bytes.as_bytes()) {
            Ok(length) if length == bytes.len() => self.read(ticket.connection, poll),
            _ => self.close(ticket.connection),
        }
    }

    fn close(&mut self, id: u64) {
        if let Some(connection) = self.connections.remove(&id) {
            self.servers[connection.server].desk.forget(id);
        }
    }
}

/// What reading from a socket found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    /// It is open still.
    More,
    /// The peer ended or reset it.
    Ended,
}

/// Reads what a socket has to give now.
pub(crate) fn fill(socket: &mut TcpStream, input: &mut Vec<u8>) -> Filled {
    let mut bytes = [0; 4096];
    loop {
        match socket.read(&mut bytes) {
            Ok(0) => return Filled::Ended,
            Ok(length) => {
                input.extend_from_slice(&bytes[..length]);
                if length < bytes.len() {
                    return Filled::More;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Filled::More,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Filled::Ended,
        }
    }
}

/// A port below those that the kernel gives to outgoing connections: while a killed server is away,
/// nobody else may get its port, least of all a connection to itself.
fn listen_anywhere() -> Result<TcpListener, String> {
    let first = PORTS.start + u16::try_from(std::process::id() % 64).unwrap_or(0) * 100;
    let mut candidates = (first..PORTS.end).chain(PORTS.start..first);
    candidates.find_map(|port| listen_on(port).ok()).ok_or_else(|| "no free port for a server".to_owned())
}

fn listen_on(port: u16) -> Result<TcpListener, String> {
    let fault = |error| format!("port {port}: {error}");
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).map_err(fault)?;
    sockopt::set_socket_reuseaddr(&socket, true).map_err(fault)?;
    bind(&socket, &SocketAddrV4::new([127, 0, 0, 1].into(), port)).map_err(fault)?;
    listen(&socket, BACKLOG).map_err(fault)?;
    Ok(TcpListener::from(socket))
}

const PORTS: std::ops::Range<u16> = 20_000..30_000;
const BACKLOG: i32 = 4096;
