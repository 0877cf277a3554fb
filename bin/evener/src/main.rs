//! The evener program: reads the command line and starts what it asks for. It contains no proxy logic.

mod cli;
mod command;
mod control;
mod world;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    command::execute(cli::Cli::parse())
}
