//! The listening sockets of all workers. An address that stays in the config keeps its sockets, so that a reload refuses
//! nobody.

use evener_plan::{Listen, Plan};
use evener_runtime::listener::{bind, bind_any};
use std::os::fd::OwnedFd;

/// Sockets for one worker.
pub(crate) type Sockets = Vec<(Listen, OwnedFd)>;

/// The addresses on which the workers listen.
#[derive(Debug)]
pub(crate) struct Listeners {
    workers: usize,
    open: Vec<Listen>,
}

impl Listeners {
    pub(crate) fn new(workers: usize) -> Self {
        Self { workers, open: Vec::new() }
    }

    /// Binds the addresses of `plan` that are not open yet: a list for each worker. On an error nothing stays bound.
    pub(crate) fn open(&self, plan: &Plan) -> Result<Vec<Sockets>, String> {
        let mut sockets: Vec<Sockets> = (0..self.workers).map(|_| Vec::new()).collect();
        for listen in plan.listens() {
            if self.open.contains(&listen) {
                continue;
            }
            let bound = match listen {
                Listen::Any(port) => bind_any(port, self.workers),
                Listen::At(address) => bind(address, self.workers),
            };
            let bound = bound.map_err(|error| format!("cannot listen on {listen}: {error}{}", advice(&error)))?;
            sockets.iter_mut().zip(bound).for_each(|(own, fd)| own.push((listen, fd)));
        }
        Ok(sockets)
    }

    /// The workers have taken over `plan`.
    pub(crate) fn commit(&mut self, plan: &Plan) {
        self.open = plan.listens();
    }
}

fn advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => " (another program listens there; `ss -ltnp` shows which)",
        std::io::ErrorKind::PermissionDenied => {
            " (ports below 1024 need the capability CAP_NET_BIND_SERVICE, or run as root)"
        }
        _ => "",
    }
}
