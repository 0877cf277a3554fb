//! Where a config comes from: a file, or a text made up from the options of a command. It can be read again and again.

use crate::operator;
use crate::world::RealWorld;
use evener_config::{Outcome, Severity};

/// Where the config comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A file by its path.
    File(String),
    /// Text that was made up from the options of a command.
    Options(String),
}

impl Source {
    /// Reads the config.
    pub(crate) fn load(&self) -> Outcome {
        match self {
            Self::File(path) => evener_config::load(path, &RealWorld),
            Self::Options(text) => evener_config::load_text("options", text, &RealWorld),
        }
    }

    /// Tells the operator what was found. Findings in made-up text are told without their places, which nobody wrote.
    pub(crate) fn tell(&self, outcome: &Outcome) {
        match self {
            Self::File(_) => operator::tell(&outcome.render(operator::has_color())),
            Self::Options(_) => operator::tell(&without_places(outcome)),
        }
    }
}

pub(crate) fn without_places(outcome: &Outcome) -> String {
    let mut text = String::new();
    for finding in &outcome.diagnostics {
        let severity = match finding.severity {
            Severity::Error => "",
            Severity::Warning => "warning: ",
        };
        let help = finding.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
        text.push_str(&format!("evener: {severity}{}{help}\n", finding.message));
    }
    text
}

/// A value as it stands in made-up text: a TOML string that means exactly `value`. The shell has filled in variables.
pub(crate) fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '$' => text.push_str("$$"),
            // TOML admits no control characters in strings, and no four digits are needed for more than those.
            _ if character.is_control() => text.push_str(&format!("\\u{:04X}", u32::from(character))),
            _ => text.push(character),
        }
    }
    text.push('"');
    text
}
