//! Rules for single Rust files: length, length of functions, opening line, names, words.
//!
//! Tests and benches may be long: a table of cases is best read in one piece. They still say
//! what they are, and the banned words are banned there too.

use super::Violation;
use super::source::Source;
use super::tree::Tree;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 5] = ["utils", "common", "helpers", "misc", "core"];

/// What must not stand in a comment.
const WORDS_BANNED_IN_COMMENTS: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// What must not stand in code, written without spaces.
const WORDS_BANNED_IN_CODE: [&str; 5] = ["todo!", "unimplemented!", "#[ignore]", "#[allow(", "#![allow("];

pub(super) fn are_short(tree: &Tree) -> Vec<Violation> {
    let measured = tree.rust_files().filter(|(path, _)| has_size_limits(path));
    measured
        .filter_map(|(path, text)| {
            let lines = text.lines().count();
            let message = format!("{lines} lines, at most {FILE_LINES_MAX}: split by reason to change");
            (lines > FILE_LINES_MAX).then(|| Violation::new(path, message))
        })
        .collect()
}

pub(super) fn have_short_functions(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.rust_files().filter(|(path, _)| has_size_limits(path)) {
        let functions = Source::parse(text).functions();
        let long = functions.iter().filter(|function| function.line_count > FUNCTION_LINES_MAX);
        violations.extend(long.map(|function| {
            Violation::new(
                format!("{path}:{}", function.first_line),
                format!("`{}` has {} lines, at most {FUNCTION_LINES_MAX}", function.name, function.line_count),
            )
        }));
    }
    violations
}

pub(super) fn say_what_they_are(tree: &Tree) -> Vec<Violation> {
    tree.rust_files()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| Violation::new(path, "opens without a `//!` line that says what it is"))
        .collect()
}

pub(super) fn use_no_banned_words(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.rust_files() {
        let source = Source::parse(text);
        let layers = source.code.lines().zip(source.comments.lines());
        for (index, (code, comment)) in layers.enumerate() {
            let code: String = code.split_whitespace().collect();
            let in_code = WORDS_BANNED_IN_CODE.iter().filter(|word| code.contains(**word));
            let in_comment = WORDS_BANNED_IN_COMMENTS.iter().filter(|word| comment.contains(**word));
            violations.extend(
                in_code.chain(in_comment).map(|word| {
                    Violation::new(format!("{path}:{}", index + 1), format!("`{word}` must not stand here"))
                }),
            );
        }
    }
    violations
}

pub(super) fn have_telling_names(tree: &Tree) -> Vec<Violation> {
    tree.rust_files()
        .filter(|(path, _)| {
            let parts = path.split('/').map(|part| part.trim_end_matches(".rs"));
            parts.into_iter().any(|part| EMPTY_NAMES.contains(&part) || part.ends_with("_main"))
        })
        .map(|(path, _)| Violation::new(path, "is named after nothing in particular"))
        .collect()
}

/// Tests, benches and fuzz targets have no limits; the shipped code and the tasks have.
fn has_size_limits(path: &str) -> bool {
    let is_ours = ["bin/", "logic/", "io/", "xtask/"].iter().any(|root| path.starts_with(root));
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/") || path.contains("/benches/");
    is_ours && !is_test
}
