//! Reads `sticky`.

use super::super::fields::{self, Fields};
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::{Table, Value};
use crate::value::{self, Fault};
use evener_plan::Sticky;

pub(super) fn read(fields: &Fields<'_>, report: &mut Report) -> Option<Sticky> {
    let node = &fields.entry("sticky")?.node;
    match &node.value {
        Value::Table(written) => Some(table(written, report)),
        Value::Text(_) => {
            let cookie = fields::text(node, report, bare_name)?.value;
            Some(Sticky { cookie, ..table(&Table::default(), report) })
        }
        _ => None,
    }
}

fn table(table: &Table, report: &mut Report) -> Sticky {
    let fields = Fields::open(&keys::STICKY, table, report);
    let secure = fields.flag("secure").unwrap_or(false);
    Sticky {
        cookie: fields.or_default(
            "cookie",
            report,
            |text| if secure { value::cookie_name(text) } else { open_name(text) },
        ),
        secret: fields.text("secret", report, value::secret).map(|at| at.value),
        max_age: fields.text("max_age", report, value::duration_within("max_age", "1s", "8760h")).map(|at| at.value),
        secure,
    }
}

/// The name in place of a table.
fn bare_name(text: &str) -> Result<String, Fault> {
    if text == "off" {
        return Err(Fault::new("bad-cookie", "`off` would be the name of the cookie")
            .help("leave `sticky` out, or write { cookie = \"off\" } if you mean it"));
    }
    open_name(text)
}

/// The name of a cookie without `Secure`. Browsers drop such a cookie if its name promises otherwise (RFC 6265bis §4.1.3).
fn open_name(text: &str) -> Result<String, Fault> {
    let name = value::cookie_name(text)?;
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("__secure-") || lower.starts_with("__host-") {
        return Err(Fault::new("bad-cookie", "browsers drop a cookie with this name unless it is secure")
            .help(format!("write {{ cookie = \"{name}\", secure = true }}")));
    }
    Ok(name)
}
