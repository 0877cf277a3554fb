//! What the machine gives: cores, file descriptors, a seed.

use evener_plan::Plan;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::hash::{BuildHasher, RandomState};

/// Descriptors kept free for listeners, logs and pipes; a quarter of them where there are few.
const RESERVED_MAX: usize = 128;
/// Without a limit of the system; a bound all the same, since each connection takes memory.
const UNBOUNDED: usize = 1_000_000;

/// Number of cores that the process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Raises the soft limit of open files to the hard one, and derives how many clients can be served: each may need a
/// second descriptor for its server.
pub(crate) fn connections_max(plan: &Plan) -> usize {
    let limit = getrlimit(Resource::Nofile);
    // Only a process without the right to raise its own limit fails here, and it stays as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    let derived = files.map_or(UNBOUNDED, |files| ((files - RESERVED_MAX.min(files / 4)) / 2).clamp(1, UNBOUNDED));
    plan.limits.connections_max.map_or(derived, |wanted| wanted.min(derived))
}

/// Bytes that nobody can guess; `None` if the system gives none.
pub(crate) fn secret() -> Option<[u8; 32]> {
    let mut secret = [0; 32];
    let count = rustix::rand::getrandom(&mut secret, rustix::rand::GetRandomFlags::empty()).ok()?;
    (count == secret.len()).then_some(secret)
}

/// A number that differs from run to run and cannot be guessed from outside.
pub(crate) fn seed() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
