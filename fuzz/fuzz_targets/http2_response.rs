//! Any text as the head of an answer that becomes fields of HTTP/2, and is decoded again. The checks live in the crate, whose tests replay the corpus.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evener_http2::checks::answers(data));
