//! A peer of HTTP/2 that speaks in frames: it sends exactly the frames it is given, good or bad, and reads what comes
//! back. It can be a client or a server.
//!
//! It keeps no rules of its own. What it does unasked is said in [`Manners`].

mod body;
mod heard;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

pub(crate) use heard::{Event, Message, Outcome, value};

pub(crate) use super::frame::*;
use super::hpack::BlockReader;
use super::socket::Secrets;
use super::wait::PATIENCE;
use super::wire::Wire;

/// What a peer does without being asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manners {
    /// It acknowledges SETTINGS and answers PING.
    pub(crate) replies: bool,
    /// It gives back the room that DATA took.
    pub(crate) grants: bool,
}

/// One side of a connection.
pub(crate) struct FramePeer {
    wire: Wire,
    /// What a client's requests have for `:scheme`.
    scheme: &'static str,
    pub(crate) manners: Manners,
    pub(crate) next_stream: u32,
    messages: HashMap<u32, Message>,
    /// What the other side has told to be the end, if it did.
    leave: Option<(u32, u32)>,
    is_closed: bool,
    /// Room for DATA that the other side has given, on the connection and on each stream.
    room: i64,
    rooms: HashMap<u32, i64>,
    initial_room: i64,
    /// The largest piece of a body that it sends in one frame, padding included.
    pub(crate) piece_bytes_max: usize,
    /// What each frame of a body is padded with.
    pub(crate) padding: Option<u8>,
    reader: BlockReader,
    /// What our SETTINGS say of the dynamic table, for each of those that wait to be acknowledged.
    tables: VecDeque<usize>,
    /// A block that is not over.
    block: Option<Block>,
    /// The longest payload that has come.
    pub(crate) payload_bytes_most: usize,
}

/// A block of fields as far as it has come.
struct Block {
    stream: u32,
    /// HEADERS had END_STREAM.
    is_end: bool,
    bytes: Vec<u8>,
}

impl FramePeer {
    /// A client that has said hello, and asks for no dynamic table unless the settings say so.
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::connect_with(address, &[])
    }

    /// The same with further settings.
    #[track_caller]
    pub(crate) fn connect_with(address: SocketAddr, values: &[(u16, u32)]) -> Self {
        let mut peer = Self::silent(address);
        peer.say_hello(values);
        peer
    }

    /// The same under TLS.
    #[track_caller]
    pub(crate) fn connect_secured(address: SocketAddr, secrets: &Secrets, values: &[(u16, u32)]) -> Self {
        let mut peer = match Wire::connect_secured(address, PATIENCE, secrets) {
            Ok(wire) => Self { scheme: "https", ..Self::over(wire) },
            Err(error) => panic!("cannot connect to {address} under TLS: {error}"),
        };
        peer.say_hello(values);
        peer
    }

    /// The same on a connection that stands.
    #[track_caller]
    pub(crate) fn on(stream: TcpStream, values: &[(u16, u32)]) -> Self {
        let mut peer = Self::over(Wire::new(stream, PATIENCE).expect("a connected socket"));
        peer.say_hello(values);
        peer
    }

    #[track_caller]
    fn say_hello(&mut self, values: &[(u16, u32)]) {
        let hello = [PREFACE, &self.first_settings(values)].concat();
        self.send(hello);
    }

    /// No dynamic table, unless these settings ask for one.
    fn first_settings(&mut self, values: &[(u16, u32)]) -> Vec<u8> {
        let table = values.iter().find(|(setting, _)| *setting == HEADER_TABLE_SIZE);
        self.tables.push_back(table.map_or(0, |(_, bytes)| *bytes as usize));
        let own = if table.is_none() { &[(HEADER_TABLE_SIZE, 0)][..] } else { &[] };
        settings(&[own, values].concat())
    }

    /// Lets the other side compress with a dynamic table of so many bytes from now on. SETTINGS that are sent otherwise must
    /// be acknowledged before.
    #[track_caller]
    pub(crate) fn allow_table(&mut self, bytes: u32) {
        self.tables.push_back(bytes as usize);
        self.send(settings(&[(HEADER_TABLE_SIZE, bytes)]));
    }

    /// Whether the other side has put a field of that name into the dynamic table.
    pub(crate) fn has_learnt(&self, name: &str) -> bool {
        self.reader.has_learnt(name)
    }

    /// A connection on which nothing was said.
    #[track_caller]
    pub(crate) fn silent(address: SocketAddr) -> Self {
        match Wire::connect(address, PATIENCE) {
            Ok(wire) => Self::over(wire),
            Err(error) => panic!("cannot connect to {address}: {error}"),
        }
    }

    /// A client on a connection on which nothing was said; it reads answers as one that has sent these settings.
    pub(crate) fn mute(wire: Wire, scheme: &'static str, values: &[(u16, u32)]) -> Self {
        let mut peer = Self { scheme, ..Self::over(wire) };
        drop(peer.first_settings(values));
        peer
    }

    /// The server's side of the next connection, up to and with our SETTINGS.
    pub(crate) fn accept(listener: &TcpListener, values: &[(u16, u32)]) -> io::Result<Self> {
        Self::serve(listener.accept()?.0, values)
    }

    /// The server's side of a connection that stands.
    pub(crate) fn serve(stream: TcpStream, values: &[(u16, u32)]) -> io::Result<Self> {
        let mut peer = Self::over(Wire::new(stream, PATIENCE)?);
        let mut preface = Vec::new();
        peer.wire.exactly(PREFACE.len(), &mut |piece| preface.extend_from_slice(piece))?;
        if preface != PREFACE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no preface"));
        }
        let hello = peer.first_settings(values);
        peer.try_send(hello)?;
        Ok(peer)
    }

    fn over(wire: Wire) -> Self {
        Self {
            wire,
            scheme: "http",
            manners: Manners { replies: true, grants: true },
            next_stream: 1,
            messages: HashMap::new(),
            leave: None,
            is_closed: false,
            room: 65_535,
            rooms: HashMap::new(),
            initial_room: 65_535,
            piece_bytes_max: FRAME_BYTES,
            padding: None,
            reader: BlockReader::new(),
            tables: VecDeque::new(),
            block: None,
            payload_bytes_most: 0,
        }
    }

    /// Waits at most so long from now on.
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.wire.set_patience(patience);
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        if let Err(error) = self.try_send(bytes) {
            panic!("cannot send: {error}");
        }
    }

    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.wire.send(bytes.as_ref())
    }

    /// Sends a head on a new stream; returns its number.
    #[track_caller]
    pub(crate) fn open<N: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, flags: u8, fields: &[(N, V)]) -> u32 {
        let stream = self.take_stream();
        self.send(headers(stream, flags, fields));
        stream
    }

    /// The number of the next stream.
    pub(crate) fn take_stream(&mut self) -> u32 {
        self.next_stream += 2;
        self.next_stream - 2
    }

    /// A GET with nothing but what is needed.
    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> u32 {
        let head = self.request("GET", path);
        self.open(END_STREAM, &head)
    }

    /// The head of a plain request.
    pub(crate) fn request<'a>(&self, method: &'a str, path: &'a str) -> [(&'a str, &'a str); 4] {
        let [method, (scheme, _), authority, path] = request(method, path);
        [method, (scheme, self.scheme), authority, path]
    }

    /// The next frame; `None` at the end of the connection.
    pub(crate) fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        match self.wire.has_more() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(error),
        }
        let mut bytes = Vec::with_capacity(9);
        self.wire.exactly(9, &mut |piece| bytes.extend_from_slice(piece))?;
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        let stream = u32::from_be_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]);
        let mut payload = Vec::with_capacity(length);
        self.wire.exactly(length, &mut |piece| payload.extend_from_slice(piece))?;
        self.payload_bytes_most = self.payload_bytes_most.max(length);
        Ok(Some(Frame { kind: bytes[3], flags: bytes[4], stream, payload }))
    }

    /// What comes next. SETTINGS, PING and WINDOW_UPDATE are dealt with and passed over.
    pub(crate) fn event(&mut self) -> io::Result<Event> {
        loop {
            if let Some(event) = self.next_frame_noted()? {
                return Ok(event);
            }
        }
    }

    fn take(&mut self, frame: Frame) -> io::Result<Option<Event>> {
        let Frame { kind, flags, stream, .. } = frame;
        let is_end = flags & END_STREAM != 0;
        if self.block.as_ref().is_some_and(|block| kind != CONTINUATION || stream != block.stream) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("within a block of fields: {frame:?}")));
        }
        match kind {
            HEADERS | CONTINUATION => {
                let mut block = self.block.take().unwrap_or(Block { stream, is_end, bytes: Vec::new() });
                block.bytes.extend_from_slice(&frame.payload);
                self.messages.entry(stream).or_default();
                if flags & END_HEADERS == 0 {
                    self.block = Some(block);
                    return Ok(None);
                }
                self.take_block(&block).map(Some)
            }
            DATA => {
                let count = u32::try_from(frame.payload.len()).expect("frames are short");
                if self.manners.grants && count > 0 {
                    let stream_too = if is_end { Vec::new() } else { window_update(stream, count) };
                    // The other side may have gone since.
                    drop(self.try_send([window_update(0, count), stream_too].concat()));
                }
                Ok(Some(Event::Data { stream, bytes: frame.payload, is_end }))
            }
            RST_STREAM => Ok(Some(Event::Reset { stream, code: number(&frame.payload) })),
            GOAWAY => {
                let (last, code) = (number(&frame.payload), number(&frame.payload[4..]));
                Ok(Some(Event::Leave { last, code }))
            }
            WINDOW_UPDATE => {
                let by = i64::from(number(&frame.payload));
                match stream {
                    0 => self.room += by,
                    stream => *self.rooms.entry(stream).or_insert(self.initial_room) += by,
                }
                Ok(None)
            }
            SETTINGS | PING => {
                self.reply(kind, flags, &frame.payload);
                Ok(None)
            }
            _ => Ok(Some(Event::Other(frame))),
        }
    }

    fn take_block(&mut self, block: &Block) -> io::Result<Event> {
        let Block { stream, is_end, ref bytes } = *block;
        let fields = self.reader.read(bytes)?;
        self.messages.entry(stream).or_default().block_bytes.push(bytes.len());
        Ok(Event::Head { stream, fields, is_end })
    }

    fn reply(&mut self, kind: u8, flags: u8, payload: &[u8]) {
        if flags & ACK != 0 {
            if kind == SETTINGS
                && let Some(bytes) = self.tables.pop_front()
            {
                self.reader.limit(bytes);
            }
            return;
        }
        if kind == SETTINGS {
            for value in payload.chunks_exact(6).filter(|value| value[..2] == [0, 4]) {
                self.initial_room = i64::from(number(&value[2..]));
            }
        }
        if self.manners.replies {
            let echoed = if kind == PING { payload } else { &[] };
            // The other side may have gone since.
            drop(self.try_send(frame(kind, ACK, 0, echoed)));
        }
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Head { stream, fields, is_end } => {
                let message = self.messages.entry(*stream).or_default();
                message.heads.push(fields.clone());
                message.outcome = is_end.then_some(Outcome::Ended);
            }
            Event::Data { stream, bytes, is_end } => {
                let message = self.messages.entry(*stream).or_default();
                message.body.extend_from_slice(bytes);
                message.outcome = is_end.then_some(Outcome::Ended);
            }
            Event::Reset { stream, code } => {
                let message = self.messages.entry(*stream).or_default();
                // A reset after the end of an answer tells that the rest of the request is not wanted.
                message.outcome = message.outcome.or(Some(Outcome::Reset(*code)));
            }
            Event::Leave { last, code } => self.leave = Some((*last, *code)),
            Event::Closed | Event::Other(_) => {}
        }
    }

    /// What a stream has brought so far.
    pub(crate) fn so_far(&self, stream: u32) -> Message {
        self.messages.get(&stream).cloned().unwrap_or_default()
    }

    /// The whole message on a stream, or what there is of it when its stream or connection ends.
    #[track_caller]
    pub(crate) fn message(&mut self, stream: u32) -> Message {
        match self.try_message(stream) {
            Ok(message) => message,
            Err(error) => panic!("stream {stream}: {error}, after {:?}", self.so_far(stream)),
        }
    }

    pub(crate) fn try_message(&mut self, stream: u32) -> io::Result<Message> {
        loop {
            if let Some(message) = self.messages.get(&stream)
                && message.outcome.is_some()
            {
                return Ok(message.clone());
            }
            if self.is_closed {
                let outcome = self.ending();
                return Ok(Message { outcome: Some(outcome), ..self.so_far(stream) });
            }
            self.event()?;
        }
    }

    fn ending(&self) -> Outcome {
        self.leave.map_or(Outcome::Closed, |(_, code)| Outcome::GoneAway(code))
    }

    /// Reads to the end of the connection; tells how it ended.
    pub(crate) fn rest(&mut self) -> io::Result<Outcome> {
        while !self.is_closed {
            self.event()?;
        }
        Ok(self.ending())
    }

    /// Whether the connection has ended, as far as it was read.
    pub(crate) fn is_over(&self) -> bool {
        self.is_closed
    }

    /// Takes one frame, whatever it is; what it brought, unless it was dealt with.
    pub(crate) fn next_frame_noted(&mut self) -> io::Result<Option<Event>> {
        let Some(frame) = self.next_frame()? else {
            self.is_closed = true;
            return Ok(Some(Event::Closed));
        };
        let event = self.take(frame)?;
        if let Some(event) = &event {
            self.note(event);
        }
        Ok(event)
    }

    /// The GOAWAY that has come: its last stream and its code.
    pub(crate) fn leave(&self) -> Option<(u32, u32)> {
        self.leave
    }

    /// A PING comes back, so that everything sent before has been seen.
    #[track_caller]
    pub(crate) fn expect_alive(&mut self, what: &str) {
        self.send(frame(PING, 0, 0, b"areyouup"));
        loop {
            match self.next_frame() {
                Ok(Some(Frame { kind: PING, flags: ACK, payload, .. })) if payload == b"areyouup" => return,
                Ok(Some(frame)) => {
                    let event = self.take(frame).unwrap_or_else(|error| panic!("{what}: {error}"));
                    if let Some(event) = event {
                        self.note(&event);
                    }
                }
                other => panic!("{what}: no answer to a PING: {other:?}, {:?}", self.leave),
            }
        }
    }

    /// Leaves with a reset.
    pub(crate) fn abort(self) {
        self.wire.close_with_reset().expect("an open socket can be reset");
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}
