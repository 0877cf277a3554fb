//! The side that serves: it takes streams, reads their text with the strict parsers, and writes what is planned.

use crate::plan::{Answer, Dice, Fields, Plan, sorted};
use evener_http::{BodyDecoder, HeadLimits, Progress, RequestParser, chunk_header, last_chunk};
use evener_wire::{ServerStream, Serving, Wire};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// What was read of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) method: String,
    pub(crate) fields: Fields,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Fields,
}

/// What the host does with streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Each is answered as it is planned.
    Whole,
    /// One in three is let go of at some moment.
    Careless,
    /// All are kept, and nobody looks at them.
    Keeping,
}

/// What is known of a connection that is served.
#[derive(Debug)]
pub(crate) struct Host {
    manner: Manner,
    /// By seed. Those that were not read to their end are without.
    pub(crate) heard: RefCell<HashMap<u64, Option<Heard>>>,
    pub(crate) kept: RefCell<Vec<Wire>>,
    /// Streams that are being answered.
    pub(crate) open: Cell<usize>,
    /// Answers that ended with an error.
    pub(crate) failed: Cell<usize>,
    /// How often the connection was looked after.
    pub(crate) turns: Cell<usize>,
    is_to_drain: Cell<bool>,
    driver: RefCell<Waker>,
}

impl Host {
    pub(crate) fn new(manner: Manner) -> Rc<Self> {
        Rc::new(Self {
            manner,
            heard: RefCell::default(),
            kept: RefCell::default(),
            open: Cell::new(0),
            failed: Cell::new(0),
            turns: Cell::new(0),
            is_to_drain: Cell::new(false),
            driver: RefCell::new(Waker::noop().clone()),
        })
    }

    pub(crate) fn drain(&self) {
        self.is_to_drain.set(true);
        self.driver.borrow().wake_by_ref();
    }

    /// Serves a connection to its end. What follows it is not waited for.
    pub(crate) async fn serve(self: Rc<Self>, mut serving: Serving) -> Option<io::Error> {
        let end = poll_fn(|cx| {
            self.turns.set(self.turns.get() + 1);
            self.driver.borrow_mut().clone_from(cx.waker());
            if self.is_to_drain.take() {
                serving.drain();
            }
            loop {
                match serving.poll_accept(cx) {
                    Poll::Ready(Some(Ok(stream))) => self.give(stream),
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(error)),
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
        let remains = serving.into_remains();
        while end.is_none() && !remains.is_over() {
            if !matches!(poll_fn(|cx| remains.poll_discard(cx)).await, Ok(1..)) {
                break;
            }
        }
        end
    }

    fn give(self: &Rc<Self>, stream: Box<ServerStream>) {
        if self.manner == Manner::Keeping {
            return self.kept.borrow_mut().push(Wire::Served(stream));
        }
        let host = Rc::clone(self);
        self.open.set(self.open.get() + 1);
        tokio::task::spawn_local(async move {
            let answered = host.answer(stream).await;
            host.failed.set(host.failed.get() + usize::from(answered.is_err()));
            host.open.set(host.open.get() - 1);
        });
    }

    async fn answer(&self, stream: Box<ServerStream>) -> io::Result<()> {
        let mut head = Vec::new();
        stream.write_head(|| [1, 2], &mut head).expect("well-formed");
        let mut parser = RequestParser::new();
        let limits = HeadLimits { bytes_max: 1 << 20, fields_max: 1000 };
        assert_eq!(parser.parse(&head, &limits), Ok(Progress::Complete), "{}", head.escape_ascii());
        let path = std::str::from_utf8(parser.head().path.of(&head)).expect("digits");
        let plan = Plan::of(path[1..].parse().expect("digits"));
        self.heard.borrow_mut().insert(plan.seed, None);
        let mut dice = Dice::new(plan.seed ^ 0x5eed);
        let wire = Wire::Served(stream);
        let patience = match self.manner {
            Manner::Careless if dice.one_in(3) => dice.below(60_000),
            Manner::Careless | Manner::Whole | Manner::Keeping => usize::MAX,
        };
        let text = text_of(&plan, &mut dice);
        if plan.is_hasty {
            write(&wire, &text, &mut dice, patience).await?;
        }
        let Some(heard) = read(&wire, &head, parser.head(), &mut dice, patience).await? else { return Ok(()) };
        self.heard.borrow_mut().insert(plan.seed, Some(heard));
        if !plan.is_hasty {
            write(&wire, &text, &mut dice, patience).await?;
        }
        Ok(())
    }
}

/// Reads a request. `None`: patience was over before.
async fn read(
    wire: &Wire,
    message: &[u8],
    head: &evener_http::RequestHead,
    dice: &mut Dice,
    patience: usize,
) -> io::Result<Option<Heard>> {
    let mut decoder = BodyDecoder::new(head.framing);
    let (mut body, mut unread) = (Vec::new(), Vec::new());
    while !decoder.is_done() {
        if body.len() > patience {
            return Ok(None);
        }
        let mut buffer = vec![0; 1 + dice.below(*dice.clone().pick(&[10, 3_000, 40_000]))];
        let count = poll_fn(|cx| wire.poll_read(cx, &mut buffer)).await?;
        assert!(count > 0, "an end without the end of the body");
        unread.extend_from_slice(&buffer[..count]);
        loop {
            let decoded = decoder.decode(&unread).expect("well-formed");
            body.extend_from_slice(&unread[decoded.payload]);
            if decoded.consumed == 0 {
                break;
            }
            unread.drain(..decoded.consumed);
        }
    }
    assert!(unread.is_empty(), "something after the request");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("all of it is ASCII");
    let fields = head.fields.iter().map(|field| (text(field.name.of(message)), text(field.value.of(message))));
    let fields = sorted(fields.collect());
    let method = text(head.method_text.of(message));
    let lines = text(decoder.trailers());
    let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let trailers = sorted(lines.lines().map(|line| pair(line).expect("a field")).collect());
    Ok(Some(Heard { method, fields, body, trailers }))
}

/// The parts of an answer: heads, each of which must be written in one piece, and a body.
struct Text {
    heads: Vec<Vec<u8>>,
    body: Vec<u8>,
}

fn text_of(plan: &Plan, dice: &mut Dice) -> Text {
    let Answer { interim, status, fields, body, is_chunked, trailers } = &plan.answer;
    let lines = |fields: &Fields| fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<String>();
    let mut heads: Vec<String> =
        interim.iter().map(|fields| format!("HTTP/1.1 103 Early Hints\r\n{}\r\n", lines(fields))).collect();
    let framing = match *status {
        204 => String::new(),
        _ if *is_chunked => "Transfer-Encoding: chunked\r\nConnection: close\r\n".to_owned(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    heads.push(format!("HTTP/1.1 {status} Any\r\n{}{framing}\r\n", lines(fields)));
    let heads = heads.into_iter().map(String::into_bytes).collect();
    if !plan.has_answer_body() {
        return Text { heads, body: Vec::new() };
    }
    if !is_chunked {
        return Text { heads, body: body.clone() };
    }
    let (mut text, mut rest) = (Vec::new(), &body[..]);
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.len().min(1 + dice.below(30_000)));
        chunk_header(chunk.len(), &mut text);
        text.extend_from_slice(chunk);
        text.extend_from_slice(b"\r\n");
        rest = after;
    }
    last_chunk(lines(trailers).as_bytes(), &mut text);
    Text { heads, body: text }
}

/// Writes an answer in pieces, as much of it as patience admits.
async fn write(wire: &Wire, text: &Text, dice: &mut Dice, patience: usize) -> io::Result<()> {
    let (last, interim) = text.heads.split_last().expect("one is the last");
    for head in interim {
        let written = poll_fn(|cx| wire.poll_write(cx, head)).await?;
        assert_eq!(written, head.len());
    }
    if patience < 1_000 {
        return Ok(());
    }
    let whole = [&last[..], &text.body].concat();
    let mut gone = 0;
    while gone < whole.len().min(patience) {
        let first = if gone == 0 { last.len() } else { 0 } + dice.below(40_000);
        let (one, rest) = whole[gone..].split_at(first.min(whole.len() - gone));
        let (two, rest) = rest.split_at(dice.below(100_000).min(rest.len()));
        let three = &rest[..dice.below(50).min(rest.len())];
        let pieces = [one, two, three];
        if pieces.iter().all(|piece| piece.is_empty()) {
            continue;
        }
        gone += poll_fn(|cx| wire.poll_write_pieces(cx, &pieces)).await?;
        if dice.one_in(10) {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}
