//! When a direction takes to a pipe, and when it gives it up.

use super::{FULL_READS, Pace, SMALL_BYTES, SMALL_READS};

/// The pace after reads of a buffer of 16 KiB, or of a pipe.
fn after(start: Pace, reads: &[usize]) -> Pace {
    reads.iter().fold(start, |pace, count| pace.after(*count, *count == 16 * 1024))
}

const SLOW: Pace = Pace::Buffered { full: 0 };
const FAST: Pace = Pace::Fast { small: 0 };

#[test]
fn full_reads_in_a_row_make_a_sender_fast() {
    let full = 16 * 1024;
    assert_eq!(after(SLOW, &vec![full; usize::from(FULL_READS)]), FAST);
    assert_eq!(after(SLOW, &vec![full; usize::from(FULL_READS) - 1]), Pace::Buffered { full: FULL_READS - 1 });
    assert_eq!(after(SLOW, &[full, 100, full, 100]), SLOW, "a piece that does not fill the buffer ends the row");
}

#[test]
fn small_reads_in_a_row_make_it_slow_again() {
    let few = usize::from(SMALL_READS);
    assert_eq!(after(FAST, &vec![128; few]), SLOW);
    assert_eq!(after(FAST, &vec![128; few - 1]), Pace::Fast { small: SMALL_READS - 1 });
    let mut mixed = vec![128; few - 1];
    mixed.extend([SMALL_BYTES, 128]);
    assert_eq!(after(FAST, &mixed), Pace::Fast { small: 1 });
}
