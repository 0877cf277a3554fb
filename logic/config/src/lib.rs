//! Reads `evener.toml` into an [`evener_plan::Plan`] and says, for everything that is wrong, where and how to mend it.
//! It opens no file, asks no name server and reads no environment: those answers come in through [`World`].
//!
//! The way of a config: text -> tree (with places, variables filled in, included files merged) -> draft (typed, as
//! written) -> plan (checked as a whole, names resolved). Every step collects all its findings and goes on.

mod build;
mod diagnostic;
mod document;
mod draft;
mod keys;
mod source;
mod tree;
mod value;
mod world;

pub use diagnostic::{Diagnostic, Outcome, Severity};
pub use source::{Place, SourceId, Sources};
pub use tree::Section;
pub use world::{NoWorld, World};

use diagnostic::Report;

/// Reads the config at `path` and the files that it includes.
pub fn load(path: &str, world: &dyn World) -> Outcome {
    match world.read(path) {
        Ok(text) => load_text(path, &text, world),
        Err(problem) => {
            let mut report = Report::new();
            report.error_without_place("unreadable-file", format!("cannot read {}: {problem}", value::quote(path)));
            report.into_outcome(None)
        }
    }
}

/// Reads `text` as if it stood in a file called `name`; included files are looked for beside `name`.
pub fn load_text(name: &str, text: &str, world: &dyn World) -> Outcome {
    let mut report = Report::new();
    let root = tree::gather(name, text, world, &mut report);
    report.texts = root.texts();
    let draft = draft::read(&root, &mut report);
    let plan = build::plan(draft, world, &mut report);
    report.into_outcome(Some(plan))
}

/// The JSON schema (draft 2020-12) of `evener.toml`, for editors.
pub fn schema() -> String {
    document::schema()
}

/// The reference page of all keys, in Markdown.
pub fn reference() -> String {
    document::reference()
}

/// Names that may stand in braces in the template of an access log line.
pub fn access_field_names() -> &'static [&'static str] {
    value::ACCESS_FIELDS
}
