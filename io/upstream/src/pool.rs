//! Idle connections of one worker to its servers, kept for the next request.
//!
//! LIFECYCLE: an exchange takes a [`Lease`], which is an idle connection or one that it opened, and gives it back only
//! after both messages ended cleanly; a lease that is dropped closes its connection. [`Pools::sweep`] closes what has
//! been idle for too long or was closed by the server. A pool lives as long as some snapshot names its server.

use evener_plan::ServerAddress;
use evener_runtime::{Millis, Socket};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// Idle connections that one worker keeps to one server. More than this many at once were in use before, so the bound
/// only trims the tail of a burst.
const IDLE_MAX: usize = 512;

/// The connections of one worker to one server.
#[derive(Debug)]
pub struct Pool {
    address: ServerAddress,
    idle: RefCell<Vec<Idle>>,
    idle_timeout: Cell<Duration>,
    preferred: Cell<usize>,
}

#[derive(Debug)]
struct Idle {
    socket: Socket,
    since: Millis,
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

    /// The connection that was used last among the idle ones. The event loop has told of no byte and no end on it.
    pub fn take(self: &Rc<Self>) -> Option<Lease> {
        loop {
            let idle = self.idle.borrow_mut().pop()?;
            if is_good(&idle.socket) {
                return Some(Lease { socket: idle.socket, pool: Rc::clone(self), is_reused: true });
            }
        }
    }

    /// Like [`Self::take`], but asks the kernel too: one system call more, for a request that cannot be repeated.
    pub fn take_checked(self: &Rc<Self>) -> Option<Lease> {
        loop {
            let idle = self.idle.borrow_mut().pop()?;
            if idle.socket.is_quiet() {
                return Some(Lease { socket: idle.socket, pool: Rc::clone(self), is_reused: true });
            }
        }
    }

    /// A lease of a connection that was opened just now.
    pub fn adopt(self: &Rc<Self>, socket: Socket) -> Lease {
        Lease { socket, pool: Rc::clone(self), is_reused: false }
    }

    /// Number of idle connections.
    pub fn idle_count(&self) -> usize {
        self.idle.borrow().len()
    }

    /// Closes every idle connection; returns how many.
    pub fn close_idle(&self) -> usize {
        std::mem::take(&mut *self.idle.borrow_mut()).len()
    }

    fn sweep(&self, now: Millis) {
        let timeout = self.idle_timeout.get();
        self.idle.borrow_mut().retain(|idle| now.since(idle.since) < timeout && is_good(&idle.socket));
    }
}

/// Whether nothing has been heard on an idle connection. What a server says unasked must not become the answer to the
/// next request, and a connection that it closed is of no use.
fn is_good(socket: &Socket) -> bool {
    // Readiness may be left over from a read that filled its buffer exactly; then the kernel decides.
    !socket.is_readable() || socket.is_quiet()
}

/// A connection lent to one exchange. Dropping it closes the connection.
#[derive(Debug)]
pub struct Lease {
    socket: Socket,
    pool: Rc<Pool>,
    is_reused: bool,
}

impl Lease {
    /// The connection.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Whether it has carried a request before, so that the server may be closing it at this moment.
    pub fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Gives the connection back for the next request. Both messages must have ended cleanly, and nothing that the
    /// server sent may be left over.
    pub fn give_back(self) {
        let mut idle = self.pool.idle.borrow_mut();
        if idle.len() < IDLE_MAX {
            idle.push(Idle { socket: self.socket, since: Millis::now() });
        }
    }
}

/// The pools of one worker by the address of the server.
#[derive(Debug, Default)]
pub struct Pools {
    pools: RefCell<HashMap<ServerAddress, Weak<Pool>>>,
}

impl Pools {
    /// The pool of a server; an existing one keeps its connections and takes the new time-out.
    pub fn pool(&self, address: &ServerAddress, idle_timeout: Duration) -> Rc<Pool> {
        let mut pools = self.pools.borrow_mut();
        if let Some(pool) = pools.get(address).and_then(Weak::upgrade) {
            pool.idle_timeout.set(idle_timeout);
            return pool;
        }
        let pool = Rc::new(Pool {
            address: address.clone(),
            idle: RefCell::default(),
            idle_timeout: Cell::new(idle_timeout),
            preferred: Cell::new(0),
        });
        pools.insert(address.clone(), Rc::downgrade(&pool));
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
