//! What was found in a config: collecting it and handing it out. How it looks is in `text` and `json`.

mod json;
mod text;

use crate::source::{Place, SourceId, Sources, Span};
use crate::tree::{Section, Written};
use evener_plan::Plan;
use std::collections::BTreeSet;

/// What came of reading a config.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The plan; `None` if there is an error.
    pub plan: Option<Plan>,
    /// What could be made of the config if there is an error, so that all else that its parts name (files, addresses) can
    /// be looked at, too. It lacks what could not be read and must not be run.
    pub torso: Option<Plan>,
    /// Everything that was found, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// How many more findings there were than are listed.
    pub omitted: usize,
    /// The texts that were read.
    pub sources: Sources,
    texts: Vec<Written>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of finding, such as `unknown-key`; stable, for programs.
    pub code: &'static str,
    /// Whether the config can be used all the same.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where; `None` if the file could not be read at all.
    pub place: Option<Place>,
    /// Other places that have to do with it, and how.
    pub labels: Vec<(Place, String)>,
    /// How to mend it.
    pub help: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The config cannot be used.
    Error,
    /// The config can be used, but does not do what it seems to say.
    Warning,
}

impl Outcome {
    /// Number of errors.
    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }

    /// Number of warnings.
    pub fn warnings(&self) -> usize {
        self.diagnostics.len() - self.errors()
    }

    /// Where `text` is written as the value of one of these keys, or in a list that is one: for those who find out later
    /// what is wrong with it.
    pub fn places(&self, keys: &[&str], text: &str) -> Vec<Place> {
        let is_it = |written: &&Written| written.content == text && keys.contains(&written.key.as_str());
        self.texts.iter().filter(is_it).map(|written| self.sources.place(written.span)).collect()
    }

    /// The same in one section.
    pub fn places_in(&self, section: &Section, keys: &[&str], text: &str) -> Vec<Place> {
        let is_it = |written: &&Written| written.content == text && keys.contains(&written.key.as_str());
        let all = self.texts.iter().filter(|written| written.section.as_ref() == Some(section));
        all.filter(is_it).map(|written| self.sources.place(written.span)).collect()
    }

    /// Where a text is written as the value of this key, and what it is.
    pub fn written(&self, key: &str) -> Option<(&str, Place)> {
        let written = self.texts.iter().find(|written| written.key == key)?;
        Some((&written.content, self.sources.place(written.span)))
    }

    /// Everything that was found as text for people: place, line, caret and help for each, and a last line that counts.
    /// Empty if nothing was found.
    pub fn render(&self, color: bool) -> String {
        text::render(self, color)
    }

    /// Everything that was found as one JSON object.
    pub fn to_json(&self) -> String {
        json::render(self)
    }
}

/// Collects findings while a config is read.
pub(crate) struct Report {
    pub(crate) sources: Sources,
    /// Every text of the config.
    pub(crate) texts: Vec<Written>,
    findings: Vec<Finding>,
    /// Start of every line that is not TOML. What a reader makes of the rest of such a line is guesswork, so later
    /// findings there are dropped.
    broken_lines: BTreeSet<(SourceId, usize)>,
    is_torn: bool,
}

/// More findings than anyone reads. It bounds the work for a file that is no config at all.
const FINDINGS_MAX: usize = 500;

/// A finding that is being described.
pub(crate) struct Finding {
    code: &'static str,
    severity: Severity,
    is_syntax: bool,
    message: String,
    span: Option<Span>,
    labels: Vec<(Span, String)>,
    help: Option<String>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            sources: Sources::default(),
            texts: Vec::new(),
            findings: Vec::new(),
            broken_lines: BTreeSet::new(),
            is_torn: false,
        }
    }

    pub(crate) fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> &mut Finding {
        self.add(code, Severity::Error, Some(span), message.into())
    }

    pub(crate) fn warning(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> &mut Finding {
        self.add(code, Severity::Warning, Some(span), message.into())
    }

    pub(crate) fn error_without_place(&mut self, code: &'static str, message: String) -> &mut Finding {
        self.add(code, Severity::Error, None, message)
    }

    /// A line that is not TOML. Only the first finding on a line is kept.
    pub(crate) fn syntax_error(&mut self, code: &'static str, span: Span, message: String) -> Option<&mut Finding> {
        let line = self.sources.line_around(span.source, span.start).start;
        if !self.broken_lines.insert((span.source, line)) {
            return None;
        }
        let finding = self.add(code, Severity::Error, Some(span), message);
        finding.is_syntax = true;
        Some(finding)
    }

    /// Whether something written may be missing from what was read, so that an absence proves nothing.
    pub(crate) fn is_torn(&self) -> bool {
        self.is_torn || self.is_broken()
    }

    /// Whether a line was no TOML, so that any key may be missing from what was read.
    pub(crate) fn is_broken(&self) -> bool {
        !self.broken_lines.is_empty()
    }

    /// Notes that sites or upstreams were written that could not be read.
    pub(crate) fn tear(&mut self) {
        self.is_torn = true;
    }

    pub(crate) fn has(&self, code: &str) -> bool {
        self.findings.iter().any(|finding| finding.code == code)
    }

    pub(crate) fn has_error(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    fn add(&mut self, code: &'static str, severity: Severity, span: Option<Span>, message: String) -> &mut Finding {
        self.findings.push(Finding { code, severity, is_syntax: false, message, span, labels: Vec::new(), help: None });
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    /// Puts the findings in order and hands out the plan if there is no error among them.
    pub(crate) fn into_outcome(mut self, plan: Option<Plan>) -> Outcome {
        let mut findings = std::mem::take(&mut self.findings);
        findings.retain(|finding| finding.is_syntax || !self.is_on_broken_line(finding));
        findings.sort_by_key(|finding| finding.span);
        let has_error = findings.iter().any(|finding| finding.severity == Severity::Error);
        let omitted = findings.len().saturating_sub(FINDINGS_MAX);
        findings.truncate(FINDINGS_MAX);
        let diagnostics = findings.into_iter().map(|finding| finding.into_diagnostic(&self.sources)).collect();
        let (plan, torso) = if has_error { (None, plan) } else { (plan, None) };
        Outcome { plan, torso, diagnostics, omitted, sources: self.sources, texts: self.texts }
    }

    fn is_on_broken_line(&self, finding: &Finding) -> bool {
        finding.span.is_some_and(|span| {
            let line = self.sources.line_around(span.source, span.start).start;
            self.broken_lines.contains(&(span.source, line))
        })
    }
}

impl Finding {
    pub(crate) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn label(&mut self, span: Span, text: impl Into<String>) -> &mut Self {
        self.labels.push((span, text.into()));
        self
    }

    fn into_diagnostic(self, sources: &Sources) -> Diagnostic {
        Diagnostic {
            code: self.code,
            severity: self.severity,
            message: self.message,
            place: self.span.map(|span| sources.place(span)),
            labels: self.labels.into_iter().map(|(span, text)| (sources.place(span), text)).collect(),
            help: self.help,
        }
    }
}
