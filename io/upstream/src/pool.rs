//! Connections of one worker to its servers, kept for the next request: idle ones of HTTP/1, and those of HTTP/2, on which
//! many requests are under way.
//!
//! LIFECYCLE: an exchange takes a [`Lease`], which is an idle connection, a stream, or a connection that it opened, and
//! gives it back only after both messages ended cleanly; a lease that is dropped closes its connection or cancels its
//! stream. [`Pools::sweep`] closes what has been idle for too long or was closed by the server. A pool lives as long as
//! some snapshot names its server.

use evener_plan::{Protocol, ServerAddress, UpstreamTls};
use evener_runtime::Millis;
use evener_tls::{Backend, Link};
use evener_wire::{Asking, ClientStream, Wire};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::Notify;

/// Idle connections that one worker keeps to one server. More than this many at once were in use before, so the bound
/// only trims the tail of a burst.
const IDLE_MAX: usize = 512;
/// Connections of HTTP/2 that one worker keeps to one server; what comes on top ends with its request.
const SHARED_MAX: usize = 512;
/// Connections that are being opened at a time on which others wait.
const OPENINGS_MAX: usize = 32;

/// What makes two connections to one address different from each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Manner {
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether TLS is spoken below it, and how.
    pub tls: Option<UpstreamTls>,
}

/// What TLS with one server goes by for as long as a plan holds, whatever becomes of the files that it names.
#[derive(Debug, Clone)]
pub struct Assurance {
    /// Trust and our certificate, as they are at any time.
    pub backend: Arc<Backend>,
    /// The name that the server's certificate must have.
    pub name: ServerName<'static>,
}

/// How TLS is begun with one server at this moment.
#[derive(Debug, Clone)]
pub struct Security {
    /// Trust, our certificate, and the protocols that are offered.
    pub config: Arc<ClientConfig>,
    /// The name that the server's certificate must have.
    pub name: ServerName<'static>,
}

/// The connections of one worker to one server.
#[derive(Debug)]
pub struct Pool {
    address: ServerAddress,
    manner: Manner,
    assurance: RefCell<Option<Assurance>>,
    /// By which the last connection was made, or would have been.
    config: RefCell<Option<Arc<ClientConfig>>>,
    /// Counts the configs that connections were made by.
    era: Cell<u32>,
    idle: RefCell<Vec<Idle>>,
    shared: RefCell<Vec<Shared>>,
    idle_timeout: Cell<Duration>,
    preferred: Cell<usize>,
    /// Requests that have no stream, and how many of them open a connection meanwhile.
    waiting: Cell<usize>,
    openings: Cell<usize>,
    opened: Notify,
    /// Streams that the last connection admitted.
    streams_each: Cell<usize>,
    /// The server has chosen HTTP/1.1, so that nobody need wait for streams.
    has_no_streams: Cell<bool>,
}

#[derive(Debug)]
struct Idle {
    link: Link,
    since: Millis,
}

/// A connection of HTTP/2.
#[derive(Debug)]
struct Shared {
    asking: Asking,
    used: Millis,
}

/// A request among those that wait for a stream.
#[derive(Debug)]
pub(crate) struct Waiting(Rc<Pool>);

/// The right of one who waits to open a connection.
#[derive(Debug)]
pub(crate) struct Opening<'w>(&'w Waiting);

impl Waiting {
    /// The right to open a connection, unless as many are being opened as those who wait need.
    pub(crate) fn begin_opening(&self) -> Option<Opening<'_>> {
        let pool = &self.0;
        let needed = pool.waiting.get().div_ceil(pool.streams_each.get()).min(OPENINGS_MAX);
        if pool.openings.get() >= needed {
            return None;
        }
        pool.openings.set(pool.openings.get() + 1);
        Some(Opening(self))
    }

    /// Waits until somebody has opened a connection, or failed.
    pub(crate) async fn someone_has_opened(&self) {
        self.0.opened.notified().await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let pool = &self.0.0;
        pool.openings.set(pool.openings.get() - 1);
        pool.opened.notify_waiters();
    }
}

impl Pool {
    /// Where the server is.
    pub fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// Which of the server's addresses took the last connection.
    pub fn preferred(&self) -> &Cell<usize> {
        &self.preferred
    }

    /// What the server speaks.
    pub(crate) fn protocol(&self) -> Protocol {
        self.manner.protocol
    }

    /// How TLS is begun with it now.
    pub(crate) fn security(&self) -> Option<Security> {
        self.renew();
        let assurance = self.assurance.borrow();
        let Assurance { backend, name } = assurance.as_ref()?;
        Some(Security { config: backend.config(), name: name.clone() })
    }

    /// By which of its configs, counted from the first, connections are made now.
    pub(crate) fn era(&self) -> u32 {
        self.era.get()
    }

    /// Lets go of the connections that were made by another config than they would be made by now: of a server that was
    /// believed then nobody knows whether it still would be. What is under way on them ends undisturbed.
    fn renew(&self) {
        let Some(config) = self.assurance.borrow().as_ref().map(|assurance| assurance.backend.config()) else { return };
        let is_same = |before: &Arc<ClientConfig>| Arc::ptr_eq(before, &config);
        if self.config.borrow().as_ref().is_some_and(is_same) {
            return;
        }
        if self.config.replace(Some(config)).is_some() {
            self.era.set(self.era.get().wrapping_add(1));
            self.idle.take();
            self.shared.take();
        }
    }

    /// A stream with room, or the connection that was used last among the idle ones. The event loop has told of no byte
    /// and no end on it.
    pub fn take(self: &Rc<Self>) -> Option<Lease> {
        self.take_stream().or_else(|| self.take_idle(is_good))
    }

    /// Like [`Self::take`], but asks the kernel too: one system call more, for a request that cannot be repeated.
    pub fn take_checked(self: &Rc<Self>) -> Option<Lease> {
        self.take_stream().or_else(|| self.take_idle(Link::is_quiet))
    }

    fn take_idle(self: &Rc<Self>, is_good: impl Fn(&Link) -> bool) -> Option<Lease> {
        loop {
            let idle = self.idle.borrow_mut().pop()?;
            if is_good(&idle.link) {
                return Some(self.lease(Wire::Link(idle.link), true));
            }
        }
    }

    /// A stream on a connection that has room for it.
    pub(crate) fn take_stream(self: &Rc<Self>) -> Option<Lease> {
        let mut shared = self.shared.borrow_mut();
        shared.retain(|one| !one.asking.is_closed());
        for one in shared.iter_mut().filter(|one| one.asking.has_room()) {
            let now = Millis::now();
            if let Some(stream) = stream_now(&mut one.asking, now) {
                one.used = now;
                return Some(self.lease(Wire::Asked(Box::new(stream)), true));
            }
        }
        None
    }

    fn lease(self: &Rc<Self>, wire: Wire, is_reused: bool) -> Lease {
        Lease { wire, pool: Rc::clone(self), is_reused, era: self.era() }
    }

    /// A lease of a connection that was opened just now.
    pub fn adopt(self: &Rc<Self>, link: Link) -> Lease {
        self.lease(Wire::Link(link), false)
    }

    /// The same, of one that was begun in this era, which may be over.
    pub(crate) fn adopt_of(self: &Rc<Self>, link: Link, era: u32) -> Lease {
        Lease { era, ..self.adopt(link) }
    }

    /// An idle connection of HTTP/1.
    pub(crate) fn take_link(self: &Rc<Self>) -> Option<Lease> {
        self.take_idle(Link::is_quiet)
    }

    /// A lease of the first stream on a connection that was opened just now, which others may use from now on. `None`: the
    /// server has closed it again. No other request gets it if it was begun in an era that is over.
    pub(crate) fn adopt_shared(self: &Rc<Self>, mut asking: Asking, era: u32) -> Option<Lease> {
        let now = Millis::now();
        let stream = stream_now(&mut asking, now)?;
        self.streams_each.set(asking.limit().max(1));
        let mut shared = self.shared.borrow_mut();
        if shared.len() < SHARED_MAX && era == self.era() {
            shared.push(Shared { asking, used: now });
        }
        Some(self.lease(Wire::Asked(Box::new(stream)), false))
    }

    /// The server speaks HTTP/1.1.
    pub(crate) fn learn_no_streams(&self) {
        self.has_no_streams.set(true);
    }

    /// Whether a connection may become one that many share, so that it is worth waiting for who opens it.
    pub(crate) fn may_share(&self) -> bool {
        match self.manner.protocol {
            Protocol::Http1 => false,
            Protocol::Http2 => true,
            Protocol::Auto => !self.has_no_streams.get(),
        }
    }

    /// Whether a server that speaks HTTP/2 may be spoken to in HTTP/1.1 as well.
    pub fn may_choose_http1(&self) -> bool {
        self.manner.protocol == Protocol::Auto
    }

    /// Takes a place among those that wait for a stream.
    pub(crate) fn wait(self: &Rc<Self>) -> Waiting {
        self.waiting.set(self.waiting.get() + 1);
        Waiting(Rc::clone(self))
    }

    /// Number of idle connections, and of those that are shared.
    pub fn idle_count(&self) -> usize {
        self.idle.borrow().len() + self.shared.borrow().len()
    }

    /// Closes every idle connection; returns how many.
    pub fn close_idle(&self) -> usize {
        let mut shared = self.shared.borrow_mut();
        let before = shared.len();
        shared.retain(|one| !one.asking.is_idle());
        before - shared.len() + std::mem::take(&mut *self.idle.borrow_mut()).len()
    }

    fn sweep(&self, now: Millis) {
        self.renew();
        let timeout = self.idle_timeout.get();
        self.idle.borrow_mut().retain(|idle| now.since(idle.since) < timeout && is_good(&idle.link));
        self.shared.borrow_mut().retain_mut(|one| {
            one.asking.sweep(now);
            if !one.asking.is_idle() {
                one.used = now;
            }
            !one.asking.is_closed() && now.since(one.used) < timeout
        });
    }
}

fn stream_now(asking: &mut Asking, now: Millis) -> Option<ClientStream> {
    match asking.poll_stream(&mut Context::from_waker(Waker::noop()), now) {
        Poll::Ready(stream) => stream.ok(),
        Poll::Pending => None,
    }
}

/// Whether nothing has been heard on an idle connection. What a server says unasked must not become the answer to the
/// next request, and a connection that it closed is of no use.
fn is_good(link: &Link) -> bool {
    // Readiness may be left over from a read that filled its buffer exactly; then the kernel decides.
    !link.is_readable() || link.is_quiet()
}

/// A connection or a stream lent to one exchange. Dropping it closes the connection, or cancels the stream.
#[derive(Debug)]
pub struct Lease {
    wire: Wire,
    pool: Rc<Pool>,
    is_reused: bool,
    era: u32,
}

impl Lease {
    /// The connection or stream.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Whether the connection has carried a request before, so that the server may be closing it at this moment.
    pub fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Gives the connection back for the next request. Both messages must have ended cleanly, and nothing that the
    /// server sent may be left over. A stream ends with its messages.
    pub fn give_back(self) {
        let Wire::Link(link) = self.wire else { return };
        if self.era != self.pool.era() {
            return;
        }
        let mut idle = self.pool.idle.borrow_mut();
        if idle.len() < IDLE_MAX {
            idle.push(Idle { link, since: Millis::now() });
        }
    }
}

/// The pools of one worker.
#[derive(Debug, Default)]
pub struct Pools {
    pools: RefCell<HashMap<Key, Weak<Pool>>>,
}

/// Whose connections are kept together.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    address: ServerAddress,
    manner: Manner,
    /// That was proved under TLS: a connection to one of several servers behind an address is none to another.
    name: Option<ServerName<'static>>,
}

impl Pools {
    /// The pool of a server; an existing one keeps its connections and takes the new settings.
    pub fn pool(
        &self,
        address: &ServerAddress,
        manner: Manner,
        assurance: Option<Assurance>,
        idle_timeout: Duration,
    ) -> Rc<Pool> {
        let mut pools = self.pools.borrow_mut();
        let name = assurance.as_ref().map(|assurance| assurance.name.clone());
        let key = Key { address: address.clone(), manner, name };
        if let Some(pool) = pools.get(&key).and_then(Weak::upgrade) {
            pool.idle_timeout.set(idle_timeout);
            pool.assurance.replace(assurance);
            return pool;
        }
        let pool = Rc::new(Pool {
            address: address.clone(),
            manner: key.manner.clone(),
            assurance: RefCell::new(assurance),
            config: RefCell::default(),
            era: Cell::new(0),
            idle: RefCell::default(),
            shared: RefCell::default(),
            idle_timeout: Cell::new(idle_timeout),
            preferred: Cell::new(0),
            waiting: Cell::new(0),
            openings: Cell::new(0),
            opened: Notify::new(),
            streams_each: Cell::new(usize::MAX),
            has_no_streams: Cell::new(false),
        });
        pools.insert(key, Rc::downgrade(&pool));
        pool
    }

    /// Closes connections that were idle for too long or that the server has closed. Called about once a second.
    pub fn sweep(&self, now: Millis) {
        self.pools.borrow_mut().retain(|_, pool| {
            pool.upgrade().is_some_and(|pool| {
                pool.sweep(now);
                true
            })
        });
    }

    /// Closes every idle connection, to free descriptors; returns how many.
    pub fn close_idle(&self) -> usize {
        let pools: Vec<Rc<Pool>> = self.pools.borrow().values().filter_map(Weak::upgrade).collect();
        pools.iter().map(|pool| pool.close_idle()).sum()
    }
}
