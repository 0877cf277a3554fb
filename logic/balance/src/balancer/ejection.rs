//! Whether a row of failures ejects a server. A server that fails where others do not is sick; when all fail alike, the
//! application or what is behind it is, and fewer servers would only make it worse.
//!
//! It does not open circuits or clear gates on its own; it is asked when a row is complete, and ten times a second.

use super::Balancer;
use super::reference::{ERRORS_FREE, Reference};
use crate::Member;
use crate::server::Gate;
use std::sync::atomic::Ordering;

/// No circuit opens while this share of the group is ejected...
const EJECTED_SHARE_MAX: f32 = 0.6;
/// ...or while three quarters of the group fail this often...
const ERRORS_COMMON: f32 = 0.3;
/// ...or of a server that does not fail so many times as often as the best quarter. Where a quarter of all requests fail,
/// five in a row happen to every server once in a while.
const EXCESS: f32 = 4.0;

impl Balancer {
    /// Whether a server with a row of failures may be ejected: it must be worse than its group. If there are backups,
    /// nothing stands against it: to take over when all others fail is what they are for.
    pub(super) fn may_eject(&self, server: usize, now: u32) -> bool {
        let member = &self.members[server];
        if self.has_backup(member.tier) {
            return true;
        }
        let takers = self.members.iter().filter(|member| member.weight > 0).count();
        let ejected = self.group.ejected.load(Ordering::Relaxed);
        let reference = self.reference();
        (ejected as f32) < EJECTED_SHARE_MAX * takers as f32
            && reference.errors < ERRORS_COMMON
            && reference.judge(&member.state, now).errors > EXCESS * reference.errors + ERRORS_FREE
    }

    /// Whether there is somebody to fall back on.
    fn has_backup(&self, tier: u8) -> bool {
        let is_backup =
            |member: &Member| member.tier > tier && member.weight > 0 && !member.state.gate.has(Gate::CLOSED);
        !self.tiers.is_empty() && self.members.iter().any(is_backup)
    }

    /// Corrects verdicts on servers when the whole group fails, and when it no longer does. `before` and `after` are the
    /// measure of the group a tenth of a second ago and now.
    pub(super) fn pardon(&self, before: Reference, after: Reference, now: u32) {
        if before.errors >= ERRORS_COMMON && after.errors < ERRORS_COMMON {
            // It is over. Whoever had fewer requests in this moment would be shunned for an outage of all.
            self.members.iter().for_each(|member| member.state.errors.forget());
        }
        if self.group.ejected.load(Ordering::Relaxed) > 0 && self.do_all_fail(after, now) {
            self.take_all_back();
        }
    }

    /// Whether those that are not ejected all fail. With nobody left the pick goes by cost among all anyway.
    fn do_all_fail(&self, reference: Reference, now: u32) -> bool {
        let is_open = |member: &&Member| member.weight > 0 && !member.state.gate.has(Gate::CLOSED);
        let mut open = self.members.iter().filter(is_open).peekable();
        open.peek().is_some() && open.all(|member| reference.judge(&member.state, now).errors >= ERRORS_COMMON)
    }

    /// Servers that fail at the same moment are ejected before the measure of the group shows that it is all of them.
    /// When the outage behind them ends, the few that were left would have to bear everything until the others had their
    /// trials.
    fn take_all_back(&self) {
        for member in &self.members {
            member.state.circuit.close();
            member.state.align_gate();
        }
        self.group.ejected.store(0, Ordering::Relaxed);
    }
}
