//! Any text as a request that a server is asked over HTTP/2. The checks live in the crate, whose tests replay the corpus.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evener_wire::checks::asked_texts(data));
