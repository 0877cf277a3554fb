//! Replays the corpora of the fuzz targets as plain tests.

use std::path::Path;

#[test]
fn requests() {
    replay("asked_request", super::asked_texts);
}

#[test]
fn answers() {
    replay("asked_answer", super::answer_texts);
}

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 15, "the corpus of {target} has only {} files", files.len());
    for file in files {
        println!("{}", file.display());
        check(&std::fs::read(&file).unwrap());
    }
}
