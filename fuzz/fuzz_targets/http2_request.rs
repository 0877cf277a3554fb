//! Any pieces as a request of HTTP/2 that becomes the text of HTTP/1.1. The checks live in the crate, whose tests replay the corpus.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evener_http2::checks::requests(data));
