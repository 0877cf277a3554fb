//! Reads one Rust source file just far enough for the rules: which bytes are code, which are
//! comment, and where each function begins and ends.
//!
//! It is not a parser. It knows comments (nested too), strings, raw strings, byte and C strings,
//! characters and lifetimes, and it matches braces. It does not expand macros, and a const
//! expression in braces inside a return type (`-> A<{ 1 }>`) would be taken for the body.

/// A source text split into layers of the same shape: every line keeps its number.
pub(super) struct Source {
    /// The text with comments and the content of literals replaced by spaces.
    pub(super) code: String,
    /// The text of the comments alone, everything else replaced by spaces.
    pub(super) comments: String,
}

/// A function and the lines from its `fn` to its closing brace.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) first_line: usize,
    pub(super) line_count: usize,
}

impl Source {
    /// Splits a text. Never fails: what is unterminated runs to the end of the text.
    pub(super) fn parse(text: &str) -> Self {
        let mut splitter = Splitter {
            characters: text.chars().collect(),
            position: 0,
            code: String::with_capacity(text.len()),
            comments: String::with_capacity(text.len()),
        };
        while splitter.position < splitter.characters.len() {
            splitter.step();
        }
        Self { code: splitter.code, comments: splitter.comments }
    }

    /// Every function with a body, in the order of their `fn` keywords.
    pub(super) fn functions(&self) -> Vec<Function> {
        let characters: Vec<char> = self.code.chars().collect();
        let mut functions = Vec::new();
        let mut line = 1;
        for (position, &character) in characters.iter().enumerate() {
            if character == '\n' {
                line += 1;
            }
            if is_keyword(&characters, position, "fn") {
                functions.extend(function_at(&characters, position, line));
            }
        }
        functions
    }
}

/// Walks over a text and sends each character to its layer.
struct Splitter {
    characters: Vec<char>,
    position: usize,
    code: String,
    comments: String,
}

impl Splitter {
    fn step(&mut self) {
        let current = self.peek(0);
        match (current, self.peek(1)) {
            (Some('/'), Some('/')) => self.line_comment(),
            (Some('/'), Some('*')) => self.block_comment(),
            (Some('"'), _) => self.string(),
            (Some('\''), _) => self.quote(),
            (Some('r' | 'b' | 'c'), _) if self.starts_word() => self.prefixed(),
            _ => self.take_code(1),
        }
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|character| character != '\n') {
            self.take_comment(1);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.position < self.characters.len() {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.take_comment(2);
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.take_comment(2);
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.take_comment(1),
            }
        }
    }

    /// A string with escapes; the position is at its opening quote.
    fn string(&mut self) {
        self.take_code(1);
        while let Some(character) = self.peek(0) {
            match character {
                '\\' => self.take_literal(2),
                '"' => return self.take_code(1),
                _ => self.take_literal(1),
            }
        }
    }

    /// A character literal or a lifetime; the position is at the quote.
    fn quote(&mut self) {
        let is_escape = self.peek(1) == Some('\\');
        let is_character = self.peek(2) == Some('\'') && self.peek(1) != Some('\'');
        if !is_escape && !is_character {
            return self.take_code(1);
        }
        self.take_code(1);
        self.take_literal(if is_escape { 2 } else { 1 });
        while self.peek(0).is_some_and(|character| character != '\'') {
            self.take_literal(1);
        }
        self.take_code(1);
    }

    /// A word that may be the prefix of a literal: `r`, `b`, `c`, `br` or `cr`, with hashes.
    fn prefixed(&mut self) {
        let mut length = 1;
        let mut is_raw = self.peek(0) == Some('r');
        if !is_raw && self.peek(1) == Some('r') {
            is_raw = true;
            length = 2;
        }
        let mut hashes = 0;
        while is_raw && self.peek(length + hashes) == Some('#') {
            hashes += 1;
        }
        let next = self.peek(length + hashes);
        self.take_code(length);
        match next {
            Some('"') if is_raw => self.raw_string(hashes),
            Some('"') => self.string(),
            Some('\'') if !is_raw => self.quote(),
            _ => {}
        }
    }

    /// A raw string; the position is at its first hash or its opening quote.
    fn raw_string(&mut self, hashes: usize) {
        self.take_code(hashes + 1);
        while let Some(character) = self.peek(0) {
            let closing = (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if character == '"' && closing {
                return self.take_code(hashes + 1);
            }
            self.take_literal(1);
        }
    }

    fn starts_word(&self) -> bool {
        let before = self.position.checked_sub(1).and_then(|at| self.characters.get(at));
        !before.is_some_and(|&character| is_word(character))
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.position + ahead).copied()
    }

    fn take_code(&mut self, count: usize) {
        self.take(count, |character| (character, ' '));
    }

    fn take_comment(&mut self, count: usize) {
        self.take(count, |character| (' ', character));
    }

    fn take_literal(&mut self, count: usize) {
        self.take(count, |_| (' ', ' '));
    }

    fn take(&mut self, count: usize, layers: fn(char) -> (char, char)) {
        for _ in 0..count {
            let Some(character) = self.peek(0) else { return };
            let (code, comment) = match character {
                '\n' => ('\n', '\n'),
                other => layers(other),
            };
            self.code.push(code);
            self.comments.push(comment);
            self.position += 1;
        }
    }
}

/// The function whose `fn` stands at the position, unless it is a type or has no body.
fn function_at(characters: &[char], position: usize, first_line: usize) -> Option<Function> {
    let name: String = characters[position + 2..]
        .iter()
        .skip_while(|character| character.is_whitespace())
        .take_while(|&&character| is_word(character) || matches!(character, '#' | '$'))
        .collect();
    if name.is_empty() {
        return None;
    }
    let mut line_count = 1;
    let mut brackets = 0_i32;
    let mut braces = 0_i32;
    for &character in &characters[position..] {
        match character {
            '\n' => line_count += 1,
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            ';' if braces == 0 && brackets == 0 => return None,
            '{' if braces > 0 || brackets == 0 => braces += 1,
            '}' if braces > 0 => {
                braces -= 1;
                if braces == 0 {
                    return Some(Function { name, first_line, line_count });
                }
            }
            _ => {}
        }
    }
    None
}

fn is_keyword(characters: &[char], position: usize, keyword: &str) -> bool {
    let before = position.checked_sub(1).and_then(|at| characters.get(at));
    let after = characters.get(position + keyword.len());
    let stands_alone = |neighbour: Option<&char>| !neighbour.is_some_and(|&other| is_word(other));
    let matches =
        keyword.chars().enumerate().all(|(offset, wanted)| characters.get(position + offset) == Some(&wanted));
    // `r#fn` is a name.
    matches && stands_alone(before) && before != Some(&'#') && stands_alone(after)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
