//! CRC-32C (RFC 3720 §B.4), the checksum of version 2 headers. A header is short and comes once in a connection, so
//! this is a table of one byte, not the instruction that processors have for it.

/// The checksum of the pieces, one behind the other.
pub(super) fn crc32c(pieces: &[&[u8]]) -> u32 {
    let bytes = pieces.iter().copied().flatten();
    !bytes.fold(u32::MAX, |sum, byte| {
        let [lowest, ..] = sum.to_le_bytes();
        TABLE[usize::from(lowest ^ byte)] ^ (sum >> 8)
    })
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut sum = index as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
    }
    table
}

/// Castagnoli's, with the lowest bit first.
const POLYNOMIAL: u32 = 0x82f6_3b78;
static TABLE: [u32; 256] = table();
