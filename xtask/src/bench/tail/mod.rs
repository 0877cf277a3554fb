//! `cargo xtask bench tail`: how well a proxy spreads requests when servers are unequal or sick.
//!
//! Ten scripted servers and an open-loop load on one core, a proxy on the other, with so little
//! load that its speed does not matter. It does not measure speed; `cargo xtask bench` does that.
//!
//! In the order of a run: `options` and `contestant` say who is measured, `script` what happens,
//! `plan` what is asked; `measure` starts everything, `run` plays one run with `load` and `farm` on
//! `poll`, `desk` decides what a server does; `figures`, `report` and `plot` tell it.

pub(crate) mod contestant;
mod desk;
mod farm;
mod figures;
mod load;
mod measure;
mod options;
mod plan;
mod plot;
mod poll;
mod priority;
mod report;
mod run;
mod script;
mod wire;

#[cfg(test)]
mod tests;

use super::{host, install, process};

pub(crate) use options::{HELP, Options, parse};

/// Measures every scenario and tells what was seen.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let programs = install::for_tail(&options.contestants, options.evener.as_deref())?;
    let host = host::describe(&programs, &contestant::proxies(&options.contestants));
    process::raise_open_files()?;
    let mut tables = Vec::new();
    for scenario in &options.scenarios {
        let table = measure::scenario(*scenario, options, &programs)?;
        println!("{}", report::scenario(&table));
        tables.push(table);
    }
    println!("figures: {}", report::save_json(&host, options, &tables)?.display());
    if options.save {
        println!("tables: {}", report::save_markdown(&host, options, &tables)?.display());
    }
    if options.plots {
        for path in plot::draw(&tables, options.seconds)? {
            println!("plot: {}", path.display());
        }
    }
    Ok(())
}
