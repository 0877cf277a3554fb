//! Any bytes as a chunked body; the first byte chooses how it is cut. The checks live beside the crate's tests, which replay the corpus.
#![no_main]

#[path = "../../logic/http/tests/checks/mod.rs"]
#[expect(dead_code, reason = "each target runs one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::chunked_body(data));
