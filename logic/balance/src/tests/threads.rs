//! Many threads at one balancer: nothing is counted twice or lost.

use super::*;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const THREADS: u64 = 4;

#[test]
fn round_robin_is_exact_over_many_threads() {
    let group = Balancer::new(Settings::new(Kind::RoundRobin), members(&[3, 2, 1]), Arc::default());
    let counts = std::thread::scope(|scope| {
        let work = |seed| {
            let group = &group;
            scope.spawn(move || {
                let mut rng = SplitMix::new(seed);
                let mut pick = || group.pick(&Request::new(&Tried::new()), START, &mut rng).unwrap().server();
                tally(&(0..600).map(|_| pick()).collect::<Vec<_>>(), 3)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(work).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold(vec![0; 3], |mut sum, counts| {
            sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            sum
        })
    });
    assert_eq!(counts, [1200, 800, 400]);
}

#[test]
fn a_bound_holds_whatever_the_threads_do() {
    const LIMIT: u32 = 3;
    let settings = Settings { limit: Limit::Fixed(LIMIT), ..Settings::new(Kind::Adaptive) };
    let group = Balancer::new(settings, members(&[1, 1]), Arc::default());
    let inside: [AtomicU32; 2] = Default::default();
    let served = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for seed in 0..THREADS {
            let (group, inside, served) = (&group, &inside, &served);
            scope.spawn(move || {
                let mut rng = SplitMix::new(seed);
                let mut held = Vec::new();
                for step in 0..20_000_u64 {
                    // Time moves, so that counts are folded in the middle of it.
                    let now = Moment(START.0 + step);
                    if let Ok(ticket) = group.pick(&Request::new(&Tried::new()), now, &mut rng) {
                        let before = inside[ticket.server()].fetch_add(1, Ordering::SeqCst);
                        assert!(before < LIMIT, "{} requests at a server", before + 1);
                        served.fetch_add(1, Ordering::Relaxed);
                        held.push(ticket);
                    }
                    if held.len() > 2 || step % 3 == 0 {
                        held.pop().into_iter().for_each(|ticket| {
                            inside[ticket.server()].fetch_sub(1, Ordering::SeqCst);
                        });
                    }
                }
                for ticket in held {
                    inside[ticket.server()].fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    let requests: u64 = (0..2).map(|server| group.report(server, START).requests).sum();
    assert_eq!(requests, served.load(Ordering::Relaxed), "a request that was refused counts as none");
}

#[test]
fn the_counts_of_all_kinds_end_at_nothing() {
    for kind in Kind::ALL {
        for limit in [Limit::None, Limit::Fixed(5), Limit::Learned] {
            for servers in [3, 20] {
                let settings = Settings { limit, ..Settings::new(kind) };
                stress(&Balancer::new(settings, members(&vec![2; servers]), Arc::default()));
            }
        }
    }
}

/// Requests with every outcome, several at a time in each thread, over ten seconds in which servers also go down and up.
fn stress(group: &Balancer) {
    let picked = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for seed in 0..THREADS {
            let picked = &picked;
            scope.spawn(move || {
                let mut rng = SplitMix::new(seed);
                let mut held: Vec<Ticket<'_>> = Vec::new();
                for step in 0..2_000_u64 {
                    let now = Moment(START.0 + 5 * step);
                    let chance = rng.next_u64();
                    let server = (chance >> 32) as usize % group.members().len();
                    match chance % 100 {
                        0 => group.members()[server].state.checked(chance & 256 == 0, now),
                        1 => group.spare(server, Duration::from_secs(1), now),
                        2 => group.members()[server].state.drain(chance & 256 == 0),
                        _ => {}
                    }
                    let preferred = (chance & 512 != 0).then_some(server);
                    let nowhere = Tried::new();
                    let request = Request { key: chance, preferred, ..Request::new(&nowhere) };
                    if let Ok(ticket) = group.pick(&request, now, &mut rng) {
                        picked.fetch_add(1, Ordering::Relaxed);
                        held.push(ticket);
                    }
                    if held.len() > 6 || rng.below(2) == 0 {
                        let place = rng.below(held.len() as u64) as usize;
                        if place < held.len() {
                            end(held.swap_remove(place), rng.next_u64(), now);
                        }
                    }
                }
            });
        }
    });
    let reports: Vec<ServerReport> = (0..group.members().len()).map(|server| group.report(server, START)).collect();
    for report in &reports {
        assert_eq!((report.in_flight, report.awaiting, report.streams), (0, 0, 0), "{group:?}");
    }
    let requests: u64 = reports.iter().map(|report| report.requests).sum();
    assert_eq!(requests, picked.load(Ordering::Relaxed));
}

fn end(mut ticket: Ticket<'_>, chance: u64, now: Moment) {
    if chance & 1 == 0 {
        ticket.answered(millis(1.0), now);
    }
    if chance & 2 == 0 {
        ticket.streams();
    }
    match chance >> 2 & 3 {
        0 => {
            ticket.succeed(millis(1.0), now);
        }
        1 => {
            ticket.fail(Failure::Reset, now);
        }
        2 => {
            ticket.answered_badly(Failure::Status(503), now);
        }
        _ => drop(ticket),
    }
}
