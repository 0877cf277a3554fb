//! A server that does as it is told and records every byte it receives: the tests' own chaos
//! server. One thread a connection.
//!
//! It answers from scripts and judges nothing; what it could not read as HTTP is in the record
//! all the same.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::SockRef;

use super::message::Request;
use super::ports::{free_address, listen};
use super::wait::{Deadline, PATIENCE, eventually, pause_unless, wait_for};
use super::wire::{Record, Wire};

/// One thing that the server does on a connection.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Read a whole request: head and body.
    ReadRequest,
    /// Read only the head of a request.
    ReadHead,
    /// Read the body of the request whose head was read last.
    ReadBody,
    /// Read exactly so many bytes, whatever they are.
    ReadBytes(usize),
    /// Read until the other side closes.
    ReadToEnd,
    /// Send bytes.
    Send(Vec<u8>),
    /// Send bytes in pieces of one, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Say nothing for so long; what comes in is recorded.
    Pause(Duration),
    /// Neither read nor say anything for so long, like a server that hangs.
    Freeze(Duration),
    /// Say nothing until the other side or the end of the test closes the connection.
    Hold,
    /// End the sending direction only.
    HalfClose,
    /// Close in an orderly way.
    Close,
    /// Close with a reset.
    Reset,
    /// Begin the script again.
    Again,
}

impl Step {
    pub(crate) fn send(bytes: impl AsRef<[u8]>) -> Self {
        Self::Send(bytes.as_ref().to_vec())
    }
}

/// A 200 with a body of known length, on a connection that stays open.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// What came in on one connection.
#[derive(Clone, Default)]
pub(crate) struct Conversation {
    received: Record,
    requests: Arc<Mutex<Vec<Request>>>,
    is_over: Arc<AtomicBool>,
}

impl Conversation {
    /// Every byte received so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.received.bytes()
    }

    /// The same as text; bytes that are not UTF-8 are replaced.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// How many bytes were received so far.
    pub(crate) fn length(&self) -> usize {
        self.received.length()
    }

    /// The requests that were read, in their order.
    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.requests).clone()
    }

    /// True when the connection has ended, by whichever side.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

type ConnectionScript = dyn Fn(usize) -> Vec<Step> + Send + Sync;
type RequestScript = dyn Fn(&Request) -> Vec<Step> + Send + Sync;

/// Where the next steps come from.
enum Script {
    /// A list for each connection, by its number.
    Connection(Box<ConnectionScript>),
    /// Read a request, ask for the steps that answer it, and so on.
    Request(Box<RequestScript>),
    /// The same after the head alone; the steps read the body.
    Head(Box<RequestScript>),
}

/// What the recorder's threads share.
struct Shared {
    script: Script,
    is_stopping: AtomicBool,
    conversations: Mutex<Vec<Conversation>>,
    /// A handle on each connection that is still open, by its number.
    sockets: Mutex<Vec<Option<TcpStream>>>,
}

/// The running server. It stops when it is dropped.
pub(crate) struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Answers every request with these bytes.
    pub(crate) fn answering(response: impl AsRef<[u8]>) -> Self {
        let answer = Step::send(response);
        Self::scripted(move |_| vec![Step::ReadRequest, answer.clone(), Step::Again])
    }

    /// Asks for a script for each connection; the first has number 0.
    pub(crate) fn scripted(script: impl Fn(usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::start(free_address(), Script::Connection(Box::new(script)))
    }

    /// Reads each request whole, then does what the function says.
    pub(crate) fn per_request(script: impl Fn(&Request) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::per_request_at(free_address(), script)
    }

    /// The same at a given address, to come back where another one was.
    pub(crate) fn per_request_at(
        address: SocketAddr,
        script: impl Fn(&Request) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::start(address, Script::Request(Box::new(script)))
    }

    /// Reads the head of each request, then does what the function says; that is to read the body.
    pub(crate) fn per_head(script: impl Fn(&Request) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::start(free_address(), Script::Head(Box::new(script)))
    }

    /// The same with a kernel that takes next to nothing for it.
    pub(crate) fn narrow_per_head(script: impl Fn(&Request) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let address = free_address();
        let listener = listen(address);
        // Sockets that are accepted inherit this.
        SockRef::from(&listener).set_recv_buffer_size(4096).expect("a size can be set");
        Self::over(listener, address, Script::Head(Box::new(script)))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// All conversations so far, in the order of their connections.
    pub(crate) fn conversations(&self) -> Vec<Conversation> {
        lock(&self.shared.conversations).clone()
    }

    /// The conversation of that number, once there is one.
    #[track_caller]
    pub(crate) fn conversation(&self, number: usize) -> Conversation {
        wait_for(PATIENCE, "a connection to the recorder", || self.conversations().get(number).cloned())
    }

    /// All requests so far, by connection.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.conversations().iter().flat_map(Conversation::requests).collect()
    }

    /// The only request, once it is there.
    #[track_caller]
    pub(crate) fn only_request(&self) -> Request {
        eventually(PATIENCE, "a request at the recorder", || !self.requests().is_empty());
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.swap_remove(0)
    }

    /// Every byte received on all connections, by connection.
    pub(crate) fn text(&self) -> String {
        self.conversations().iter().map(Conversation::text).collect()
    }

    /// Refuses new connections and ends those that are open.
    pub(crate) fn stop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        // The accepting thread wakes up for this connection, sees the flag and goes.
        drop(TcpStream::connect_timeout(&self.address, PATIENCE));
        if let Some(accepting) = self.accepting.take() {
            accepting.join().expect("the accepting thread ends without a panic");
        }
        for socket in lock(&self.shared.sockets).iter_mut().filter_map(Option::take) {
            // It may have ended by itself.
            drop(socket.shutdown(Shutdown::Both));
        }
    }

    fn start(address: SocketAddr, script: Script) -> Self {
        Self::over(listen(address), address, script)
    }

    fn over(listener: TcpListener, address: SocketAddr, script: Script) -> Self {
        let shared = Arc::new(Shared {
            script,
            is_stopping: AtomicBool::new(false),
            conversations: Mutex::default(),
            sockets: Mutex::default(),
        });
        let for_thread = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || accept(&listener, &for_thread));
        Self { address, shared, accepting: Some(accepting) }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let accepted = listener.accept();
        if shared.is_stopping.load(Ordering::Acquire) {
            return;
        }
        let Ok((stream, _)) = accepted else { continue };
        let conversation = Conversation::default();
        let number = {
            let mut conversations = lock(&shared.conversations);
            conversations.push(conversation.clone());
            conversations.len() - 1
        };
        lock(&shared.sockets).push(stream.try_clone().ok());
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            let is_over = Arc::clone(&conversation.is_over);
            // An error ends the conversation like a close; the record shows how far it came.
            drop(converse(stream, number, &shared, conversation));
            is_over.store(true, Ordering::Release);
        });
    }
}

fn converse(stream: TcpStream, number: usize, shared: &Arc<Shared>, conversation: Conversation) -> io::Result<()> {
    let wire = Wire::new(stream, PATIENCE)?.keep_in(conversation.received.clone());
    let mut actor = Actor { wire, conversation, shared: Arc::clone(shared), head: None };
    let outcome = match &shared.script {
        Script::Connection(script) => actor.follow(&script(number)),
        Script::Request(script) => actor.answer_requests(script.as_ref(), Actor::read_request),
        Script::Head(script) => actor.answer_requests(script.as_ref(), Actor::read_head),
    };
    // A reset happens when the last handle is dropped, so this one has to go first.
    let handle = lock(&shared.sockets).get_mut(number).and_then(Option::take);
    match (outcome?, handle) {
        (Next::Reset, handle) => {
            drop(handle);
            actor.wire.close_with_reset()
        }
        (Next::Continue | Next::Close, Some(handle)) => handle.shutdown(Shutdown::Both),
        (Next::Continue | Next::Close, None) => Ok(()),
    }
}

/// What becomes of a connection after some steps.
#[derive(PartialEq, Eq)]
enum Next {
    Continue,
    Close,
    Reset,
}

/// One connection at work.
struct Actor {
    wire: Wire,
    conversation: Conversation,
    shared: Arc<Shared>,
    /// A request whose body has not been read.
    head: Option<Request>,
}

impl Actor {
    fn answer_requests(
        &mut self,
        script: &RequestScript,
        read: fn(&mut Self) -> io::Result<Request>,
    ) -> io::Result<Next> {
        while self.wire.has_more()? {
            let request = read(self)?;
            let next = self.follow(&script(&request))?;
            if next != Next::Continue {
                return Ok(next);
            }
        }
        Ok(Next::Close)
    }

    fn follow(&mut self, steps: &[Step]) -> io::Result<Next> {
        let mut position = 0;
        while let Some(step) = steps.get(position) {
            position += 1;
            match step {
                Step::Again if self.wire.has_more()? => position = 0,
                Step::Again | Step::Close => return Ok(Next::Close),
                Step::Reset => return Ok(Next::Reset),
                other => self.perform(other)?,
            }
        }
        Ok(Next::Continue)
    }

    fn perform(&mut self, step: &Step) -> io::Result<()> {
        match step {
            Step::ReadRequest => self.read_request().map(drop),
            Step::ReadHead => self.read_head().map(drop),
            Step::ReadBody => match self.head.take() {
                Some(mut request) => request.read_body(&mut self.wire),
                None => Ok(()),
            },
            Step::ReadBytes(count) => self.wire.exactly(*count, &mut |_| ()),
            Step::ReadToEnd => self.wire.until_close(&mut |_| ()),
            Step::Send(bytes) => self.wire.send(bytes),
            Step::Drip(bytes, pause) => self.drip(bytes, *pause),
            Step::Pause(time) => self.pause(*time),
            Step::Freeze(time) => {
                let shared = Arc::clone(&self.shared);
                pause_unless(*time, || shared.is_stopping.load(Ordering::Acquire));
                Ok(())
            }
            Step::Hold => self.pause(PATIENCE * 10),
            Step::HalfClose => self.wire.half_close(),
            Step::Close | Step::Reset | Step::Again => Ok(()),
        }
    }

    fn read_request(&mut self) -> io::Result<Request> {
        let mut request = Request::read_head(&mut self.wire)?;
        request.read_body(&mut self.wire)?;
        self.note(&request);
        Ok(request)
    }

    fn read_head(&mut self) -> io::Result<Request> {
        let request = Request::read_head(&mut self.wire)?;
        self.note(&request);
        self.head = Some(request.clone());
        Ok(request)
    }

    fn note(&self, request: &Request) {
        lock(&self.conversation.requests).push(request.clone());
    }

    fn drip(&mut self, bytes: &[u8], pause: Duration) -> io::Result<()> {
        for byte in bytes {
            self.pause(pause)?;
            self.wire.send(std::slice::from_ref(byte))?;
        }
        Ok(())
    }

    /// Waits, but notices when the other side closes; what it sends meanwhile is recorded.
    fn pause(&mut self, time: Duration) -> io::Result<()> {
        let deadline = Deadline::after(time);
        loop {
            match self.wire.fill(deadline) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
