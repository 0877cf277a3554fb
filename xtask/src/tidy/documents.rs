//! Rules for folders and documents: module folders hold a `mod.rs`, the documents of the house
//! are there and short enough, and decisions are numbered without gaps.
//!
//! It does not judge what the documents say.

use std::collections::BTreeSet;

use super::Violation;
use super::tree::Tree;

const DOCUMENTS: [&str; 9] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "docs/lexicon.md",
    "deny.toml",
];

const ARCHITECTURE_LINES_MAX: usize = 199;
const DECISIONS: &str = "docs/decisions/";

/// A folder below a `src` that holds Rust files has a `mod.rs`, and no file beside it bears its
/// name: there is one place to look for a module.
pub(super) fn folders_have_their_mod_file(tree: &Tree) -> Vec<Violation> {
    let mut folders = BTreeSet::new();
    for (path, _) in tree.rust_files() {
        let Some((_, inside)) = path.split_once("/src/") else { continue };
        let root_length = path.len() - inside.len();
        let ends = inside.match_indices('/').map(|(position, _)| root_length + position);
        folders.extend(ends.map(|end| &path[..end]));
    }
    let mut violations = Vec::new();
    for folder in folders {
        if tree.text(&format!("{folder}/mod.rs")).is_none() && !folder.ends_with("/src/bin") {
            violations.push(Violation::new(folder, "holds Rust files but no `mod.rs`"));
        }
        if tree.text(&format!("{folder}.rs")).is_some() {
            violations.push(Violation::new(folder, "stands beside a file of the same name"));
        }
    }
    violations
}

pub(super) fn are_present(tree: &Tree) -> Vec<Violation> {
    let absent = DOCUMENTS.iter().filter(|path| tree.text(path).is_none());
    let mut violations: Vec<Violation> = absent.map(|path| Violation::new(*path, "is missing")).collect();
    let lines = tree.text("ARCHITECTURE.md").map_or(0, |text| text.lines().count());
    if lines > ARCHITECTURE_LINES_MAX {
        let message = format!("{lines} lines, at most {ARCHITECTURE_LINES_MAX}");
        violations.push(Violation::new("ARCHITECTURE.md", message));
    }
    violations
}

pub(super) fn decisions_are_numbered(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut expected = 1;
    for (path, text) in tree.files() {
        let Some(name) = path.strip_prefix(DECISIONS) else { continue };
        let number = name.split_once('-').and_then(|(digits, title)| {
            let is_well_formed = digits.len() == 4 && title.len() > 3 && title.ends_with(".md");
            if is_well_formed { digits.parse::<u32>().ok() } else { None }
        });
        match number {
            None => violations.push(Violation::new(path, "is not named NNNN-title.md")),
            Some(number) if number != expected => {
                let message = format!("has number {number}, the next one is {expected}");
                violations.push(Violation::new(path, message));
                expected = number + 1;
            }
            Some(_) => expected += 1,
        }
        if !text.starts_with("# ") {
            violations.push(Violation::new(path, "opens without a `# ` title"));
        }
    }
    if expected == 1 && violations.is_empty() {
        violations.push(Violation::new(DECISIONS, "holds no decision"));
    }
    violations
}
