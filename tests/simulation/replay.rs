//! Which seeds and scenarios run: all of them, or the one that is to be replayed.

/// The seeds of the tests, or the one in `EVENER_SIM_SEED`.
pub(crate) fn seeds(usual: &[u64]) -> Vec<u64> {
    match variable("EVENER_SIM_SEED") {
        Some(seed) => vec![seed.parse().expect("EVENER_SIM_SEED is a number")],
        None => usual.to_vec(),
    }
}

/// Whether a scenario is to run: all are, unless `EVENER_SIM_SCENARIO` names one.
pub(crate) fn is_wanted(scenario: &str) -> bool {
    variable("EVENER_SIM_SCENARIO").is_none_or(|wanted| wanted == scenario)
}

#[expect(clippy::disallowed_methods, reason = "a person who replays a run says so in the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
