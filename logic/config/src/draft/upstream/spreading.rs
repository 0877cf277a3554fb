//! Reads `balance` and `hash_key`.

use super::super::fields::{self, Fields};
use crate::diagnostic::Report;
use crate::value;
use evener_plan::Balance;

pub(super) fn balance(fields: &Fields<'_>, report: &mut Report) -> Balance {
    let written = fields.text("balance", report, value::balance);
    let key = fields.or_default("hash_key", report, value::hash_key);
    let is_known = written.is_some() || fields.lacks("balance");
    let balance = match &written {
        Some(at) => at.value.clone(),
        None => fields::default(fields.key("balance"), value::balance),
    };
    if let Balance::Hash(_) = balance {
        return Balance::Hash(key);
    }
    if let Some(entry) = fields.entry("hash_key").filter(|_| is_known) {
        let finding = report.error("needs-hash", entry.key, "`hash_key` changes nothing without balance = \"hash\"");
        if let Some(at) = &written {
            finding.label(at.span, "requests are spread in this way");
        }
        finding.help("write balance = \"hash\", or leave `hash_key` out");
    }
    balance
}
