//! The command line: words, options and their help. What the commands do is in `command`.

use crate::source::quoted;
use crate::world::Unresolved;
use clap::builder::{ArgPredicate, PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Args, Error, Parser, Subcommand, ValueEnum};
use std::ffi::{OsStr, OsString};

/// Reverse proxy and load balancer.
#[derive(Debug, Parser)]
#[command(name = "evener", version, about, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(subcommand_precedence_over_arg = true)]
#[command(override_usage = "evener <COMMAND>\n       evener -t [FILE]")]
pub(crate) struct Cli {
    /// Check the config and exit; the same as `evener check`.
    #[arg(short = 't', value_name = "FILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "clap's form of an option whose value may be left out")]
    pub(crate) test: Option<Option<String>>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Cli {
    /// Reads the command line of the process; a wrong one ends it with code 2 and advice.
    pub(crate) fn read() -> Self {
        Self::read_from(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    pub(crate) fn read_from(words: impl IntoIterator<Item = OsString>) -> Result<Self, Error> {
        Self::try_parse_from(words).map_err(|mut error| {
            // Other programs take their config without a word before it.
            if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
                && (word.ends_with(".toml") || word.contains('/'))
            {
                let tip = format!("to run with this config, write 'evener run {word}'");
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
            }
            error
        })
    }
}

/// What evener is asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run with a config file.
    Run(File),
    /// Run without a config file: listen on one address and spread requests over some servers.
    Proxy(Proxy),
    /// Run three built-in servers of unlike speed with the balancer in front.
    Demo(Demo),
    /// Check a config file: every error at once, with its place and a suggestion.
    Check(Check),
    /// Print the JSON schema of the config file, for editors.
    Schema,
    /// Print the completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
}

/// The config file.
#[derive(Debug, Args)]
pub(crate) struct File {
    /// The config file; without it evener.toml, or else /etc/evener/evener.toml.
    pub(crate) file: Option<String>,
}

/// Settings of `evener proxy`.
#[derive(Debug, Args)]
pub(crate) struct Proxy {
    /// Address to listen on, such as `:8080` for every interface or `127.0.0.1:8080`.
    #[arg(long, value_name = "ADDRESS", default_value = ":8080", value_parser = listen)]
    pub(crate) listen: String,
    /// Servers, separated by commas or in several `--to`: addresses or names with a port, or `unix:/path`.
    #[arg(long, value_name = "SERVERS", required = true, value_delimiter = ',', value_parser = server)]
    pub(crate) to: Vec<String>,
    /// How requests are spread.
    #[arg(long, value_name = "HOW", default_value = "adaptive", value_parser = BalanceParser)]
    #[arg(default_value_if("hash_key", ArgPredicate::IsPresent, "hash"))]
    pub(crate) balance: String,
    /// What of a request is hashed: client_ip, uri, path, cookie:NAME, header:NAME or query:NAME. Implies `--balance hash`.
    #[arg(long, value_name = "KEY", value_parser = hash_key)]
    pub(crate) hash_key: Option<String>,
    /// Path that every server is asked for every 5 seconds; one that does not answer well gets no requests.
    #[arg(long, value_name = "PATH", value_parser = health)]
    pub(crate) health: Option<String>,
    /// Where the access log goes: stdout, stderr, off, or the path of a file with a `/` in it.
    #[arg(long, value_name = "TARGET", default_value = "off", value_parser = access_log)]
    pub(crate) access_log: String,
}

/// Settings of `evener demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Address to listen on. Without it 127.0.0.1:8080, or another port if that one is taken.
    #[arg(long, value_name = "ADDRESS", value_parser = listen)]
    pub(crate) listen: Option<String>,
    /// How requests are spread.
    #[arg(long, value_name = "HOW", default_value = "adaptive", value_parser = BalanceParser)]
    pub(crate) balance: String,
}

/// Settings of `evener check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) file: File,
    /// How findings are printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, on standard error.
    Text,
    /// For programs: one JSON object on standard output.
    Json,
}

/// The words of `balance`, listed here too so that shells complete them.
pub(crate) const BALANCES: [&str; 9] =
    ["adaptive", "round_robin", "random", "least_requests", "two_choices", "least_time", "peak_ewma", "hash", "first"];

/// Has the config judge the word, and lists the words for help and shells.
#[derive(Clone)]
struct BalanceParser;

impl TypedValueParser for BalanceParser {
    type Value = String;

    fn parse_ref(&self, command: &clap::Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        let parse: fn(&str) -> Result<String, String> = balance;
        parse.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(BALANCES.into_iter().map(PossibleValue::new)))
    }
}

fn balance(text: &str) -> Result<String, String> {
    judge(text, &upstream(&format!("balance = {}", quoted(text))))
}

fn listen(text: &str) -> Result<String, String> {
    judge(text, &format!("[[site]]\nlisten = {}\nrespond = {{ status = 404 }}\n", quoted(text)))
}

fn server(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err(String::from("there is no server between two commas"));
    }
    judge(text, &format!("[[site]]\nto = \"servers\"\n[upstream.servers]\nservers = [{}]\n", quoted(text)))
}

fn hash_key(text: &str) -> Result<String, String> {
    judge(text, &upstream(&format!("balance = \"hash\"\nhash_key = {}", quoted(text))))
}

fn health(text: &str) -> Result<String, String> {
    judge(text, &upstream(&format!("health = {}", quoted(text))))
}

/// A config in which keys of an upstream are judged.
fn upstream(keys: &str) -> String {
    format!("[[site]]\nto = \"servers\"\n[upstream.servers]\nservers = [\"127.0.0.1:1\"]\n{keys}\n")
}

fn access_log(text: &str) -> Result<String, String> {
    judge(text, &format!("[log]\naccess = {}\n[[site]]\nrespond = {{ status = 404 }}\n", quoted(text)))
}

/// Has the config judge a value of the command line, so that there is one definition of what is right and one wording.
/// Names are not looked up here.
fn judge(text: &str, config: &str) -> Result<String, String> {
    let outcome = evener_config::load_text("options", config, &Unresolved);
    match outcome.diagnostics.into_iter().next() {
        None => Ok(text.to_owned()),
        Some(finding) => Err(match finding.help {
            None => finding.message,
            Some(help) => format!("{}\n\n  tip: {help}", finding.message),
        }),
    }
}
