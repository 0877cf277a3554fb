//! What the machine gives: cores, file descriptors, a seed. How many of the descriptors are in use, workers count.

use crate::operator::say;
use evener_plan::{Plan, UdpService};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::hash::{BuildHasher, RandomState};

/// Descriptors kept free for listeners, logs, checks and pipes; a quarter of them where there are few.
const RESERVED_MAX: usize = 128;
/// This part of those is for pipes. Clients that read slowly keep their pipes for as long as they like.
const PIPES_PART: usize = 4;
/// Where there are many descriptors, some more are for pipes: a part of those beyond the first few thousand, up to a bound.
/// All of it guesses; who gets no pipe has his bytes copied, which costs time alone.
const FEW_FILES: usize = 4096;
const PIPES_PART_OF_MANY: usize = 16;
const PIPE_FILES_MAX: usize = 2048;
/// A pipe has two ends.
const FILES_OF_PIPE: usize = 2;
/// Without a limit of the system; a bound all the same, since each connection takes memory.
const UNBOUNDED: usize = 1_000_000;
/// This part of the descriptors is for sessions over UDP, if they want so many. A guess.
const SESSIONS_PART: usize = 4;

/// Number of cores that the process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What the limit of open files is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shares {
    /// Client connections, over TCP too: each may need a second descriptor for its server.
    connections: usize,
    /// Sessions over UDP: each needs one for its server.
    sessions: usize,
    /// Pipes between a client and a server.
    pipes: usize,
}

/// Raises the soft limit of open files to the hard one, and derives from it how many clients can be served. Sessions over
/// UDP have a share of their own, so that neither they nor connections can take the descriptors of the others: where it is
/// less than the plan allows, the bounds of its services are lowered.
pub(crate) fn share_files(mut plan: Plan) -> (Plan, Bounds) {
    let limit = getrlimit(Resource::Nofile);
    // Only a process without the right to raise its own limit fails here, and it stays as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    let shares = share(files, plan.limits.connections_max, sessions_wanted(&plan));
    for message in bound_sessions(&mut plan, shares.sessions) {
        say(format_args!("{message}: the limit of open files is {}", files.unwrap_or(UNBOUNDED)));
    }
    (plan, Bounds { connections: shares.connections, pipes: shares.pipes })
}

/// What workers may have open together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) connections: usize,
    pub(crate) pipes: usize,
}

fn sessions_wanted(plan: &Plan) -> usize {
    let wanted = plan.udp.iter().map(|service| usize::try_from(service.sessions_max).unwrap_or(usize::MAX));
    wanted.fold(0, usize::saturating_add)
}

fn share(files: Option<usize>, connections_wanted: Option<usize>, sessions_wanted: usize) -> Shares {
    let Some(files) = files else {
        let connections = connections_wanted.map_or(UNBOUNDED, |wanted| wanted.min(UNBOUNDED));
        return Shares { connections, sessions: sessions_wanted, pipes: PIPE_FILES_MAX / FILES_OF_PIPE };
    };
    let reserved = RESERVED_MAX.min(files / 4);
    let more_for_pipes = (files.saturating_sub(FEW_FILES) / PIPES_PART_OF_MANY).min(PIPE_FILES_MAX);
    let pipes = (reserved / PIPES_PART + more_for_pipes) / FILES_OF_PIPE;
    let free = files - reserved - more_for_pipes;
    // What few connections leave is for sessions too.
    let left = connections_wanted.map_or(0, |wanted| free.saturating_sub(wanted.saturating_mul(2)));
    let sessions = sessions_wanted.min(left.max(free / SESSIONS_PART));
    let derived = ((free - sessions) / 2).clamp(1, UNBOUNDED);
    Shares { connections: connections_wanted.map_or(derived, |wanted| wanted.min(derived)), sessions, pipes }
}

/// Lowers the bounds of the services, each by the same part, until all of them together are `most`; what to say of it.
fn bound_sessions(plan: &mut Plan, most: usize) -> Vec<String> {
    let wanted = sessions_wanted(plan) as u128;
    if wanted <= most as u128 {
        return Vec::new();
    }
    let lowered = plan.udp.iter_mut().map(|service| {
        let part = u128::from(service.sessions_max) * most as u128 / wanted;
        let part = u32::try_from(part).unwrap_or(service.sessions_max).max(1);
        let message = format!(
            "`max_sessions` of the service on {} is {part} instead of {}",
            listed(service),
            service.sessions_max
        );
        service.sessions_max = part;
        message
    });
    lowered.collect()
}

fn listed(service: &UdpService) -> String {
    let listens: Vec<String> = service.listen.iter().map(ToString::to_string).collect();
    listens.join(" and ")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: Option<usize>, connections: Option<usize>, sessions: usize, expected: (usize, usize)) {
        let shares = share(files, connections, sessions);
        assert_eq!((shares.connections, shares.sessions), expected);
        if let Some(files) = files {
            let of_tunnels = FILES_OF_PIPE * shares.pipes + 2 * shares.connections.min(files / 4);
            assert!(of_tunnels + shares.sessions <= files, "{shares:?}");
        }
    }

    #[test]
    fn sessions_have_a_share_and_leave_the_rest_to_connections() {
        check(Some(1128), None, 0, (500, 0));
        check(Some(1128), None, 100, (450, 100));
        check(Some(1128), None, 10_000, (375, 250));
        check(Some(128), None, 10_000, (36, 24));
        check(Some(16), None, 10_000, (4, 3));
        check(Some(1), None, 10_000, (1, 0));
        check(None, None, 10_000, (UNBOUNDED, 10_000));
    }

    #[test]
    fn what_few_connections_leave_is_for_sessions() {
        check(Some(1128), Some(100), 10_000, (100, 800));
        check(Some(1128), Some(100), 300, (100, 300));
        check(Some(1128), Some(499), 10_000, (375, 250));
        check(Some(1128), Some(10_000), 0, (500, 0));
        check(Some(1128), Some(usize::MAX), 10_000, (375, 250));
        check(None, Some(7), 10, (7, 10));
    }

    #[test]
    fn pipes_have_a_part_of_what_is_reserved_and_more_where_there_is_much() {
        let check = |files: Option<usize>, expected: (usize, usize)| {
            let shares = share(files, None, 0);
            assert_eq!((shares.connections, shares.pipes), expected, "{files:?}");
        };
        check(Some(1), (1, 0));
        check(Some(128), (48, 4));
        check(Some(1128), (500, 16));
        check(Some(4096), (1984, 16));
        check(Some(20_096), (9_484, 516));
        check(Some(1_048_576), (523_200, 1_040));
        check(None, (UNBOUNDED, 1_024));
    }

    fn plan(sessions: &[u32]) -> Plan {
        let service = |(sessions, port)| {
            format!("[[udp]]\nlisten = \":{port}\"\nto = \"127.0.0.1:9\"\nmax_sessions = {sessions}\n")
        };
        let config: String = sessions.iter().zip(53..).map(service).collect();
        let config = format!("workers = 1\n{config}");
        evener_config::load_text("made up", &config, &evener_config::NoWorld).plan.unwrap()
    }

    #[test]
    fn services_are_lowered_in_proportion_and_it_is_said() {
        let check = |sessions: &[u32], most: usize, expected: &[u32]| {
            let mut plan = plan(sessions);
            let messages = bound_sessions(&mut plan, most);
            let bounds: Vec<u32> = plan.udp.iter().map(|service| service.sessions_max).collect();
            assert_eq!(bounds, expected);
            assert_eq!(messages.len(), if bounds == sessions { 0 } else { sessions.len() });
        };
        check(&[100, 300], 400, &[100, 300]);
        check(&[100, 300], 200, &[50, 150]);
        check(&[10_000_000, 1], 1000, &[999, 1]);
        check(&[10], 0, &[1]);
        let said = bound_sessions(&mut plan(&[100]), 7);
        assert_eq!(said, ["`max_sessions` of the service on :53 is 7 instead of 100"]);
    }
}
