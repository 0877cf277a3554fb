//! The rules of the house that a machine can check: sizes, openings, words, import direction,
//! folders and documents. `cargo xtask tidy` prints what breaks them, and a test fails on it.
//!
//! Each rule is a function from the [`Tree`] to its [`Violation`]s, so a test can hand it a tree
//! that breaks it. Formatting and lints are not repeated here.

mod direction;
mod documents;
mod rust_files;
mod source;
mod tree;

use std::fmt;

use crate::command::workspace_root;
use tree::Tree;

/// One broken rule and where.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    place: String,
    message: String,
}

impl Violation {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.message)
    }
}

type Rule = fn(&Tree) -> Vec<Violation>;

const RULES: [Rule; 12] = [
    rust_files::are_short,
    rust_files::have_short_functions,
    rust_files::say_what_they_are,
    rust_files::use_no_banned_words,
    rust_files::have_telling_names,
    direction::logic_is_pure,
    direction::crates_point_inwards,
    direction::packages_share_the_lints,
    direction::proxy_imports_follow_the_journey,
    documents::folders_have_their_mod_file,
    documents::are_present,
    documents::decisions_are_numbered,
];

/// Checks the project's own tree.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if let Some(argument) = arguments.first() {
        return Err(format!("`tidy` takes no arguments, it got `{argument}`"));
    }
    let tree = Tree::read(&workspace_root())?;
    let violations: Vec<String> =
        RULES.iter().flat_map(|rule| rule(&tree)).map(|violation| violation.to_string()).collect();
    if violations.is_empty() {
        return Ok(());
    }
    Err(format!("the house is untidy:\n{}", violations.join("\n")))
}

#[cfg(test)]
mod tests;
