//! Replays the corpora of the fuzz targets, and runs the checks on bytes of chance.

use proptest::prelude::{ProptestConfig, any, prop, proptest};
use std::path::Path;

#[test]
fn the_corpus_of_frames_holds() {
    replay("http2_frames", super::frames);
}

#[test]
fn the_corpus_of_blocks_holds() {
    replay("http2_block", super::blocks);
}

#[test]
fn the_corpus_of_requests_holds() {
    replay("http2_request", super::requests);
}

#[test]
fn the_corpus_of_answers_holds() {
    replay("http2_response", super::answers);
}

#[expect(clippy::disallowed_methods, reason = "tests read the corpus; the crate itself reads no files")]
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 15, "the corpus of {target} has only {} files", files.len());
    for file in files {
        println!("{}", file.display());
        check(&std::fs::read(&file).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_are_blocks(data in prop::collection::vec(any::<u8>(), 0..200)) {
        super::blocks(&data);
        // One block.
        super::blocks(&[&[0xff, 0xff], &data[..]].concat());
    }
}
