//! Nanoseconds of a pick with its completion, for each kind and size of a group.
//!
//! `cargo bench -p evener-balance` prints a table. Each number is the median of 101 rounds of 20 000 requests, one after
//! the other, of which eight are in flight at any time; all servers are well and have answered before. The clock moves by
//! a millisecond every ten requests. What comes of waiting for memory that another core has written shows only in the
//! rows with two threads.

#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

use evener_balance::{Balancer, GroupState, Kind, Member, Moment, Request, Settings, SplitMix, Tried};
use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 101;
const REQUESTS: u64 = 20_000;
const IN_FLIGHT: usize = 8;
const SIZES: [usize; 3] = [10, 16, 100];
fn main() {
    // cargo bench passes `--bench`; a kind, a size and a number of rounds run that alone, for a profiler.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let Some(name) = arguments.first() {
        let size = arguments.get(1).map_or(10, |text| text.parse().expect("the second argument is a number"));
        let rounds = arguments.get(2).map_or(2000, |text| text.parse().expect("the third argument is a number"));
        let kind = Kind::ALL.iter().find(|kind| format!("{kind:?}") == *name).expect("the first argument is a kind");
        return profile(*kind, size, rounds);
    }
    println!("ns per pick and completion, median (least - most) of {ROUNDS} rounds");
    println!("{:<26}{:>22}{:>22}{:>22}", "", "10 servers", "16 servers", "100 servers");
    for kind in Kind::ALL {
        row(&format!("{kind:?}"), |size| measure(&group(kind, size), 1));
    }
    for kind in [Kind::Adaptive, Kind::RoundRobin, Kind::Random] {
        row(&format!("{kind:?}, two threads"), |size| measure(&group(kind, size), 2));
    }
}

fn row(name: &str, measure: impl Fn(usize) -> String) {
    let cells = SIZES.map(measure);
    println!("{name:<26}{:>22}{:>22}{:>22}", cells[0], cells[1], cells[2]);
}

/// Servers that have all answered in about 10 ms.
fn group(kind: Kind, size: usize) -> Balancer {
    let members = (0..size as u64).map(Member::new).collect();
    let group = Balancer::new(Settings::new(kind), members, Arc::new(GroupState::default()));
    let tried = Tried::new();
    let mut rng = SplitMix::new(1);
    for server in 0..size {
        let request = Request { preferred: Some(server), ..Request::new(&tried) };
        let ticket = group.pick(&request, START, &mut rng).expect("every server takes requests");
        ticket.succeed(Duration::from_micros(10_000 + 10 * server as u64), START);
    }
    group
}

const START: Moment = Moment(1_000_000);

fn measure(group: &Balancer, threads: u64) -> String {
    let mut rounds: Vec<f64> = (0..ROUNDS as u64)
        .map(|number| {
            let sum: f64 = std::thread::scope(|scope| {
                let work = |thread| scope.spawn(move || round(group, number, thread));
                let threads: Vec<_> = (0..threads).map(work).collect();
                threads.into_iter().map(|thread| thread.join().expect("a round does not fail")).sum()
            });
            sum / threads as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    format!("{:.0} ({:.0} - {:.0})", rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1])
}

/// One round; nanoseconds for each request.
fn round(group: &Balancer, number: u64, thread: u64) -> f64 {
    let tried = Tried::new();
    let mut rng = SplitMix::new(number << 8 | thread);
    let mut in_flight = VecDeque::with_capacity(IN_FLIGHT + 1);
    let begin = Instant::now();
    for step in 0..REQUESTS {
        let now = Moment(START.0 + (number * REQUESTS + step) / 10);
        let request = Request { key: step, ..Request::new(&tried) };
        in_flight.push_back(group.pick(black_box(&request), now, &mut rng).expect("every server takes requests"));
        if in_flight.len() > IN_FLIGHT
            && let Some(ticket) = in_flight.pop_front()
        {
            ticket.succeed(black_box(Duration::from_micros(9_000 + step % 2_000)), now);
        }
    }
    begin.elapsed().as_secs_f64() * 1e9 / REQUESTS as f64
}

fn profile(kind: Kind, size: usize, rounds: u64) {
    let group = group(kind, size);
    let sum: f64 = (0..rounds).map(|number| round(&group, number, 0)).sum();
    println!("{kind:?}, {size} servers: {:.1} ns", sum / rounds as f64);
}
