//! Replays the corpora of the fuzz targets as plain tests.

mod checks;

use std::path::Path;

#[test]
fn proxy_headers() {
    replay("proxy_header", checks::proxy_header);
}

#[test]
fn client_hellos() {
    replay("client_hello", checks::client_hello);
}

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files: Vec<_> = folder
        .read_dir()
        .expect("the corpus is there")
        .map(|entry| entry.expect("the corpus can be listed").path())
        .collect();
    assert!(files.len() >= 15, "the corpus of {target} has only {} files", files.len());
    for file in files {
        println!("{}", file.display());
        let mut input = Vec::new();
        std::io::Read::read_to_end(&mut open(&file), &mut input).expect("the file can be read");
        check(&input);
    }
}

#[expect(clippy::disallowed_methods, reason = "tests read the corpus; the crate itself reads no files")]
fn open(file: &Path) -> std::fs::File {
    std::fs::File::open(file).expect("the file can be opened")
}
