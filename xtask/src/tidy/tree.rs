//! The project's files in memory: path and text of what the rules read.
//!
//! It leaves out build output, hidden folders and fuzz corpora, and it keeps the text only of
//! Rust, TOML and Markdown files.

use std::collections::BTreeMap;
use std::path::Path;

const FOLDERS_LEFT_OUT: [&str; 5] = ["target", "corpus", "artifacts", "node_modules", "__pycache__"];
const TEXTS_KEPT: [&str; 3] = [".rs", ".toml", ".md"];

/// Paths relative to the root, with `/` between the parts, and their texts.
pub(super) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads the tree below a folder.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        read_folder(root, "", &mut files)?;
        Ok(Self { files })
    }

    /// Every file with its text, sorted by path.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Every Rust file with its text.
    pub(super) fn rust_files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(|(path, _)| path.ends_with(".rs"))
    }

    /// Every `Cargo.toml` of a package, with the package's folder in place of its path.
    pub(super) fn manifests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter_map(|(path, text)| Some((path.strip_suffix("/Cargo.toml")?, text)))
    }

    /// The text of one file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }
}

/// A tree that a test wrote down.
#[cfg(test)]
impl<const COUNT: usize> From<[(&str, &str); COUNT]> for Tree {
    fn from(files: [(&str, &str); COUNT]) -> Self {
        let owned = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        Self { files: BTreeMap::from(owned) }
    }
}

fn read_folder(root: &Path, below: &str, files: &mut BTreeMap<String, String>) -> Result<(), String> {
    let folder = root.join(below);
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || FOLDERS_LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if entry.file_type().map_err(failed)?.is_dir() {
            read_folder(root, &path, files)?;
            continue;
        }
        let is_kept = TEXTS_KEPT.iter().any(|ending| path.ends_with(ending));
        let text = if is_kept { std::fs::read_to_string(entry.path()).map_err(failed)? } else { String::new() };
        files.insert(path, text);
    }
    Ok(())
}
