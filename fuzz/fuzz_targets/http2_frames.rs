//! Any bytes as the frames of a client of HTTP/2, whole and cut in several ways. The checks live in the crate, whose tests replay the corpus.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evener_http2::checks::frames(data));
