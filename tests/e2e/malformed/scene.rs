//! One evener with one worker in front of a recorder, and what each row is held against: the
//! answer, every byte that the server got, the number of requests in it, and the next client.
//!
//! Texts stand for bytes: each character is the byte of the same number.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use crate::harness::client::{End, RawClient};
use crate::harness::message::{Request, Response};
use crate::harness::recorder::Conversation;
use crate::harness::wait::{PATIENCE, eventually, pause_unless};
use crate::harness::{Evener, Recorder, Step};

/// Where requests of the next clients go; a script for an answer is not meant for them.
const NEXT: &str = "/next/";

/// How much of an input a failed check shows.
const SHOWN_CHARACTERS_MAX: usize = 160;

type Answer = Arc<Mutex<Option<Vec<Step>>>>;

/// The program, the server behind it, and how much of what the server got has been accounted for.
pub(super) struct Scene {
    pub(super) evener: Evener,
    pub(super) recorder: Recorder,
    answer: Answer,
    accounted: Vec<usize>,
    requests: usize,
    next: usize,
}

impl Scene {
    /// One site for every host, with the default limits.
    pub(super) fn open() -> Self {
        Self::with("", "")
    }

    /// The same with a `[limits]` table and further keys of the site.
    pub(super) fn with(limits: &str, site: &str) -> Self {
        let answer = Answer::default();
        let slot = Arc::clone(&answer);
        let recorder = Recorder::per_request(move |request| {
            let is_next = request.target.starts_with(NEXT);
            let steps = if is_next { None } else { lock(&slot).take() };
            steps.unwrap_or_else(|| vec![Step::Send(echo(request))])
        });
        Self::before(recorder, answer, limits, site)
    }

    /// The same with a server that acts when it has read the head of a request.
    pub(super) fn at_heads(limits: &str, site: &str) -> Self {
        let answer = Answer::default();
        let slot = Arc::clone(&answer);
        let recorder = Recorder::per_head(move |request| {
            let is_next = request.target.starts_with(NEXT);
            let steps = if is_next { None } else { lock(&slot).take() };
            steps.unwrap_or_else(|| vec![Step::ReadBody, Step::Send(echo(request))])
        });
        Self::before(recorder, answer, limits, site)
    }

    fn before(recorder: Recorder, answer: Answer, limits: &str, site: &str) -> Self {
        let server = recorder.address().to_string();
        let config = format!("workers = 1\n{limits}\n[[site]]\nlisten = \"{{listen}}\"\nto = [\"{server}\"]\n{site}");
        let evener = Evener::start(&config.replace("{server}", &server));
        Self { evener, recorder, answer, accounted: Vec::new(), requests: 0, next: 0 }
    }

    /// What the server does about the next request instead of echoing it.
    pub(super) fn will(&self, steps: Vec<Step>) {
        *lock(&self.answer) = Some(steps);
    }

    /// Each input gets this status and a closed connection, and the server gets nothing of it.
    #[track_caller]
    pub(super) fn refuses<T: AsRef<str>>(&mut self, row: impl Display, status: u16, inputs: &[T]) {
        for input in inputs {
            let input = input.as_ref();
            let what = name(&row, input);
            let mut client = self.evener.connect();
            // A long input may be refused before it is sent; then the rest does not matter.
            drop(client.try_send(latin(input)));
            let response = read(&mut client, &what, "GET");
            assert_eq!(response.status, status, "{what}: {response:?}");
            expect_farewell(&mut client, &what, &response);
            self.account(&what, "", 0);
            self.expect_next_served(&what);
        }
    }

    /// A body too long to be looked at as a whole gets this status and a closed connection. The server may have got the
    /// beginning of the request, of which this is the head, but never a whole one.
    #[track_caller]
    pub(super) fn gives_up(&mut self, row: impl Display, status: u16, input: &str, head: &str) {
        let what = name(&row, input);
        let mut client = self.evener.connect();
        drop(client.try_send(latin(input)));
        let response = read(&mut client, &what, "POST");
        assert_eq!(response.status, status, "{what}: {response:?}");
        expect_farewell(&mut client, &what, &response);
        self.expect_dropped(&what, self.connections() - 1);
        let got = text_of(&self.unaccounted());
        let is_beginning = got.is_empty() || (got.starts_with(head) && !got.ends_with("0\r\n\r\n"));
        assert!(is_beginning, "{what}: {:?}", shown(&got));
        self.account(&what, &got, 0);
        self.expect_next_served(&what);
    }

    /// Each input reaches the server exactly as the text beside it says, as one request, and is
    /// answered with the server's answer.
    #[track_caller]
    pub(super) fn forwards(&mut self, row: impl Display, table: &[(&str, &str)]) {
        for (input, expected) in table {
            self.converses(&row, input, &[200], expected, 1);
        }
    }

    /// An input gets answers with these statuses, in this order, and the server gets exactly the
    /// expected bytes, in which there are so many requests. Gives the client and its answers.
    #[track_caller]
    pub(super) fn converses(
        &mut self,
        row: impl Display,
        input: &str,
        statuses: &[u16],
        expected: &str,
        requests: usize,
    ) -> (RawClient, Vec<Response>) {
        let what = name(&row, input);
        let mut client = self.evener.connect();
        if let Err(error) = client.try_send(latin(input)) {
            panic!("{what}: cannot send: {error}");
        }
        let method = if input.starts_with("HEAD ") { "HEAD" } else { "GET" };
        let responses: Vec<Response> = statuses.iter().map(|_| read(&mut client, &what, method)).collect();
        let got: Vec<u16> = responses.iter().map(|response| response.status).collect();
        assert_eq!(got, statuses, "{what}: {responses:?}");
        self.account(&what, expected, requests);
        self.expect_next_served(&what);
        (client, responses)
    }

    /// The server has got exactly these bytes since the last look, and in them so many requests.
    #[track_caller]
    pub(super) fn account(&mut self, what: &str, expected: &str, requests: usize) {
        let expected_bytes = latin(expected);
        pause_unless(PATIENCE, || self.unaccounted().len() >= expected_bytes.len());
        let got = self.unaccounted();
        let got_text = text_of(&got);
        assert!(got == expected_bytes, "{what}:\n     got {:?}\nexpected {:?}", shown(&got_text), shown(expected));
        self.accounted = self.recorder.conversations().iter().map(Conversation::length).collect();
        self.requests += requests;
        pause_unless(PATIENCE, || self.recorder.requests().len() >= self.requests);
        assert_eq!(self.recorder.requests().len(), self.requests, "{what}: requests at the server");
    }

    /// Another client gets the answer to its own request, and nothing else has reached the server.
    #[track_caller]
    pub(super) fn expect_next_served(&mut self, what: &str) {
        self.next += 1;
        let target = format!("{NEXT}{}", self.next);
        let what = format!("{what}: the next client");
        let mut client = self.evener.connect();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let response = read(&mut client, &what, "GET");
        assert_eq!((response.status, response.text()), (200, format!("GET {target}")), "{what}");
        self.account(&what, &format!("GET {target} HTTP/1.1\r\nHost: a\r\n{}", super::VIA), 1);
    }

    /// The number of the connection that the last bytes came on which are accounted for.
    pub(super) fn connections(&self) -> usize {
        self.recorder.conversations().len()
    }

    /// Waits until the server's connection of that number has ended.
    #[track_caller]
    pub(super) fn expect_dropped(&self, what: &str, number: usize) {
        let conversation = self.recorder.conversation(number);
        eventually(PATIENCE, &format!("{what}: the connection to the server ends"), || conversation.is_over());
    }

    /// What has come in on all connections and is not accounted for.
    fn unaccounted(&self) -> Vec<u8> {
        let accounted = self.accounted.iter().copied().chain(std::iter::repeat(0));
        let pieces = self.recorder.conversations().into_iter().zip(accounted);
        pieces.flat_map(|(conversation, seen)| conversation.bytes().split_off(seen)).collect()
    }
}

/// The bytes that a text stands for.
pub(super) fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(character).expect("texts stand for bytes")).collect()
}

/// The text that stands for bytes.
pub(super) fn text_of(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// A check by its row and input.
pub(super) fn name(row: &impl Display, input: &str) -> String {
    format!("row {row}, {:?}", shown(input))
}

/// The next response.
#[track_caller]
pub(super) fn read(client: &mut RawClient, what: &str, method: &str) -> Response {
    match client.try_response_to(method) {
        Ok(response) => response,
        Err(error) => panic!("{what}: no whole response: {error}"),
    }
}

/// The response says that the connection closes, and it does, in an orderly way.
#[track_caller]
pub(super) fn expect_farewell(client: &mut RawClient, what: &str, response: &Response) {
    assert_eq!(response.field("connection"), Some("close"), "{what}: {response:?}");
    match client.try_rest() {
        Ok((rest, End::Close)) => assert_eq!(text_of(&rest), "", "{what}: surplus bytes"),
        other => panic!("{what}: no orderly end: {other:?}"),
    }
}

/// What the server answers when nothing else is told: method and target of the request.
pub(super) fn echo(request: &Request) -> Vec<u8> {
    let body = latin(&format!("{} {}", request.method, request.target));
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    if request.method != "HEAD" {
        answer.extend(body);
    }
    answer
}

fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str(&format!(" … {} in all", text.chars().count()));
    }
    shown
}

fn lock(answer: &Mutex<Option<Vec<Step>>>) -> std::sync::MutexGuard<'_, Option<Vec<Step>>> {
    answer.lock().unwrap_or_else(PoisonError::into_inner)
}
