//! Rules of direction: `bin -> io -> logic`, `plan` knows nobody, and inside `io/proxy` a module
//! imports only modules further along a request's journey.
//!
//! It reads the manifests line by line and the imports from the code layer of each file; paths
//! that a macro would build are out of its sight.

use super::Violation;
use super::source::Source;
use super::tree::Tree;

/// The modules of `io/proxy` in the order a request meets them. A module imports only modules
/// that stand below it; those at the end are shared by all.
const JOURNEY: [&str; 8] = ["worker", "listener", "entrance", "layer4", "client", "exchange", "tunnel", "state"];

/// The crates of `io/`, the most basic first. A crate depends only on those before it; a new
/// edge needs a decision record, and then a place in this list.
const IO_CRATES: [&str; 8] = ["runtime", "observe", "tls", "acme", "admin", "wire", "upstream", "proxy"];

/// What does I/O, and so has no place in `logic/`, not even in its tests.
const IMPURE_CRATES: [&str; 6] = ["tokio", "rustix", "socket2", "mio", "libc", "nix"];

pub(super) fn logic_is_pure(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (folder, manifest) in tree.manifests().filter(|(folder, _)| folder.starts_with("logic/")) {
        for dependency in dependencies(manifest) {
            let io_crate = dependency.strip_prefix("evener-").filter(|name| is_io_crate(tree, name));
            if io_crate.is_some() || IMPURE_CRATES.contains(&dependency) {
                violations.push(Violation::new(
                    format!("{folder}/Cargo.toml"),
                    format!("`{dependency}` touches the world, `logic/` must not"),
                ));
            }
            if folder == "logic/plan" {
                violations
                    .push(Violation::new("logic/plan/Cargo.toml", format!("`{dependency}`: plan has no dependencies")));
            }
        }
    }
    violations
}

pub(super) fn crates_point_inwards(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (folder, manifest) in tree.manifests() {
        let place = || format!("{folder}/Cargo.toml");
        for dependency in dependencies(manifest) {
            if dependency == "evener" {
                violations.push(Violation::new(place(), "nothing depends on the binary"));
            }
            let Some(own) = folder.strip_prefix("io/") else { continue };
            let other = dependency.strip_prefix("evener-").unwrap_or(dependency);
            if !is_io_crate(tree, other) {
                continue;
            }
            let own_rank = IO_CRATES.iter().position(|&name| name == own);
            let other_rank = IO_CRATES.iter().position(|&name| name == other);
            let points_inwards = matches!((own_rank, other_rank), (Some(own), Some(other)) if other < own);
            if !points_inwards {
                let message = format!("io/{own} must not depend on io/{other}");
                violations.push(Violation::new(place(), message));
            }
        }
    }
    violations
}

/// Only `io/runtime` may set its own lints, because only there `unsafe` may stand.
pub(super) fn packages_share_the_lints(tree: &Tree) -> Vec<Violation> {
    tree.manifests()
        .filter(|(folder, _)| *folder != "io/runtime" && *folder != "fuzz")
        .filter(|(_, manifest)| {
            let mut lines = manifest.lines().map(str::trim);
            let has_section = lines.any(|line| line == "[lints]");
            !has_section || lines.next() != Some("workspace = true")
        })
        .map(|(folder, _)| Violation::new(format!("{folder}/Cargo.toml"), "does not take the workspace's lints"))
        .collect()
}

pub(super) fn proxy_imports_follow_the_journey(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.rust_files() {
        let Some(inside) = path.strip_prefix("io/proxy/src/") else { continue };
        let is_test = inside.ends_with("tests.rs") || inside.contains("tests/");
        if is_test || inside == "lib.rs" {
            continue;
        }
        let module_path = module_path(inside);
        let Some(own) = module_path.first().copied() else { continue };
        let Some(own_rank) = JOURNEY.iter().position(|&name| name == own) else {
            violations.push(Violation::new(path, "has no place in the JOURNEY of the tidy rules"));
            continue;
        };
        for other in crate_level_imports(text, module_path.len()) {
            let other_rank = JOURNEY.iter().position(|&name| name == other);
            if other_rank.is_some_and(|rank| rank < own_rank) {
                let message = format!("`{own}` imports `{other}`, which comes before it");
                violations.push(Violation::new(path, message));
            }
        }
    }
    violations
}

/// `client/head.rs` is `[client, head]`, `client/mod.rs` is `[client]`.
fn module_path(inside: &str) -> Vec<&str> {
    let path = inside.trim_end_matches(".rs");
    path.split('/').filter(|part| *part != "mod").collect()
}

fn is_io_crate(tree: &Tree, name: &str) -> bool {
    IO_CRATES.contains(&name) || tree.text(&format!("io/{name}/Cargo.toml")).is_some()
}

/// The names in all dependency sections of a manifest, those for tests and build scripts too.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            is_inside = header.ends_with("dependencies");
            if let Some((section, name)) = header.rsplit_once('.')
                && section.ends_with("dependencies")
            {
                names.push(name);
            }
        } else if is_inside && !line.starts_with('#') {
            let name = line.split(['=', '.']).next().unwrap_or_default().trim();
            if !name.is_empty() {
                names.push(name);
            }
        }
    }
    names
}

/// The first names after `crate::`, and after as many `super::` as lead to the crate's root.
fn crate_level_imports(text: &str, depth: usize) -> Vec<String> {
    let code: String = Source::parse(text).code.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut roots = vec!["crate::".to_owned()];
    if depth > 0 {
        roots.push("super::".repeat(depth));
    }
    let mut names = Vec::new();
    for root in roots {
        for (position, _) in code.match_indices(&root) {
            let before = code[..position].chars().next_back();
            let continues = before.is_some_and(|other| other.is_alphanumeric() || "_:$".contains(other));
            if !continues {
                names.extend(first_names(&code[position + root.len()..]));
            }
        }
    }
    names
}

/// `a::b` gives `a`; `{a, b::{c, d}}` gives `a` and `b`.
fn first_names(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![leading_name(rest)];
    };
    let mut names = Vec::new();
    let mut depth = 1_usize;
    let mut starts_entry = true;
    for (position, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => starts_entry = true,
            ' ' => {}
            _ if starts_entry => {
                names.push(leading_name(&group[position..]));
                starts_entry = false;
            }
            _ => {}
        }
    }
    names
}

fn leading_name(text: &str) -> String {
    text.chars().take_while(|&character| character.is_alphanumeric() || character == '_').collect()
}
