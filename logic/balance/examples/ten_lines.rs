//! A list of servers, a pick, and what became of it.
//!
//! It sends nothing: `send` stands for a program's own client.

use evener_balance::{Balancer, Failure, Kind, Member, Moment, Request, Settings, SplitMix, Tried};
use std::sync::Arc;
use std::time::Duration;

fn main() {
    let addresses = ["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080"];
    let servers = addresses.iter().map(|address| Member::new(evener_balance::hash_key(address.as_bytes()))).collect();
    let balancer = Balancer::new(Settings::new(Kind::Adaptive), servers, Arc::default());
    let mut rng = SplitMix::new(1);
    for request in 0..10 {
        let now = Moment(1_000 + 10 * request);
        let ticket = balancer.pick(&Request::new(&Tried::new()), now, &mut rng).expect("some server is there");
        let address = addresses[ticket.server()];
        match send(address) {
            Ok(time) => ticket.succeed(time, now.after(time)),
            Err(failure) => ticket.fail(failure, now),
        };
    }
    for (server, address) in addresses.iter().enumerate() {
        println!("{address}: {}", balancer.report(server, Moment(1_100)));
    }
}

/// One server is gone; the time to the first byte of the others.
fn send(address: &str) -> Result<Duration, Failure> {
    if address == "10.0.0.2:8080" { Err(Failure::Connect) } else { Ok(Duration::from_millis(8)) }
}
