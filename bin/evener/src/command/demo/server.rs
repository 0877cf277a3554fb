//! The demo's own servers: HTTP/1.1 with keep-alive on free ports of this machine, all on one thread.
//!
//! They exist to be balanced, not to serve: a request has a short body or none that matters, and every answer waits for
//! the server's delay. LIFECYCLE of a server: open -> stopped for a while by a request -> open again, and so on; the
//! thread ends with the process.

use super::answer::{Answer, Body, Then, answer};
use evener_http::{BodyDecoder, HeadLimits, Method, Progress, RequestParser};
use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// One of the servers.
#[derive(Debug)]
pub(crate) struct Speed {
    pub(crate) name: &'static str,
    pub(crate) delay: Duration,
}

pub(crate) static SPEEDS: [Speed; 3] = [
    Speed { name: "quick", delay: Duration::from_millis(5) },
    Speed { name: "steady", delay: Duration::from_millis(20) },
    Speed { name: "slow", delay: Duration::from_millis(80) },
];

/// How long a server that was told to stop stays away.
pub(crate) const STOPPED: Duration = Duration::from_secs(10);

/// Longer than the balancer keeps idle connections.
const IDLE: Duration = Duration::from_secs(90);
/// How long a client may take to send a request or to receive an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause before a port is tried again that somebody took meanwhile, and after an error of accepting.
const PAUSE: Duration = Duration::from_millis(200);
/// Connections of one server.
const CONNECTIONS_MAX: usize = 4096;
const HEAD_LIMITS: HeadLimits = HeadLimits { bytes_max: 64 * 1024, fields_max: 128 };
const READ_BYTES: usize = 16 * 1024;

/// Which servers are told to stop; they share the thread.
#[derive(Debug, Default)]
struct Switch {
    stop: Notify,
    is_stopped: Cell<bool>,
}

type Switches = Rc<[Switch; SPEEDS.len()]>;

/// Starts the thread; gives the addresses in the order of [`SPEEDS`]. They accept from this moment on.
pub(crate) fn start() -> io::Result<Vec<SocketAddr>> {
    let mut listeners = Vec::new();
    let mut addresses = Vec::new();
    for _ in &SPEEDS {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        addresses.push(listener.local_addr()?);
        listeners.push(listener);
    }
    // It is never joined: it serves as long as the process runs.
    let _thread = evener_runtime::worker::start("demo", move || async move {
        let switches = Switches::default();
        let mut servers = JoinSet::new();
        for (index, listener) in listeners.into_iter().enumerate() {
            servers.spawn_local(serve(index, listener, Rc::clone(&switches)));
        }
        while servers.join_next().await.is_some() {}
    })?;
    Ok(addresses)
}

/// One server, open and stopped in turn.
async fn serve(index: usize, listener: std::net::TcpListener, switches: Switches) -> io::Result<()> {
    let address = listener.local_addr()?;
    let mut open = TcpListener::from_std(listener)?;
    loop {
        accept(index, &open, &switches).await;
        drop(open);
        tokio::time::sleep(STOPPED).await;
        open = loop {
            match TcpListener::bind(address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        };
        switches[index].is_stopped.set(false);
    }
}

/// Serves until it is told to stop. Its connections end with it, in the middle of an answer too: that is what a server
/// that dies does.
async fn accept(index: usize, listener: &TcpListener, switches: &Switches) {
    let mut connections = JoinSet::new();
    loop {
        // All arms are cancel safe: what is not received stays pending.
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => drop(connections.spawn_local(converse(index, stream, Rc::clone(switches)))),
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            () = switches[index].stop.notified() => return,
        }
    }
}

/// One connection. An error of it concerns nobody else.
async fn converse(index: usize, stream: TcpStream, switches: Switches) -> io::Result<()> {
    let mut unread = Vec::new();
    let mut parser = RequestParser::new();
    loop {
        parser.reset();
        match read_head(&stream, &mut unread, &mut parser).await? {
            Reading::Head => {}
            Reading::End => return Ok(()),
            Reading::Refused(status) => {
                return write(&stream, &Answer::refusal(status).bytes(Body::Sent, Then::Close)).await;
            }
        }
        let head = parser.head();
        let then = if head.keep_alive { Then::GoOn } else { Then::Close };
        let body = if head.method == Method::Head { Body::LeftOut } else { Body::Sent };
        let answer = answer(&SPEEDS[index], head, &unread);
        if head.expects_continue {
            write(&stream, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let framing = head.framing;
        unread.drain(..head.head_bytes);
        skip_body(&stream, &mut unread, BodyDecoder::new(framing)).await?;
        tokio::time::sleep(SPEEDS[index].delay).await;
        write(&stream, &answer.bytes(body, then)).await?;
        if let Some(stopped) = answer.stops {
            let switch = &switches[stopped];
            // Only the first of several requests counts; a second one would stop the server again when it is back.
            if !switch.is_stopped.replace(true) {
                switch.stop.notify_one();
            }
        }
        if then == Then::Close {
            return Ok(());
        }
    }
}

/// What came of reading a request.
enum Reading {
    Head,
    /// The client has left between two requests.
    End,
    /// The request is not HTTP as it should be; the status says what is wrong.
    Refused(u16),
}

async fn read_head(stream: &TcpStream, unread: &mut Vec<u8>, parser: &mut RequestParser) -> io::Result<Reading> {
    loop {
        match parser.parse(unread, &HEAD_LIMITS) {
            Ok(Progress::Complete) => return Ok(Reading::Head),
            Ok(Progress::NeedMore) => {}
            Err(fault) => return Ok(Reading::Refused(fault.status())),
        }
        let patience = if unread.is_empty() { IDLE } else { PATIENCE };
        if read(stream, unread, patience).await? == 0 {
            return Ok(Reading::End);
        }
    }
}

/// Reads past a body; nobody looks at it.
async fn skip_body(stream: &TcpStream, unread: &mut Vec<u8>, mut body: BodyDecoder) -> io::Result<()> {
    while !body.is_done() {
        let decoded = body.decode(unread).map_err(|_| ErrorKind::InvalidData)?;
        unread.drain(..decoded.consumed);
        if decoded.consumed == 0 && !body.is_done() && read(stream, unread, PATIENCE).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// Reads some bytes; 0 is the end of the connection.
async fn read(stream: &TcpStream, unread: &mut Vec<u8>, patience: Duration) -> io::Result<usize> {
    loop {
        timeout(patience, stream.readable()).await??;
        let mut piece = [0; READ_BYTES];
        match stream.try_read(&mut piece) {
            Ok(count) => {
                unread.extend_from_slice(&piece[..count]);
                return Ok(count);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

async fn write(stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    let mut left = bytes;
    while !left.is_empty() {
        timeout(PATIENCE, stream.writable()).await??;
        match stream.try_write(left) {
            Ok(count) => left = &left[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
