//! The sessions over UDP of one service, in the count of all workers, and the call for room among the workers. Both outlive
//! plans. Which session has to leave is decided where the sessions are.

use evener_plan::{Listen, UdpService};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Notify;

/// The sessions of one service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seats(Arc<AtomicU32>);

/// The counts of all services, each by its first address.
#[derive(Debug, Default)]
pub(crate) struct SeatCounts {
    services: Vec<(Listen, Seats)>,
    /// Told by a worker that has found all seats of a service taken and none of its own to give away.
    pub(crate) pressure: Arc<Notify>,
}

/// One session in the count of its service.
#[derive(Debug)]
pub(crate) struct Seat(Seats);

impl Seats {
    /// Whether `most` are taken.
    pub(crate) fn are_full(&self, most: u32) -> bool {
        self.0.load(Ordering::Relaxed) >= most
    }
}

impl SeatCounts {
    /// The counts for the services of a new plan. A service keeps its count with its first address.
    pub(crate) fn renew(&mut self, services: &[UdpService]) -> Vec<Seats> {
        let old = std::mem::take(&mut self.services);
        let first = |service: &UdpService| service.listen.first().copied();
        let kept = |listen: Listen| old.iter().find(|(own, _)| *own == listen).map(|(_, seats)| seats.clone());
        let seats = |service: &UdpService| first(service).and_then(kept).unwrap_or_default();
        let renewed: Vec<Seats> = services.iter().map(seats).collect();
        self.services = services.iter().filter_map(first).zip(renewed.iter().cloned()).collect();
        renewed
    }
}

impl Seat {
    /// A seat, unless `most` are taken.
    pub(crate) fn take(seats: &Seats, most: u32) -> Option<Self> {
        let before = seats.0.fetch_add(1, Ordering::Relaxed);
        // Dropping it takes the count back.
        let seat = Self(seats.clone());
        (before < most).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evener_plan::UpstreamId;
    use std::time::Duration;

    fn service(port: u16) -> UdpService {
        let listen = vec![Listen::Any(port)];
        UdpService { listen, upstream: UpstreamId(0), idle_timeout: Duration::from_secs(1), sessions_max: 1 }
    }

    #[test]
    fn only_so_many_seats_are_given_out_also_over_a_new_plan() {
        let mut counts = SeatCounts::default();
        let before = counts.renew(&[service(53), service(54)]);
        let first = Seat::take(&before[0], 1).unwrap();
        assert!(Seat::take(&before[0], 1).is_none());
        assert!(before[0].are_full(1) && !before[0].are_full(2) && !before[1].are_full(1));
        let other = Seat::take(&before[1], 1).unwrap();
        let after = counts.renew(&[service(55), service(53)]);
        assert!(Seat::take(&after[1], 1).is_none(), "the session of the old plan counts");
        let fresh = Seat::take(&after[0], 1).unwrap();
        drop((first, other, fresh));
        assert!(Seat::take(&after[1], 1).is_some());
    }
}
