//! Reads `[log]`.

use super::fields::Fields;
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::Table;
use crate::value::{self, Fault, closest, quote};
use evener_plan::{AccessFormat, LogPlan, LogTarget};

/// What holds without `[log]`.
pub(super) fn none() -> LogPlan {
    LogPlan { access: LogTarget::Off, format: AccessFormat::Json }
}

pub(super) fn read(table: &Table, report: &mut Report) -> LogPlan {
    let fields = Fields::open(&keys::LOG, table, report);
    LogPlan {
        access: fields.or_default("access", report, target),
        format: fields.or_default("format", report, value::access_format),
    }
}

fn target(text: &str) -> Result<LogTarget, Fault> {
    match text {
        "off" => return Ok(LogTarget::Off),
        "stdout" => return Ok(LogTarget::Stdout),
        "stderr" => return Ok(LogTarget::Stderr),
        _ => {}
    }
    if text.contains('\0') || text.ends_with('/') {
        return Err(Fault::new("bad-path", format!("{} is not the path of a file", quote(text))));
    }
    // A word without a slash is more likely a slip than a file in whatever folder evener was started in.
    if !text.contains('/') {
        let fault = Fault::new("unknown-word", format!("{} is no place for a log", quote(text)));
        return Err(match closest(text, ["off", "stdout", "stderr"]) {
            Some(near) => fault.help(format!("did you mean \"{near}\"?")),
            None => fault.help(format!(
                "write \"stdout\", \"stderr\", \"off\" or a path with a slash, such as \"./{}\"",
                text.escape_default()
            )),
        });
    }
    Ok(LogTarget::File(text.to_owned()))
}
