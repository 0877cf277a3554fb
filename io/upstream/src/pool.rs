//! Connections of one worker to its servers, kept for the next request: idle ones of HTTP/1, and those of HTTP/2, on which
//! many requests are under way.
//!
//! LIFECYCLE: an exchange takes a [`Lease`], which is an idle connection, a stream, or a connection that it opened, and
//! gives it back only after both messages ended cleanly; a lease that is dropped closes its connection or cancels its
//! stream. [`Pools::sweep`] closes what has been idle for too long or was closed by the server. A pool lives as long as
//! some snapshot names its server.

use evener_plan::{Protocol, ServerAddress, UpstreamTls};
use evener_runtime::Millis;
use evener_tls::Link;
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

/// What makes two connections to one address different from each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Manner {
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether TLS is spoken below it, and how.
    pub tls: Option<UpstreamTls>,
}

/// How TLS is begun with one server.
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
    security: RefCell<Option<Security>>,
    idle: RefCell<Vec<Idle>>,
    shared: RefCell<Vec<Shared>>,
    idle_timeout: Cell<Duration>,
    preferred: Cell<usize>,
    /// Somebody opens a connection on which others wait for a stream.
    is_opening: Cell<bool>,
    opened: Notify,
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

/// The right to open a connection on which others wait.
#[derive(Debug)]
pub(crate) struct Opening(Rc<Pool>);

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.is_opening.set(false);
        self.0.opened.notify_waiters();
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

    /// How TLS is begun with it.
    pub(crate) fn security(&self) -> Option<Security> {
        self.security.borrow().clone()
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
            if let Some(stream) = stream_now(&mut one.asking) {
                one.used = Millis::now();
                return Some(self.lease(Wire::Asked(Box::new(stream)), true));
            }
        }
        None
    }

    fn lease(self: &Rc<Self>, wire: Wire, is_reused: bool) -> Lease {
        Lease { wire, pool: Rc::clone(self), is_reused }
    }

    /// A lease of a connection that was opened just now.
    pub fn adopt(self: &Rc<Self>, link: Link) -> Lease {
        self.lease(Wire::Link(link), false)
    }

    /// A lease of the first stream on a connection that was opened just now, which others may use from now on. `None`: the
    /// server has closed it again.
    pub(crate) fn adopt_shared(self: &Rc<Self>, mut asking: Asking) -> Option<Lease> {
        let stream = stream_now(&mut asking)?;
        self.shared.borrow_mut().push(Shared { asking, used: Millis::now() });
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

    /// The right to open a connection, unless somebody has it.
    pub(crate) fn begin_opening(self: &Rc<Self>) -> Option<Opening> {
        (!self.is_opening.replace(true)).then(|| Opening(Rc::clone(self)))
    }

    /// Waits until whoever has that right has opened a connection, or failed.
    pub(crate) async fn someone_has_opened(&self) {
        self.opened.notified().await;
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
        let timeout = self.idle_timeout.get();
        self.idle.borrow_mut().retain(|idle| now.since(idle.since) < timeout && is_good(&idle.link));
        self.shared.borrow_mut().retain_mut(|one| {
            if !one.asking.is_idle() {
                one.used = now;
            }
            !one.asking.is_closed() && now.since(one.used) < timeout
        });
    }
}

fn stream_now(asking: &mut Asking) -> Option<ClientStream> {
    match asking.poll_stream(&mut Context::from_waker(Waker::noop())) {
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
        let mut idle = self.pool.idle.borrow_mut();
        if idle.len() < IDLE_MAX {
            idle.push(Idle { link, since: Millis::now() });
        }
    }
}

/// The pools of one worker by the address of the server and what is spoken there.
#[derive(Debug, Default)]
pub struct Pools {
    pools: RefCell<HashMap<(ServerAddress, Manner), Weak<Pool>>>,
}

impl Pools {
    /// The pool of a server; an existing one keeps its connections and takes the new settings.
    pub fn pool(
        &self,
        address: &ServerAddress,
        manner: Manner,
        security: Option<Security>,
        idle_timeout: Duration,
    ) -> Rc<Pool> {
        let mut pools = self.pools.borrow_mut();
        let key = (address.clone(), manner);
        if let Some(pool) = pools.get(&key).and_then(Weak::upgrade) {
            pool.idle_timeout.set(idle_timeout);
            pool.security.replace(security);
            return pool;
        }
        let pool = Rc::new(Pool {
            address: address.clone(),
            manner: key.1.clone(),
            security: RefCell::new(security),
            idle: RefCell::default(),
            shared: RefCell::default(),
            idle_timeout: Cell::new(idle_timeout),
            preferred: Cell::new(0),
            is_opening: Cell::new(false),
            opened: Notify::new(),
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
