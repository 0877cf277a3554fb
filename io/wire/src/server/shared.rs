//! What a connection and its streams share: the machine that knows HTTP/2, the way to the client, and who is to be woken.
//!
//! Streams act on the machine where they are; what that makes of others is told to their wakers, and what is to go out to
//! whoever drives the connection.

use super::way::Way;
use evener_http2::{Bounds, Connection, Event, Known, Slot};
use evener_runtime::Millis;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

thread_local! {
    /// What heads of answers have in common, for all connections of a worker.
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// What streams see of their connection.
#[derive(Debug)]
pub(super) struct Shared {
    machine: RefCell<Connection>,
    /// Gone once nobody drives the connection any more.
    way: Weak<Way>,
    opened: RefCell<VecDeque<Slot>>,
    wakers: RefCell<Vec<Wakers>>,
    driver: RefCell<Waker>,
    is_driver_called: Cell<bool>,
    /// A stream has made something go out.
    has_moved: Cell<bool>,
    /// The client took nothing, and the connection was cut for that.
    pub(super) is_given_up: Cell<bool>,
}

/// Who waits for a stream.
#[derive(Debug, Default)]
struct Wakers {
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Shared {
    pub(super) fn new(bounds: Bounds, way: &Rc<Way>) -> Rc<Self> {
        Rc::new(Self {
            machine: RefCell::new(Connection::new(bounds, Millis::now().0)),
            way: Rc::downgrade(way),
            opened: RefCell::default(),
            wakers: RefCell::default(),
            driver: RefCell::new(Waker::noop().clone()),
            is_driver_called: Cell::new(false),
            has_moved: Cell::new(false),
            is_given_up: Cell::new(false),
        })
    }

    /// Looks at the machine.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Connection) -> T) -> T {
        look(&self.machine.borrow())
    }

    /// Acts on the machine for whoever drives the connection. Streams that it concerns are told.
    pub(super) fn drive<T>(&self, act: impl FnOnce(&mut Connection) -> T) -> T {
        let machine = &mut *self.machine.borrow_mut();
        let done = act(machine);
        self.tell(machine);
        done
    }

    /// Acts on the machine for a stream. Whoever drives the connection is told, too, if there is more to go out.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut Connection) -> T) -> T {
        let machine = &mut *self.machine.borrow_mut();
        let before = machine.output().len();
        let done = act(machine);
        self.tell(machine);
        if machine.output().len() != before || machine.has_answered_early() {
            self.call_driver();
        }
        done
    }

    /// The same with the way to the client, if that still stands. What waited before is known to whoever drives the
    /// connection: told of it again, it would only call those again that have no room.
    pub(super) fn act_on_way<T>(
        &self,
        act: impl FnOnce(&mut Connection, &Way, &mut Known) -> io::Result<T>,
    ) -> io::Result<T> {
        let way = self.way.upgrade().ok_or(io::ErrorKind::ConnectionReset)?;
        let machine = &mut *self.machine.borrow_mut();
        let before = way.waiting(machine.output());
        let done = KNOWN.with_borrow_mut(|known| act(machine, &way, known));
        self.tell(machine);
        // As many bytes as went out may have come in.
        let has_moved = self.has_moved.take() || way.waiting(machine.output()) != before;
        if has_moved && way.waiting(machine.output()) > 0 {
            self.call_driver();
        }
        done
    }

    fn call_driver(&self) {
        if !self.is_driver_called.replace(true) {
            self.driver.borrow().wake_by_ref();
        }
    }

    fn tell(&self, machine: &mut Connection) {
        while let Some(event) = machine.next_event() {
            match event {
                Event::Opened(slot) => {
                    let wakers = &mut *self.wakers.borrow_mut();
                    if wakers.len() <= slot.index() {
                        wakers.resize_with(slot.index() + 1, Wakers::default);
                    }
                    self.opened.borrow_mut().push_back(slot);
                }
                Event::Readable(slot) => self.wake(slot, |wakers| [wakers.reader.take(), None]),
                Event::Writable(slot) => self.wake(slot, |wakers| [None, wakers.writer.take()]),
                Event::Lost(slot) => self.wake(slot, |wakers| [wakers.reader.take(), wakers.writer.take()]),
            }
        }
    }

    fn wake(&self, slot: Slot, take: impl FnOnce(&mut Wakers) -> [Option<Waker>; 2]) {
        let wakers = self.wakers.borrow_mut().get_mut(slot.index()).map(take);
        wakers.into_iter().flatten().flatten().for_each(Waker::wake);
    }

    /// Whoever polls is woken when there is something to read on the stream, or it is over.
    pub(super) fn await_reading(&self, slot: Slot, cx: &Context<'_>) {
        self.await_by(slot, cx, |wakers| &mut wakers.reader);
    }

    /// The same when there may be room to write.
    pub(super) fn await_writing(&self, slot: Slot, cx: &Context<'_>) {
        self.await_by(slot, cx, |wakers| &mut wakers.writer);
    }

    fn await_by(&self, slot: Slot, cx: &Context<'_>, choose: impl FnOnce(&mut Wakers) -> &mut Option<Waker>) {
        let wakers = &mut *self.wakers.borrow_mut();
        let Some(wakers) = wakers.get_mut(slot.index()) else { return };
        match choose(wakers) {
            Some(waker) => waker.clone_from(cx.waker()),
            empty @ None => *empty = Some(cx.waker().clone()),
        }
    }

    /// Lets go of a stream.
    pub(super) fn release(&self, slot: Slot) {
        if let Some(wakers) = self.wakers.borrow_mut().get_mut(slot.index()) {
            *wakers = Wakers::default();
        }
        self.act(|machine| machine.release(slot));
    }

    /// The next stream that the client has opened.
    pub(super) fn next_opened(&self) -> Option<Slot> {
        self.opened.borrow_mut().pop_front()
    }

    /// Whoever drives the connection is woken when something is to go out.
    pub(super) fn begin_turn(&self, cx: &Context<'_>) {
        self.driver.borrow_mut().clone_from(cx.waker());
        self.is_driver_called.set(false);
    }

    /// Writes what was gathered, for a stream, in the name of whoever drives the connection.
    pub(super) fn poll_flush(&self, machine: &mut Connection, way: &Way) -> Poll<io::Result<()>> {
        let driver = self.driver.borrow();
        let before = way.waiting(machine.output());
        let flushed = way.poll_flush(&mut Context::from_waker(&driver), machine.output());
        if way.waiting(machine.output()) != before {
            self.has_moved.set(true);
        }
        flushed
    }

    /// Frees what is kept for the next streams, if there are none.
    pub(super) fn rest(&self) {
        self.drive(Connection::rest);
        if !self.look(Connection::has_held) {
            *self.wakers.borrow_mut() = Vec::new();
            *self.opened.borrow_mut() = VecDeque::new();
        }
    }
}
