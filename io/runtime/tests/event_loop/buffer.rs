//! A buffer against a plain queue of bytes, and the stock of buffers.

use crate::world::content;
use evener_runtime::Buffer;
use evener_runtime::buffer::Buffers;

fn check(buffer: &mut Buffer, expected: &[u8]) {
    assert_eq!(buffer.filled(), expected);
    assert_eq!((buffer.len(), buffer.is_empty()), (expected.len(), expected.is_empty()));
    assert_eq!(buffer.is_full(), buffer.space().is_empty());
    assert!(buffer.len() + buffer.space().len() <= buffer.capacity());
}

#[test]
fn keeps_what_waits_whatever_is_done_with_the_rest() {
    for seed in 1..60_u64 {
        let mut random = seed * 0x9E37_79B9;
        let mut next = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random).expect("64 bits") % below.max(1)
        };
        let source = content(70_000);
        let mut taken = 0;
        let buffers = Buffers::default();
        let mut buffer = Buffer::default();
        let mut model: Vec<u8> = Vec::new();
        for _ in 0..400 {
            match next(8) {
                0 => {
                    let piece = &source[taken..(taken + next(300)).min(source.len())];
                    let room = buffer.space().len();
                    let count = buffer.append(piece);
                    assert_eq!(count, piece.len().min(room), "seed {seed}");
                    model.extend_from_slice(&piece[..count]);
                    taken += count;
                }
                1 => {
                    let count = next(buffer.space().len() + 1).min(source.len() - taken);
                    buffer.space()[..count].copy_from_slice(&source[taken..taken + count]);
                    buffer.filled_up(count);
                    model.extend_from_slice(&source[taken..taken + count]);
                    taken += count;
                }
                2 | 3 => {
                    let count = next(buffer.len() + 1);
                    buffer.consume(count);
                    model.drain(..count);
                }
                4 => {
                    buffer.compact();
                    let (capacity, waiting) = (buffer.capacity(), buffer.len());
                    assert_eq!(buffer.space().len(), capacity - waiting, "seed {seed}");
                }
                5 => {
                    let capacity = next(3000);
                    let before = buffer.capacity();
                    if next(2) == 0 {
                        buffer.grow(capacity);
                    } else {
                        buffers.grow(&mut buffer, capacity);
                    }
                    assert_eq!(buffer.capacity(), before.max(capacity), "seed {seed}");
                }
                6 => {
                    let count = next(buffer.len() * 2 + 1);
                    buffer.truncate(count);
                    model.truncate(count);
                }
                _ if next(20) == 0 => {
                    buffer.clear();
                    model.clear();
                }
                _ => {}
            }
            check(&mut buffer, &model);
        }
    }
}

#[test]
fn consuming_everything_makes_all_the_room_free() {
    let mut buffer = Buffers::default().take_small();
    let capacity = buffer.capacity();
    assert_eq!(buffer.append(&vec![b'x'; capacity + 1]), capacity);
    assert!(buffer.is_full());
    buffer.consume(capacity - 1);
    assert!(buffer.is_full(), "room comes with compacting only");
    buffer.consume(1);
    assert_eq!(buffer.space().len(), capacity);
    let mut empty = Buffer::default();
    check(&mut empty, b"");
    assert!(empty.is_full());
    empty.compact();
    empty.consume(0);
    assert_eq!(empty.append(b"x"), 0);
}

#[test]
fn buffers_come_back_empty_and_in_their_size() {
    let buffers = Buffers::default();
    let (small, large) = (buffers.take_small().capacity(), buffers.take_large().capacity());
    assert!(small < large);
    for _ in 0..3 {
        let mut one = buffers.take_small();
        one.append(b"secret");
        buffers.give_back(one);
        let mut other = buffers.take_small();
        check(&mut other, b"");
        // One that has grown to the other size is one of those.
        buffers.grow(&mut other, large);
        buffers.give_back(other);
        assert_eq!(buffers.take_small().capacity(), small);
        assert_eq!(buffers.take_large().capacity(), large);
        let mut odd = buffers.take_large();
        buffers.grow(&mut odd, large + 1);
        assert_eq!(odd.capacity(), large + 1);
        buffers.give_back(odd);
        buffers.give_back(Buffer::default());
        assert_eq!(buffers.take_large().capacity(), large);
    }
}

#[test]
fn buffers_grow_up_to_a_bound_in_all() {
    const WANTED: usize = 256 * 1024;
    let buffers = Buffers::default();
    let grow_all = || {
        let mut grown: Vec<Buffer> = Vec::new();
        loop {
            let mut buffer = buffers.take_large();
            let before = buffer.capacity();
            buffers.grow(&mut buffer, WANTED);
            if buffer.capacity() == before {
                return grown;
            }
            grown.push(buffer);
            assert!(grown.len() < 10_000, "the bound holds");
        }
    };
    let first = grow_all();
    assert!(!first.is_empty());
    let count = first.len();
    let (back, dropped): (Vec<_>, Vec<_>) = first.into_iter().enumerate().partition(|(index, _)| index % 2 == 0);
    back.into_iter().for_each(|(_, buffer)| buffers.give_back(buffer));
    drop(dropped);
    assert_eq!(grow_all().len(), count, "what is given back or dropped may grow again");
}
