//! Whether the state folder takes what `tls = "auto"` and `tls = "internal"` keep there, told before anything needs it:
//! an account that cannot be kept would be made again and again.
//!
//! It leaves nothing behind, and it does not know what the files in the folder are.

use crate::operator::reason;
use evener_config::{Diagnostic, Outcome, Severity};
use evener_plan::{Certificates, Plan, ServerTls};
use rustix::fs::{Access, access};
use rustix::io::Errno;
use std::fs;
use std::io::{Error, ErrorKind, Result as IoResult};
use std::path::{Path, PathBuf};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A check, perhaps by another user than the one who runs evener.
    Check,
    /// A start or a reload that goes on: sites with stored certificates work without the folder.
    Start,
    /// A start or a reload that has failed for want of the folder, since there is no internal authority without it.
    FailedStart,
}

/// What is wrong with the folder, at the place of its key, or else of the first key that needs it.
pub(crate) fn finding(plan: &Plan, outcome: &Outcome, asker: Asker) -> Option<Diagnostic> {
    let mut needs = needs(plan);
    if asker == Asker::FailedStart {
        needs.sort_by_key(|need| need.word != INTERNAL);
    }
    let (path, error) = needs.iter().find_map(|need| obstacle(&need.folder).err())?;
    let is_forbidden = error.kind() == ErrorKind::PermissionDenied;
    let severity = match asker {
        // Often another user runs evener than the one who checks.
        Asker::Check if is_forbidden => Severity::Warning,
        Asker::Check | Asker::FailedStart => Severity::Error,
        Asker::Start => Severity::Warning,
    };
    let folder = &plan.state_dir;
    let own = outcome.written("state_dir").filter(|(text, _)| text.trim_end_matches('/') == folder);
    let own = own.map(|(_, place)| place);
    let default = if own.is_none() { " (the default of `state_dir`)" } else { "" };
    let at = if Path::new(folder) == path { String::new() } else { format!("`{}`: ", path.display()) };
    let message = format!("the state folder `{folder}`{default} cannot be written: {at}{}", reason(&error));
    let own_folder = format!("mkdir -p {folder} && chown -R USER {folder}");
    let help = match (asker, is_forbidden) {
        (Asker::Check, true) => format!(
            "no matter if evener runs as a user who can; else name another folder with state_dir = \"…\", or give it to \
             that user: {own_folder}"
        ),
        (_, true) => format!("name another folder with state_dir = \"…\", or give it to this user: {own_folder}"),
        (_, false) => String::from("name a folder that can be written: state_dir = \"…\", at the top of the file"),
    };
    let mut words: Vec<&str> = needs.iter().map(|need| need.word).collect();
    words.dedup();
    let of_words = words.into_iter().flat_map(|word| outcome.places(&["tls", "source"], word));
    let mut places = own.into_iter().chain(of_words);
    let place = places.next();
    let labels = places.map(|place| (place, String::from("certificates of this are kept there"))).collect();
    let code = if severity == Severity::Error { "bad-state-dir" } else { "state-dir-not-writable" };
    Some(Diagnostic { code, severity, message, place, labels, help: Some(help) })
}

/// Something that is kept in the folder.
struct Need {
    /// The word of the config that asks for it.
    word: &'static str,
    folder: PathBuf,
}

fn needs(plan: &Plan) -> Vec<Need> {
    let of_sites = plan.sites.iter().map(|site| site.tls.as_ref());
    let all: Vec<&ServerTls> = of_sites.chain(plan.tcp.iter().map(|tcp| tcp.tls.as_ref())).flatten().collect();
    let has = |kind: &Certificates| all.iter().any(|tls| tls.certificates == *kind);
    let state = Path::new(&plan.state_dir);
    let mut needs = Vec::new();
    if has(&Certificates::Auto) {
        // Accounts are kept in the first, certificates in the second.
        needs.push(Need { word: AUTO, folder: state.join("acme") });
        needs.push(Need { word: AUTO, folder: state.join("acme/certificates") });
    }
    // An authority that is there is only read.
    if has(&Certificates::Internal) && !state.join("internal/root.pem").exists() {
        needs.push(Need { word: INTERNAL, folder: state.join("internal") });
    }
    needs
}

/// Why nothing can be kept in a folder that need not exist yet, and where that shows.
fn obstacle(folder: &Path) -> Result<(), (PathBuf, Error)> {
    let nearest = nearest(folder)?;
    let found = may(&nearest).and_then(|()| try_out(&nearest));
    found.map_err(|error| (nearest, error))
}

/// The folder itself, or the one above it that exists.
fn nearest(folder: &Path) -> Result<PathBuf, (PathBuf, Error)> {
    for above in folder.ancestors() {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        match above.metadata() {
            Ok(found) if found.is_dir() => return Ok(above.to_owned()),
            Ok(_) => return Err((above.to_owned(), Error::from(Errno::NOTDIR))),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err((above.to_owned(), error)),
        }
    }
    Ok(PathBuf::from("."))
}

fn may(folder: &Path) -> IoResult<()> {
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Makes a folder and removes it: permissions alone do not tell of places such as /proc where nobody makes files.
fn try_out(folder: &Path) -> IoResult<()> {
    let trial = folder.join(format!(".evener-{}", std::process::id()));
    match fs::create_dir(&trial) {
        Ok(()) => fs::remove_dir(&trial),
        // One that a crash has left: somebody could make it.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

const AUTO: &str = "auto";
const INTERNAL: &str = "internal";

#[cfg(test)]
mod tests;
