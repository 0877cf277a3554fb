//! The reference page of all keys, in Markdown.

use crate::keys::{Form, Key, Kind, SECTIONS, Section, Without};
use crate::value::ACCESS_FIELDS;
use std::fmt::Write;

const HEAD: &str = "\
# The config file

This page is made from the program; `evener check FILE` says what is wrong with a file and `evener schema` prints a
JSON schema for editors.

The file is [TOML](https://toml.io). The shortest one:

```toml
[[site]]
to = [\"127.0.0.1:8081\", \"127.0.0.1:8082\"]
```

- A key that is not on this page is an error. A key belongs to the header above it.
- Durations: `\"250ms\"`, `\"5s\"`, `\"2m\"`, `\"1h30m\"`, `\"30d\"`. Sizes: `512`, `\"10MB\"` (steps of 1000), `\"64KiB\"`
  (steps of 1024). Shares: `\"20%\"`, `\"0.5%\"`.
- In any string `${NAME}` is the environment variable NAME, `${NAME:-text}` is `text` if it is not set or empty, and
  `$$` is a dollar sign. A variable that is not set and has no default is an error.
";

pub(crate) fn reference() -> String {
    let mut page = String::from(HEAD);
    for section in SECTIONS {
        self::section(&mut page, section);
    }
    page.push_str("\n## Names in a log template\n\n");
    for name in ACCESS_FIELDS {
        line(&mut page, format_args!("- `{{{name}}}` {}", access_field(name)));
    }
    page
}

fn section(page: &mut String, section: &Section) {
    let heading = match section.heading.starts_with('[') {
        true => format!("`{}`", section.heading),
        false => capital(section.heading),
    };
    line(page, format_args!("\n## {heading}\n\n{}\n", section.doc));
    line(page, format_args!("| key | value | without it |\n|---|---|---|"));
    for key in section.keys() {
        line(page, format_args!("| `{}` | {} | {} |", key.name, cell(&shape(key.kind)), cell(&without(key))));
    }
    for group in section.groups {
        if let Some(earlier) = first_home(section, group) {
            let names: Vec<String> = group.iter().map(|key| format!("`{}`", key.name)).collect();
            let link = link(earlier);
            line(page, format_args!("\n{}: as in {link}.", names.join(", ")));
            continue;
        }
        for key in *group {
            key_text(page, key);
        }
    }
}

/// The section before this one that has the same group of keys.
fn first_home(section: &Section, group: &[Key]) -> Option<&'static Section> {
    let is_same = |known: &&'static [Key]| known.iter().map(|key| key.doc).eq(group.iter().map(|key| key.doc));
    let before = SECTIONS.iter().take_while(|other| other.id != section.id);
    before.copied().find(|other| other.groups.iter().any(is_same))
}

fn key_text(page: &mut String, key: &Key) {
    line(page, format_args!("\n**`{}`** {}\n\n```toml\n{}\n```", key.name, key.doc, key.sample()));
}

fn without(key: &Key) -> String {
    match key.without {
        Without::Default(default) => format!("`{default}`"),
        Without::Means(words) => words.to_owned(),
        Without::Required => String::from("*required*"),
    }
}

/// The shape of a value, for a cell of a table.
fn shape(kind: Kind) -> String {
    match kind {
        Kind::Text(Form::Word(words)) => {
            words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
        }
        Kind::Text(Form::Duration) => String::from("duration"),
        Kind::Text(Form::Size) => String::from("size"),
        Kind::Text(Form::Share) => String::from("share"),
        Kind::Text(Form::Other { what, .. }) => what.to_owned(),
        Kind::Integer { min, max } => format!("{min} to {max}"),
        Kind::Boolean => String::from("`true` or `false`"),
        Kind::Bytes => String::from("number of bytes"),
        Kind::Number(numbers) => numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Kind::List(Kind::Table(section)) => format!("list of tables {}", link(section)),
        Kind::List(item) => format!("list of {}", item.plural()),
        Kind::OneOrMore(item) => format!("{}, or a list", shape(*item)),
        Kind::Either(kinds) => kinds.iter().map(|kind| shape(*kind)).collect::<Vec<_>>().join(" or "),
        Kind::Map => String::from("table of names and texts"),
        Kind::Table(section) => format!("table {}", link(section)),
        Kind::Tables(section) | Kind::Named(section) => format!("tables {}", link(section)),
    }
}

/// A link to a section, by the anchor that Markdown makes of its heading.
fn link(section: &Section) -> String {
    let letter = |letter: &char| letter.is_alphanumeric() || *letter == ' ';
    let anchor: String = section.heading.chars().filter(letter).collect();
    let text = match section.heading.starts_with('[') {
        true => format!("`{}`", section.heading),
        false => section.heading.to_owned(),
    };
    format!("[{text}](#{})", anchor.to_lowercase().replace(' ', "-"))
}

/// Text that does not end a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(page, "{text}");
}

fn access_field(name: &str) -> &'static str {
    match name {
        "time" => "when the first byte of the request came, in UTC, as in `2026-01-31T12:00:00.000Z`",
        "client" => "address of the client; behind a trusted proxy, the one that the proxy names",
        "method" => "method",
        "target" => "path and query as they came",
        "path" => "path without the query",
        "query" => "query without the `?`",
        "protocol" => "version, as in `HTTP/1.1`",
        "host" => "host of the request",
        "status" => "status of the response; 499 if the client left before it",
        "bytes_out" => "bytes of the response body that were sent",
        "bytes_in" => "bytes of the request body that were received",
        "duration" => "seconds from the first byte of the request to the last of the response",
        "duration_ms" => "the same in milliseconds",
        "upstream" => "name of the upstream",
        "server" => "the server that answered, or the last one that was tried, as written in the config",
        "server_time" => "seconds from sending the request to the first byte of the server's response",
        "queue_time" => "seconds for which it waited because every server was at its bound",
        "pick" => "what was known of the server when it was picked: requests in flight, factor, failures",
        "retries" => "how often the request was sent again",
        "reason" => "reason code of a failure",
        "referer" => "`Referer` of the request",
        "user_agent" => "`User-Agent` of the request",
        _ => unreachable!("every name of a log template is described here, also {name}"),
    }
}
