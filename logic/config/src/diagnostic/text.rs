//! Findings as text for people. It only lays out; the words come with the findings.

use super::{Diagnostic, Outcome, Severity};
use crate::source::{SourceId, Sources};
use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Renderer, Snippet};

pub(super) fn render(outcome: &Outcome, color: bool) -> String {
    if outcome.diagnostics.is_empty() {
        return String::new();
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for diagnostic in &outcome.diagnostics {
        text.push_str(&renderer.render(&[group(diagnostic, &outcome.sources)]));
        text.push_str("\n\n");
    }
    text.push_str(&count(outcome));
    text.push('\n');
    text
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()).id(diagnostic.code));
    for (source, annotations) in by_file(diagnostic) {
        let snippet = Snippet::source(sources.text(source)).path(sources.name(source)).annotations(annotations);
        group = group.element(Element::from(snippet));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    group
}

/// The places of a finding, file by file; the file of the finding itself comes first.
fn by_file(diagnostic: &Diagnostic) -> Vec<(SourceId, Vec<Annotation<'_>>)> {
    let mut files: Vec<(SourceId, Vec<Annotation<'_>>)> = Vec::new();
    let primary = diagnostic.place.iter().map(|place| (place, AnnotationKind::Primary, None));
    let others = diagnostic.labels.iter().map(|(place, text)| (place, AnnotationKind::Context, Some(text.as_str())));
    for (place, kind, label) in primary.chain(others) {
        let annotation = kind.span(place.range.clone()).label(label);
        match files.iter_mut().find(|(source, _)| *source == place.source) {
            Some((_, annotations)) => annotations.push(annotation),
            None => files.push((place.source, vec![annotation])),
        }
    }
    files
}

fn count(outcome: &Outcome) -> String {
    let number = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    };
    let parts: Vec<String> =
        [number(outcome.errors(), "error"), number(outcome.warnings(), "warning")].into_iter().flatten().collect();
    let mut text = parts.join(" and ");
    if outcome.omitted > 0 {
        text.push_str(&format!(", and {} more that are not listed", outcome.omitted));
    }
    text
}
