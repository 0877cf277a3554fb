//! Reads `[acme]`.

use super::fields::Fields;
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::Table;
use crate::value;
use evener_plan::{AccountBinding, Acme};

pub(super) fn read(table: &Table, report: &mut Report) -> Acme {
    let fields = Fields::open(&keys::ACME, table, report);
    Acme {
        directory: fields.or_default("directory", report, value::directory),
        email: fields.text("email", report, value::email).map(|at| at.value),
        ca: fields.text("ca", report, value::file).map(|at| at.value),
        binding: binding(&fields, report),
        renew_before: fields.or_default("renew_before", report, value::duration_within("renew_before", "1m", "365d")),
    }
}

fn binding(fields: &Fields<'_>, report: &mut Report) -> Option<AccountBinding> {
    let span = fields.entry("binding")?.node.span;
    let fields = Fields::open(&keys::BINDING, fields.table("binding")?, report);
    let id = fields.text("id", report, value::key_id);
    let key = fields.text("key", report, value::binding_key);
    for name in ["id", "key"] {
        if fields.lacks(name) {
            report
                .error("missing-key", span, format!("`binding` needs `{name}`"))
                .help("for example: { id = \"kid-1\", key = \"${ACME_KEY}\" }");
        }
    }
    Some(AccountBinding { id: id?.value, key: key?.value })
}
