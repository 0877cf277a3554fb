//! What evener tells the person who runs it: messages on standard error and results on standard output.
//!
//! Nothing here fails. A standard error that is gone, or a disk that is full, must not end a program that serves.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Writes `evener: MESSAGE` to standard error.
pub(crate) fn say(message: impl Display) {
    tell(&format!("evener: {message}\n"));
}

/// Writes text as it is to standard error.
pub(crate) fn tell(text: &str) {
    // There is no other place where this failure could be told.
    let _unwritable = io::stderr().write_all(text.as_bytes());
}

/// Says what went wrong, as the end of the program.
pub(crate) fn fail(message: impl Display) -> ExitCode {
    say(message);
    ExitCode::FAILURE
}

/// Prints a result to standard output; a reader that has gone away (`| head`) is no error.
pub(crate) fn print(text: &str) -> ExitCode {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            fail(format_args!("cannot write to standard output: {}", reason(&error)))
        }
        Err(_) | Ok(()) => ExitCode::SUCCESS,
    }
}

/// Whether messages on standard error may have colours. `NO_COLOR` is the usual way to say no.
pub(crate) fn has_color() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// An error of the system without its number, which tells people nothing: `No such file or directory`.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((plain, _)) => plain.to_owned(),
        None => text,
    }
}

/// A time as the config writes it: `30s`, `1m30s`, `250ms`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts =
        [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s"), (u64::from(time.subsec_millis()), "ms")];
    let text: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if text.is_empty() { String::from("0s") } else { text }
}
