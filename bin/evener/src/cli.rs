//! The command line. What the commands do is in `command`.

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Reverse proxy and load balancer.
#[derive(Debug, Parser)]
#[command(name = "evener", version, about, arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Check the config and exit; the same as `evener check`.
    #[arg(short = 't')]
    pub(crate) test: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
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
    /// Address to listen on, such as `:8080` or `127.0.0.1:8080`.
    #[arg(long, default_value = ":8080")]
    pub(crate) listen: String,
    /// Servers, separated by commas: addresses, names with a port, or `unix:/path`.
    #[arg(long, required = true, value_delimiter = ',')]
    pub(crate) to: Vec<String>,
    /// How requests are spread: round_robin, random, least_requests or first.
    #[arg(long, default_value = "round_robin")]
    pub(crate) balance: String,
    /// Where the access log goes: stdout, stderr, a path, or off.
    #[arg(long, default_value = "off")]
    pub(crate) access_log: String,
}

/// Settings of `evener demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,
}

/// Settings of `evener check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) file: File,
    /// How errors are printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// How errors are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: one JSON object.
    Json,
}
