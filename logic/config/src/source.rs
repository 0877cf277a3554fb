//! The texts that were read, and places in them. It does not know what the texts mean.

use std::ops::Range;

/// Every file that was read, in the order of reading.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<(String, String)>,
}

/// Index of a file in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(usize);

impl SourceId {
    /// The config itself; included files come after it.
    pub(crate) fn first() -> Self {
        Self(0)
    }
}

/// A stretch of a file, for people and for editors. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file in [`Sources`].
    pub source: SourceId,
    /// The name of the file.
    pub file: String,
    /// Line of the first character.
    pub line: usize,
    /// Column of the first character.
    pub column: usize,
    /// Line of the end.
    pub end_line: usize,
    /// Column just past the last character.
    pub end_column: usize,
    /// The bytes of the file.
    pub range: Range<usize>,
}

/// A stretch of a file in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) source: SourceId,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Sources {
    /// The name of a file.
    pub fn name(&self, id: SourceId) -> &str {
        self.files.get(id.0).map_or("", |(name, _)| name)
    }

    /// The text of a file.
    pub fn text(&self, id: SourceId) -> &str {
        self.files.get(id.0).map_or("", |(_, text)| text)
    }

    /// The names of all files, in the order of reading; the first is the config itself.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn add(&mut self, name: &str, text: &str) -> SourceId {
        self.files.push((name.to_owned(), text.to_owned()));
        SourceId(self.files.len() - 1)
    }

    pub(crate) fn slice(&self, span: Span) -> &str {
        self.text(span.source).get(span.start..span.end).unwrap_or("")
    }

    pub(crate) fn place(&self, span: Span) -> Place {
        let text = self.text(span.source);
        let start = floor(text, span.start);
        let end = floor(text, span.end).max(start);
        let (line, column) = position(text, start);
        let (end_line, end_column) = position(text, end);
        let file = self.name(span.source).to_owned();
        Place { source: span.source, file, line, column, end_line, end_column, range: start..end }
    }

    /// The bytes of the line on which `offset` lies, without its end.
    pub(crate) fn line_around(&self, source: SourceId, offset: usize) -> Range<usize> {
        let text = self.text(source);
        let offset = floor(text, offset);
        let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
        let end = text[offset..].find('\n').map_or(text.len(), |at| offset + at);
        start..end
    }
}

impl Span {
    /// The first character of a file, as a place for findings about the file as a whole.
    pub(crate) fn start_of(source: SourceId) -> Self {
        Self { source, start: 0, end: 0 }
    }
}

/// The closest offset at or before `offset` on which a character begins.
fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}
