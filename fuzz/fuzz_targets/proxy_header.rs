//! Any bytes as a PROXY header. The checks live beside the crate's tests, which replay the corpus.
#![no_main]

#[path = "../../logic/preamble/tests/checks/mod.rs"]
#[expect(dead_code, reason = "each target runs one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::proxy_header(data));
