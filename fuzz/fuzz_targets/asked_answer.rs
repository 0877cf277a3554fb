//! Any pieces as a server's answer over HTTP/2 that becomes the text of HTTP/1.1. The checks live in the crate, whose tests replay the corpus.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evener_wire::checks::answer_texts(data));
