//! What must hold for any bytes whatever: unit tests and fuzz targets run the same checks.
//!
//! Single inputs with a known result are not here, but in the tables beside the code.

use crate::hpack::{Decoder, Encoder, Saying};

/// Any bytes as the frames of a client.
pub fn frames(data: &[u8]) {
    crate::connection::check::check_frames(data);
}

/// Any pieces as a request that becomes text.
pub fn requests(data: &[u8]) {
    crate::head::check::check_request(data);
}

/// Any text as the head of an answer that becomes fields.
pub fn answers(data: &[u8]) {
    crate::head::check::check_answer(data);
}

/// Any bytes as blocks of one connection, each with its length in two bytes before it: what is read of them is encoded, read
/// again, and the same.
pub fn blocks(data: &[u8]) {
    let (mut decoder, mut encoder, mut mirror) = (Decoder::new(4096), Encoder::new(), Decoder::new(4096));
    let mut rest = data;
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        let (block, after) = after.split_at(length.min(after.len()));
        rest = after;
        let mut fields = Vec::new();
        let mut bytes = 0;
        let decoded = decoder.decode(block, &mut |name, value| {
            bytes += name.len() + value.len();
            // The memory of this check is bounded, too.
            if bytes < 1 << 20 {
                fields.push((name.to_ascii_lowercase(), value.to_vec()));
            }
        });
        // A byte stands for one entry of a table at most, or the name of one, or for 8/5 bytes of text.
        assert!(bytes <= block.len() * (4096 + 2), "{bytes} bytes of {}", block.len());
        if decoded.is_err() {
            return;
        }
        for _ in 0..3 {
            there_and_back(&fields, &mut encoder, &mut mirror);
        }
        if let [first, ..] = block {
            encoder.set_table_bytes_max(u32::from(*first) << 4);
        }
        decoder.rest();
    }
}

fn there_and_back(fields: &[(Vec<u8>, Vec<u8>)], encoder: &mut Encoder, mirror: &mut Decoder) {
    let mut block = Vec::new();
    encoder.begin(&mut block);
    for (name, value) in fields {
        encoder.field(&Saying::new(name, value), &mut block);
    }
    let mut read = Vec::new();
    let decoded = mirror.decode(&block, &mut |name, value| read.push((name.to_vec(), value.to_vec())));
    assert_eq!(decoded, Ok(()), "our own block is decoded");
    assert_eq!(read, fields);
}

#[cfg(test)]
mod tests;
