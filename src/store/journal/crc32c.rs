//! CRC-32C (Castagnoli), the checksum of iSCSI, ext4 and most logs: RFC 3720 appendix B.4.
//!
//! It finds what disks and interrupted writes do to bytes. It is no defence against somebody who
//! wants to deceive us: whoever can write to the folder can write rows.

/// The polynomial, its bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// What eight zero to seven further bytes make of each byte, so that eight are taken in at a time.
static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum >> 1) ^ if sum & 1 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        tables[0][byte] = sum;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

/// The checksum of several pieces as if they were one.
pub(super) fn checksum(pieces: &[&[u8]]) -> u32 {
    !pieces.iter().fold(!0, |sum, piece| add(sum, piece))
}

fn add(mut sum: u32, bytes: &[u8]) -> u32 {
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        let [a, b, c, d] = sum.to_le_bytes();
        let mixed = [eight[0] ^ a, eight[1] ^ b, eight[2] ^ c, eight[3] ^ d];
        let all = mixed.iter().chain(&eight[4..]);
        sum = (all.zip(TABLES.iter().rev()))
            .fold(0, |sum, (byte, table)| sum ^ table[*byte as usize]);
    }
    for byte in rest {
        sum = (sum >> 8) ^ TABLES[0][((sum ^ u32::from(*byte)) & 0xff) as usize];
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(checksum(&[b"123456789"]), 0xe306_9283);
        assert_eq!(checksum(&[&[0; 32]]), 0x8a91_36aa);
        assert_eq!(checksum(&[&[0xff; 32]]), 0x62a8_ab43);
        let rising: Vec<u8> = (0..32).collect();
        assert_eq!(checksum(&[&rising]), 0x46dd_794e);
    }

    #[test]
    fn it_does_not_matter_where_the_pieces_are_cut() {
        let bytes: Vec<u8> = (0..=255).collect();
        for cut in 0..bytes.len() {
            let (a, b) = bytes.split_at(cut);
            assert_eq!(checksum(&[a, b]), checksum(&[&bytes]), "cut at {cut}");
        }
    }
}
