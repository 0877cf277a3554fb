//! Any bytes as blocks of HPACK, decoded, encoded and decoded again. The checks live in the crate, whose tests replay the corpus.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evener_http2::checks::blocks(data));
