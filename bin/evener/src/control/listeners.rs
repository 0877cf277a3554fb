//! The listening sockets of all workers. An address that stays in the config keeps its sockets, so that a reload refuses
//! nobody.
//!
//! It does not accept: workers do, each on its own sockets.
//!
//! An address for datagrams that goes is held for a moment longer, by sessions that wait for their last answer. If it comes
//! back meanwhile, it is waited for.

use crate::operator::reason;
use evener_plan::{Listen, Plan};
use evener_runtime::listener::{bind, bind_any};
use evener_runtime::udp;
use std::io::{Error, ErrorKind};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long sessions of an address that went may hold it; they end by themselves in half of that.
const HELD_MAX: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Sockets for one worker.
pub(crate) type Sockets = Vec<(Listen, OwnedFd)>;

/// The addresses on which the workers listen.
#[derive(Debug)]
pub(crate) struct Listeners {
    workers: usize,
    open: Vec<Listen>,
    /// The same for datagrams.
    datagrams: Vec<Listen>,
    /// Addresses for datagrams that went lately.
    closing: Vec<(Listen, Instant)>,
}

impl Listeners {
    pub(crate) fn new(workers: usize) -> Self {
        Self { workers, open: Vec::new(), datagrams: Vec::new(), closing: Vec::new() }
    }

    /// Binds the addresses of `plan` that are not open yet: a list for each worker. On an error nothing stays bound.
    pub(crate) fn open(&self, plan: &Plan) -> Result<Vec<Sockets>, String> {
        let mut sockets: Vec<Sockets> = (0..self.workers).map(|_| Vec::new()).collect();
        let mut taken = self.open.clone();
        for listen in plan.listens() {
            if self.open.contains(&listen) {
                continue;
            }
            let bound = match listen {
                Listen::Any(port) => bind_any(port, self.workers),
                Listen::At(address) => bind(address, self.workers),
            };
            let bound = bound.map_err(|error| {
                format!("cannot listen on {listen}: {} ({})", reason(&error), advice(listen, &taken, &error))
            })?;
            sockets.iter_mut().zip(bound).for_each(|(own, fd)| own.push((listen, fd)));
            taken.push(listen);
        }
        Ok(sockets)
    }

    /// The same for the addresses on which datagrams are received.
    pub(crate) fn open_datagrams(&self, plan: &Plan) -> Result<Vec<Sockets>, String> {
        let mut sockets: Vec<Sockets> = (0..self.workers).map(|_| Vec::new()).collect();
        let mut taken = self.datagrams.clone();
        for listen in plan.udp_listens() {
            if self.datagrams.contains(&listen) {
                continue;
            }
            let bound = match listen {
                Listen::Any(port) => udp::bind_any(port, self.workers),
                Listen::At(address) => udp::bind(address, self.workers),
            };
            let bound = bound.map_err(|error| {
                let advice = advice(listen, &taken, &error).replace("ss -ltnp", "ss -lunp");
                format!("cannot listen on {listen} over UDP: {} ({advice})", reason(&error))
            })?;
            sockets.iter_mut().zip(bound).for_each(|(own, fd)| own.push((listen, fd)));
            taken.push(listen);
        }
        Ok(sockets)
    }

    /// The same, but waits for addresses that sessions of an earlier plan still hold.
    pub(crate) async fn reopen_datagrams(&self, plan: &Plan) -> Result<Vec<Sockets>, String> {
        loop {
            let opened = self.open_datagrams(plan);
            let is_held = |listen: &Listen| !self.datagrams.contains(listen) && self.is_closing(*listen);
            if opened.is_ok() || !plan.udp_listens().iter().any(is_held) {
                return opened;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Whether sessions of an address that went may hold this one.
    fn is_closing(&self, listen: Listen) -> bool {
        self.closing.iter().any(|(closing, since)| overlap(*closing, listen) && since.elapsed() < HELD_MAX)
    }

    /// The workers have taken over `plan`.
    pub(crate) fn commit(&mut self, plan: &Plan) {
        self.open = plan.listens();
        let before = std::mem::replace(&mut self.datagrams, plan.udp_listens());
        let gone = before.into_iter().filter(|listen| !self.datagrams.contains(listen));
        self.closing.retain(|(_, since)| since.elapsed() < HELD_MAX);
        self.closing.extend(gone.map(|listen| (listen, Instant::now())));
    }
}

/// Whether the system refuses to listen on both.
pub(crate) fn overlap(one: Listen, other: Listen) -> bool {
    match (one, other) {
        (Listen::Any(one), Listen::Any(other)) => one == other,
        (Listen::Any(port), Listen::At(address)) | (Listen::At(address), Listen::Any(port)) => port == address.port(),
        (Listen::At(one), Listen::At(other)) => {
            let covers = |wide: std::net::SocketAddr, narrow: std::net::SocketAddr| {
                // The unspecified address of IPv6 takes IPv4 as well.
                wide.ip().is_unspecified() && (wide.is_ipv6() || narrow.is_ipv4())
            };
            one.port() == other.port() && (one == other || covers(one, other) || covers(other, one))
        }
    }
}

/// What to do about it.
fn advice(listen: Listen, taken: &[Listen], error: &Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => match taken.iter().find(|taken| overlap(**taken, listen)) {
            Some(own) => format!("evener itself listens on {own}, which overlaps with it"),
            None => String::from("another program listens there; `ss -ltnp` shows which"),
        },
        ErrorKind::PermissionDenied => {
            String::from("ports below 1024 need the capability CAP_NET_BIND_SERVICE, or to run as root")
        }
        ErrorKind::AddrNotAvailable => {
            String::from("no interface of this machine has the address; `ip addr` lists them")
        }
        _ if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            String::from("the limit of open files is too low; `ulimit -n` shows it")
        }
        _ => String::from("the system refuses it"),
    }
}
