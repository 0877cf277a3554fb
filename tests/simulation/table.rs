//! The table for people: every scenario and every policy, in longer runs than those of the tests.

use crate::figures::Figures;
use crate::policy::Rule;
use crate::replay::{is_wanted, seeds};
use crate::run::{Contestant, medians};
use crate::scenario::{Scenario, all, shed};
use evener_balance::{Kind, Limit};

const LENGTH_S: f64 = 60.0;
const SEEDS: [u64; 3] = [11, 12, 13];
const RULES: [(&str, Rule); 4] = [
    ("round robin", Rule::RoundRobin),
    ("least requests", Rule::LeastRequests),
    ("two choices", Rule::TwoChoices),
    ("peak ewma", Rule::PeakEwma),
];

#[test]
#[ignore = "takes minutes, and prints a table for people instead of asserting anything"]
fn table() {
    let stock = RULES.map(|(name, rule)| (name.to_owned(), Contestant::Stock(rule)));
    let armed = RULES.map(|(name, rule)| (format!("{name}, armed"), Contestant::Armed(rule)));
    let ours = [("adaptive".to_owned(), Contestant::Evener(Kind::Adaptive))];
    let contestants: Vec<(String, Contestant)> = ours.into_iter().chain(stock).chain(armed).collect();
    let names: Vec<&str> = contestants.iter().map(|(name, _)| name.as_str()).collect();
    println!("p99 ms / p99.9 ms / errors % / late or failed %");
    println!("| | {} |", names.join(" | "));
    println!("|---|{}", "---|".repeat(names.len()));
    let mut counted: Vec<Vec<Figures>> = vec![Vec::new(); contestants.len()];
    for scenario in all(LENGTH_S).into_iter().chain([shed(LENGTH_S)]).filter(|scenario| is_wanted(scenario.name)) {
        let played = contestants.iter().map(|(_, contestant)| medians(&scenario, *contestant, &seeds(&SEEDS)));
        let played: Vec<Figures> = played.collect();
        let cells: Vec<String> = played.iter().map(Figures::to_string).collect();
        println!("| **{}** {} | {} |", scenario.name, scenario.title, cells.join(" | "));
        // No policy helps against overload, and one scenario should not count twice.
        if !["s10", "s10q", "s01b"].contains(&scenario.name) {
            counted.iter_mut().zip(played).for_each(|(all, figures)| all.push(figures));
        }
    }
    let means = counted.iter().map(|all| format!("{:.2}", mean_missed(all)));
    println!("| mean late or failed %, without s01b and s10 | {} |", means.collect::<Vec<_>>().join(" | "));
}

fn mean_missed(all: &[Figures]) -> f64 {
    all.iter().map(|figures| figures.missed).sum::<f64>() / all.len().max(1) as f64
}

#[test]
#[ignore = "takes a minute, and prints a table for people instead of asserting anything"]
fn table_of_bounds() {
    let bounds = [("none", Limit::None), ("twice the workers", Limit::Fixed(8)), ("learned", Limit::Learned)];
    println!("p99 ms / p99.9 ms / errors % / late or failed %, with requests waiting at most 50 ms at the proxy");
    println!("| | {} |", bounds.map(|(name, _)| name).join(" | "));
    println!("|---|{}", "---|".repeat(bounds.len()));
    for scenario in all(LENGTH_S).into_iter().filter(|scenario| is_wanted(scenario.name)) {
        let figures = bounds.map(|(_, limit)| {
            let scenario = Scenario { limit, ..scenario.clone() };
            medians(&scenario, Contestant::Evener(Kind::Adaptive), &seeds(&SEEDS)).to_string()
        });
        println!("| **{}** {} | {} |", scenario.name, scenario.title, figures.join(" | "));
    }
}
