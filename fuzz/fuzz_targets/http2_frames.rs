//! Any bytes as the frames of a client of HTTP/2, before the meter that tells floods. The checks live in the crate, whose tests replay the corpus.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evener_wire::checks::frames(data));
