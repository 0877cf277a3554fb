//! Any text as a config file in a world without other files, variables and names.
//! It must not panic, gives a plan exactly when there is no error, and what it says has a place inside the text.
#![no_main]

use evener_config::{NoWorld, Outcome, load_text};

libfuzzer_sys::fuzz_target!(|text: &str| check(&load_text("evener.toml", text, &NoWorld)));

fn check(outcome: &Outcome) {
    assert_eq!(outcome.plan.is_none(), outcome.errors() > 0);
    for diagnostic in &outcome.diagnostics {
        let labels = diagnostic.labels.iter().map(|(place, _)| place);
        for place in diagnostic.place.iter().chain(labels) {
            let text = outcome.sources.text(place.source);
            assert!(text.get(place.range.clone()).is_some(), "{:?} is not in the text", place.range);
        }
    }
    assert_eq!(outcome.render(false).is_empty(), outcome.diagnostics.is_empty());
    assert!(outcome.to_json().starts_with("{\"ok\":"));
}
