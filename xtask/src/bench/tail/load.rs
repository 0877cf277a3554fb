//! The clients: requests are sent when the plan says so, whatever became of the earlier ones.
//!
//! Latency counts from the planned moment, so waiting for a connection or for this program is not
//! forgotten; by how much this program itself was late is recorded beside it.

use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::farm::{Filled, fill};
use super::plan::Arrival;
use super::poll::{Alarm, Interest, Poll};
use super::wire::{self, Response};

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fate {
    /// How it ended.
    pub(crate) end: End,
    /// Nanoseconds from the planned moment to that end.
    pub(crate) latency_ns: u64,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With an answer of this status.
    Answered(u16),
    /// The connection was refused, reset or ended.
    Broken,
    /// There was no answer within [`TIME_OUT`].
    TimedOut,
}

/// All clients of a run.
#[derive(Debug)]
pub(crate) struct Load {
    port: u16,
    plan: Vec<Arrival>,
    next: usize,
    fates: Vec<Option<Fate>>,
    unanswered: usize,
    connections: HashMap<u64, Connection>,
    idle: Vec<u64>,
    /// Requests for which there is no connection.
    waiting: VecDeque<usize>,
    /// Which connection carries a request.
    carriers: Vec<u64>,
    late_ns: Vec<u64>,
    crowded: usize,
}

/// What a run leaves.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The plan.
    pub(crate) plan: Vec<Arrival>,
    /// What became of each of its requests.
    pub(crate) fates: Vec<Fate>,
    /// By how much this program was late with each.
    pub(crate) late_ns: Vec<u64>,
    /// How many had to wait because every connection was in use.
    pub(crate) crowded: usize,
}

#[derive(Debug)]
struct Connection {
    socket: TcpStream,
    input: Vec<u8>,
    /// Whether it was still connecting when last looked at.
    is_connecting: bool,
    /// Which request it carries.
    request: Option<usize>,
}

impl Load {
    /// Clients that are to send this plan to a port.
    pub(crate) fn new(port: u16, plan: Vec<Arrival>, poll: &mut Poll) -> Self {
        if let Some(first) = plan.first() {
            poll.set(first.at_ns, Alarm::Send);
        }
        Self {
            port,
            next: 0,
            fates: vec![None; plan.len()],
            unanswered: plan.len(),
            connections: HashMap::new(),
            idle: Vec::new(),
            waiting: VecDeque::new(),
            carriers: vec![NOBODY; plan.len()],
            late_ns: Vec::with_capacity(plan.len()),
            crowded: 0,
            plan,
        }
    }

    /// Whether every request has met its fate.
    pub(crate) fn has_finished(&self) -> bool {
        self.unanswered == 0
    }

    /// What became of everything. What has no fate yet counts as timed out.
    pub(crate) fn finish(self) -> Finished {
        let late = Fate { end: End::TimedOut, latency_ns: TIME_OUT_NS };
        let fates = self.fates.into_iter().map(|fate| fate.unwrap_or(late)).collect();
        Finished { plan: self.plan, fates, late_ns: self.late_ns, crowded: self.crowded }
    }

    /// Sends every request whose time has come.
    pub(crate) fn send_due(&mut self, poll: &mut Poll) {
        while let Some(arrival) = self.plan.get(self.next).copied() {
            let now_ns = poll.now_ns();
            if arrival.at_ns > now_ns {
                poll.set(arrival.at_ns, Alarm::Send);
                return;
            }
            self.late_ns.push(now_ns - arrival.at_ns);
            poll.set(arrival.at_ns + TIME_OUT_NS, Alarm::TimeOut(self.next));
            self.dispatch(self.next, poll);
            self.next += 1;
        }
    }

    /// A request has waited long enough.
    pub(crate) fn time_out(&mut self, request: usize, poll: &mut Poll) {
        if self.fates[request].is_none() {
            self.connections.remove(&self.carriers[request]);
            self.settle(request, End::TimedOut, poll);
            self.dispatch_waiting(poll);
        }
    }

    /// A socket is ready; false if it is not one of these.
    pub(crate) fn ready(&mut self, id: u64, poll: &mut Poll) -> Result<bool, String> {
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(false) };
        if connection.is_connecting {
            connection.is_connecting = false;
            poll.rewatch(&connection.socket, id, Interest::Input)?;
            if let Some(request) = connection.request {
                self.write(id, request, poll);
            }
            return Ok(true);
        }
        let filled = fill(&mut connection.socket, &mut connection.input);
        self.look(id, filled, poll);
        Ok(true)
    }

    fn look(&mut self, id: u64, filled: Filled, poll: &mut Poll) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let response = wire::response(&connection.input, filled == Filled::Ended);
        match (connection.request, response, filled) {
            (Some(request), Response::Whole { status, length, keeps }, _) => {
                connection.input.drain(..length);
                connection.request = None;
                let keeps = keeps && filled == Filled::More && connection.input.is_empty();
                self.settle(request, End::Answered(status), poll);
                if keeps {
                    self.idle.push(id);
                } else {
                    self.connections.remove(&id);
                }
            }
            (Some(_), Response::Part, Filled::More) => return,
            (Some(request), _, _) => {
                self.connections.remove(&id);
                self.settle(request, End::Broken, poll);
            }
            // An idle connection that ends, or says what nobody asked for.
            (None, _, _) => drop(self.connections.remove(&id)),
        }
        self.dispatch_waiting(poll);
    }

    fn dispatch_waiting(&mut self, poll: &mut Poll) {
        while self.has_room() {
            let Some(request) = self.waiting.pop_front() else { return };
            if self.fates[request].is_none() {
                self.dispatch(request, poll);
            }
        }
    }

    fn has_room(&self) -> bool {
        !self.idle.is_empty() || self.connections.len() < CONNECTIONS_MAX
    }

    /// Puts a request on an idle connection, or a new one, or lets it wait.
    fn dispatch(&mut self, request: usize, poll: &mut Poll) {
        while let Some(id) = self.idle.pop() {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.request = Some(request);
                self.carriers[request] = id;
                return self.write(id, request, poll);
            }
        }
        if self.connections.len() >= CONNECTIONS_MAX {
            self.crowded += 1;
            self.waiting.push_back(request);
            return;
        }
        match self.connect(request, poll) {
            Ok((id, Interest::Input)) => self.write(id, request, poll),
            Ok((_, Interest::Connected)) => {}
            Err(_) => self.settle(request, End::Broken, poll),
        }
    }

    fn connect(&mut self, request: usize, poll: &mut Poll) -> Result<(u64, Interest), String> {
        let fault = |error: Errno| format!("no connection: {error}");
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).map_err(fault)?;
        let interest = match connect(&socket, &SocketAddrV4::new([127, 0, 0, 1].into(), self.port)) {
            Ok(()) => Interest::Input,
            Err(Errno::INPROGRESS) => Interest::Connected,
            Err(error) => return Err(fault(error)),
        };
        let socket = TcpStream::from(socket);
        socket.set_nodelay(true).map_err(|error| format!("no connection: {error}"))?;
        let id = poll.watch(&socket, interest)?;
        self.carriers[request] = id;
        let is_connecting = interest == Interest::Connected;
        let connection = Connection { socket, input: Vec::new(), is_connecting, request: Some(request) };
        self.connections.insert(id, connection);
        Ok((id, interest))
    }

    fn write(&mut self, id: u64, request: usize, poll: &Poll) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let demand_ns = self.plan[request].demand_ns;
        let bytes = format!("GET /work HTTP/1.1\r\nHost: bench.local\r\nX-Demand: {demand_ns}\r\n\r\n");
        // Smaller than any socket's buffer: a short write means a dead peer.
        if !matches!(connection.socket.write(bytes.as_bytes()), Ok(length) if length == bytes.len()) {
            self.connections.remove(&id);
            self.settle(request, End::Broken, poll);
        }
    }

    fn settle(&mut self, request: usize, end: End, poll: &Poll) {
        let latency_ns = match end {
            End::TimedOut => TIME_OUT_NS,
            End::Answered(_) | End::Broken => poll.now_ns().saturating_sub(self.plan[request].at_ns),
        };
        if self.fates[request].replace(Fate { end, latency_ns }).is_none() {
            self.unanswered -= 1;
        }
    }
}

/// How long a client waits.
pub(crate) const TIME_OUT: Duration = Duration::from_secs(5);
#[expect(clippy::cast_possible_truncation, reason = "seconds")]
const TIME_OUT_NS: u64 = TIME_OUT.as_nanos() as u64;
/// More than any scenario keeps busy, except those in which everything is late anyway.
const CONNECTIONS_MAX: usize = 8000;
/// No connection has this number.
const NOBODY: u64 = 0;
