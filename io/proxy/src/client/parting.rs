//! The end of a connection of HTTP/2 on which everything was said: the client may take it for as long as it does take it.
//!
//! Nothing is answered any more. It ends when the client ends its side, or shows no sign of life for a while, or the worker
//! needs the descriptor or stops.

use crate::state::Entrant;
use evener_runtime::Millis;
use evener_runtime::alarm::Wake;
use evener_wire::Remains;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

/// How long the client may take nothing, and how long it may be silent once its end of the connection has everything. A
/// connection that had rested for so long before its end is not waited for.
const PAUSE: Duration = Duration::from_secs(10);
const PAUSE_WITH_ALL: Duration = Duration::from_secs(5);
/// How long it may take in all; what a slow one has not read by then is in the hands of the kernel.
const TOTAL: Duration = Duration::from_secs(300);
/// How much of what it still says is thrown away at most, and at most between two looks at the clock.
const BYTES_MAX: usize = 256 * 1024 * 1024;
const BYTES_AT_ONCE_MAX: usize = 1024 * 1024;
/// More than the words take that end a connection: the kernel of the client takes those by itself.
const LAST_WORDS_BYTES_MAX: usize = 1024;
/// How often is looked how much the client has taken.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Waits until the client has taken what was said, or takes nothing more. It has shown a sign of life at `alive`.
pub(super) async fn part(entrant: &Entrant, remains: &Remains, mut alive: Millis) {
    let (worker, alarm) = (&entrant.worker, &entrant.alarm);
    let end = Millis::now().after(TOTAL);
    let (mut unsent, mut dropped) = (remains.unsent(), 0);
    alarm.rest(Millis::now());
    while !remains.is_over() && !worker.is_stopping() && dropped < BYTES_MAX {
        let now = Millis::now();
        let late = end.min(alive.after(if unsent > 0 { PAUSE } else { PAUSE_WITH_ALL }));
        if now >= late {
            return;
        }
        alarm.set(late.min(now.after(LOOK_EVERY)));
        let heard = poll_fn(|cx| {
            let mut heard = 0;
            while heard < BYTES_AT_ONCE_MAX {
                match remains.poll_discard(cx) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(None),
                    Poll::Ready(Ok(count)) => heard += count,
                    Poll::Pending if heard > 0 => break,
                    Poll::Pending if worker.is_stopping() => return Poll::Ready(None),
                    Poll::Pending => match alarm.poll(cx) {
                        Poll::Ready(Wake::Deadline) => break,
                        Poll::Ready(Wake::Shed) => return Poll::Ready(None),
                        Poll::Pending => return Poll::Pending,
                    },
                }
            }
            Poll::Ready(Some(heard))
        });
        let Some(heard) = heard.await else { return };
        dropped += heard;
        let still_unsent = remains.unsent();
        if heard > 0 || (still_unsent < unsent && unsent > LAST_WORDS_BYTES_MAX) {
            alive = Millis::now();
        }
        unsent = still_unsent;
    }
}
