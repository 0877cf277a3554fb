//! A flood, again and again on new connections, while somebody else is served: how each connection of it ends, what evener
//! says of that, and how long the other one waits.

use std::io;
use std::time::{Duration, Instant};

use super::scene::Scene;
use crate::harness::frames::{ENHANCE_YOUR_CALM, FramePeer, Outcome};

/// How much a connection may take before the flood must be over.
pub(super) const FLOOD_BYTES_MAX: usize = 64 << 20;
/// How long a flood goes on at least, on as many connections as it takes.
const FLOOD_TIME: Duration = Duration::from_millis(300);
/// What half of the requests of a client beside a flood wait at most. Quietly it is less than a millisecond; the machine
/// may be busy with other tests.
const MEDIAN_MAX: Duration = Duration::from_millis(250);
/// What the others wait at most: the server of the tests and the flood itself need the machine too.
const LONGEST_MAX: Duration = Duration::from_secs(2);
const QUIET_REQUESTS: usize = 20;

/// How the connections of a flood ended.
#[derive(Debug, Default)]
struct Endings {
    /// With GOAWAY and `ENHANCE_YOUR_CALM`.
    told: u64,
    /// With what was said lost: the flood was still under way when the connection was closed.
    untold: u64,
}

/// Each connection of the flood is told to go, and counted once under that reason; somebody else is served as well as before.
#[track_caller]
pub(super) fn survives(scene: Scene, what: &str, reason: &str, flood: impl Fn(&mut FramePeer) -> usize + Sync) {
    survives_as(scene, what, &[reason], flood);
}

/// The same for a flood that is noticed in one way or another.
#[track_caller]
pub(super) fn survives_as(scene: Scene, what: &str, reasons: &[&str], flood: impl Fn(&mut FramePeer) -> usize + Sync) {
    let endings = outlasts(scene, what, reasons, flood);
    assert!(endings.untold * 10 <= endings.told, "{what}: {endings:?}");
}

/// The same for a flood that takes no replies: the word that ends it stays behind them.
#[track_caller]
pub(super) fn survives_unheard(scene: Scene, what: &str, reason: &str, flood: impl Fn(&mut FramePeer) -> usize + Sync) {
    outlasts(scene, what, &[reason], flood);
}

#[track_caller]
fn outlasts(mut scene: Scene, what: &str, reasons: &[&str], flood: impl Fn(&mut FramePeer) -> usize + Sync) -> Endings {
    let quiet = median((0..QUIET_REQUESTS).map(|_| scene.time_witness(what)).collect());
    let begun = Instant::now();
    let (door, flood) = (scene.door.clone(), &flood);
    let (endings, beside) = std::thread::scope(|scope| {
        let flooding = scope.spawn(move || {
            let mut endings = Endings::default();
            while begun.elapsed() < FLOOD_TIME {
                endings.add(what, door.enter(&[]), flood);
            }
            endings
        });
        let mut beside = Vec::new();
        while !flooding.is_finished() {
            beside.push(scene.time_witness(what));
        }
        (flooding.join(), beside)
    });
    let endings = endings.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let (count, longest) = (beside.len(), beside.iter().max().copied().unwrap_or_default());
    let flooded = median(beside);
    let figures = format!(
        "{what}: {endings:?}; another client waited for {quiet:?} before, and for {flooded:?} and at most {longest:?} of \
         {count} times beside it"
    );
    println!("{figures}");
    assert!(flooded < MEDIAN_MAX && longest < LONGEST_MAX, "{figures}");
    scene.expect_well(what);
    scene.expect_counted_as(what, reasons, endings.told + endings.untold, begun);
    endings
}

impl Endings {
    #[track_caller]
    fn add(&mut self, what: &str, mut client: FramePeer, flood: impl Fn(&mut FramePeer) -> usize) {
        let sent = flood(&mut client);
        assert!(sent < FLOOD_BYTES_MAX, "{what}: the flood was taken");
        let ended = client.rest();
        match &ended {
            Ok(Outcome::GoneAway(ENHANCE_YOUR_CALM)) => self.told += 1,
            Ok(Outcome::Closed) => self.untold += 1,
            _ if is_cut(&ended) => self.untold += 1,
            _ => panic!("{what}: {ended:?} after {sent} bytes"),
        }
    }
}

/// Whether a connection was closed over what it sent.
pub(super) fn is_cut(outcome: &io::Result<Outcome>) -> bool {
    outcome.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::TimedOut)
}

/// Sends the same again and again until the connection ends; how much went.
pub(super) fn pour(client: &mut FramePeer, piece: &[u8]) -> usize {
    let mut sent = 0;
    while sent < FLOOD_BYTES_MAX && client.try_send(piece).is_ok() {
        sent += piece.len();
    }
    sent
}

/// The same with pieces that are made for the next stream.
pub(super) fn pour_streams(client: &mut FramePeer, piece: impl Fn(&FramePeer, u32) -> Vec<u8>) -> usize {
    let mut sent = 0;
    while sent < FLOOD_BYTES_MAX {
        let stream = client.take_stream();
        let piece = piece(client, stream);
        if client.try_send(&piece).is_err() {
            break;
        }
        sent += piece.len();
    }
    sent
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
