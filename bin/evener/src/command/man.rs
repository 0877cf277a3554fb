//! The manual page: one page with every command, made from the definition of the command line.
//!
//! The keys of the config are not repeated here; the reference page has them.

use crate::cli::Cli;
use clap::CommandFactory;
use clap_mangen::Man;
use std::fmt::Write as _;
use std::io;

/// The page in the language of `man`.
pub(crate) fn page() -> io::Result<String> {
    let mut command = Cli::command();
    command.build();
    let man = Man::new(command.clone()).manual("evener manual");
    let mut page = rendered(|out| {
        man.render_title(out)?;
        man.render_name_section(out)?;
        man.render_synopsis_section(out)?;
        man.render_options_section(out)
    })?;
    page.push_str(".SH COMMANDS\n");
    for subcommand in command.get_subcommands() {
        let name = subcommand.get_bin_name().unwrap_or_else(|| subcommand.get_name());
        writeln!(page, ".SS {name}").expect("writing to a string cannot fail");
        let part = Man::new(subcommand.clone());
        let text = rendered(|out| {
            part.render_synopsis_section(out)?;
            part.render_description_section(out)?;
            part.render_options_section(out)
        })?;
        page.push_str(&without_headings(&text));
    }
    page.push_str(REST);
    Ok(page)
}

fn rendered(render: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<String> {
    let mut out = Vec::new();
    render(&mut out)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The parts of a command under one heading: the headings of its own become paragraphs, and the preamble that stands
/// before each part is on the page already.
fn without_headings(text: &str) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        match line {
            _ if line.starts_with(".ie ") || line.starts_with(".el ") => continue,
            _ if line.starts_with(".SH ") => kept.push_str(".PP"),
            _ => kept.push_str(line),
        }
        kept.push('\n');
    }
    kept
}

/// What the definition of the command line does not know.
const REST: &str = r#".SH SIGNALS
.TP
HUP
Read the config again. A config with errors changes nothing. Open connections go on.
.TP
TERM, QUIT, INT
Accept nothing new, finish the requests in flight, and end; after \fBshutdown_grace\fR, or at a second signal, at once.
.TP
USR1
Open the access log again, after it was moved away.
.SH EXIT STATUS
.TP
0
All went well; a stop by a signal too.
.TP
1
The config has errors, or something else failed; standard error says what.
.TP
2
The command line is wrong.
.SH FILES
.TP
evener.toml, /etc/evener/evener.toml
The config, when none is named: the first of them that is there.
.SH ENVIRONMENT
.TP
NO_COLOR
When it is not empty, messages have no colours.
.PP
The config may name further variables as ${NAME}.
"#;
