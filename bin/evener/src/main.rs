//! The evener program: reads the command line and starts what it asks for. It contains no proxy logic.

mod certificates;
mod cli;
mod command;
mod control;
mod operator;
mod source;
mod state_folder;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::execute(cli::Cli::read())
}

#[cfg(test)]
mod tests;
