//! Any text as an answer that becomes one of HTTP/2, and text again. The checks live in the crate, whose tests replay the corpus.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evener_wire::checks::response_texts(data));
