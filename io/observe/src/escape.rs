//! Text from clients in a form that cannot break a log line or steer a terminal.
//!
//! It shortens very long text. It does not drop anything else.

/// Bytes of a text that are written; what follows is replaced by `...`. It bounds a line however long a head may be.
const TEXT_BYTES_MAX: usize = 8192;

/// Appends text for a line of plain text: `"`, `\`, control characters and bytes from 0x80 on become `\xHH`, as in
/// Apache and nginx. An empty text becomes `-`.
pub(crate) fn push_plain(text: &[u8], out: &mut Vec<u8>) {
    if text.is_empty() {
        out.push(b'-');
        return;
    }
    let (text, end) = shorten(text);
    push_runs(text, out, |byte, out| {
        out.extend_from_slice(b"\\x");
        push_hex(byte, out);
    });
    out.extend_from_slice(end);
}

/// Appends text as a JSON string with its quotes (RFC 8259 §7). Control characters, also those above 0x7f, become
/// `\u00HH`. Bytes that are not UTF-8 become U+FFFD, as JSON has no way to carry them.
pub(crate) fn push_json(text: &[u8], out: &mut Vec<u8>) {
    let (text, end) = shorten(text);
    out.push(b'"');
    if text.is_ascii() {
        push_runs(text, out, push_json_byte);
    } else {
        for chunk in text.utf8_chunks() {
            push_json_text(chunk.valid(), out);
            if !chunk.invalid().is_empty() {
                out.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
    }
    out.extend_from_slice(end);
    out.push(b'"');
}

/// Appends a message for a person: control characters become `\xHH`, everything else stays.
pub(crate) fn push_message(text: &str, out: &mut String) {
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
}

fn shorten(text: &[u8]) -> (&[u8], &'static [u8]) {
    match text.split_at_checked(TEXT_BYTES_MAX) {
        Some((start, rest)) if !rest.is_empty() => (start, b"..."),
        _ => (text, b""),
    }
}

/// Copies runs of harmless ASCII at once and gives all other bytes to `push_unsafe`.
fn push_runs(mut text: &[u8], out: &mut Vec<u8>, push_unsafe: fn(u8, &mut Vec<u8>)) {
    // Nearly all text needs nothing. A loop without a way out is compiled to vector instructions.
    if text.iter().fold(true, |so_far, byte| so_far & is_harmless(*byte)) {
        out.extend_from_slice(text);
        return;
    }
    while let Some(place) = text.iter().position(|byte| !is_harmless(*byte)) {
        out.extend_from_slice(&text[..place]);
        push_unsafe(text[place], out);
        text = &text[place + 1..];
    }
    out.extend_from_slice(text);
}

fn is_harmless(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\'
}

fn push_json_byte(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            out.extend_from_slice(b"\\u00");
            push_hex(byte, out);
        }
    }
}

fn push_json_text(text: &str, out: &mut Vec<u8>) {
    for character in text.chars() {
        match u8::try_from(character) {
            Ok(byte) if is_harmless(byte) || byte >= 0xa0 => push_character(character, out),
            Ok(byte) => push_json_byte(byte, out),
            Err(_) => push_character(character, out),
        }
    }
}

fn push_character(character: char, out: &mut Vec<u8>) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn push_hex(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}
