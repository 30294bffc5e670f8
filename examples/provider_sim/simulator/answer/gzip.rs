//! Just enough of gzip (RFC 1952) and deflate (RFC 1951) to send what nobody asked for.

/// Magic, deflate, no flags, no time, no flags, system unknown.
const HEAD: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// `plain` in a gzip file, in stored blocks.
pub(super) fn stored(plain: &[u8]) -> Vec<u8> {
    let mut out = HEAD.to_vec();
    let mut blocks = plain.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    end(&mut out, crc32(0, plain), plain.len());
    out
}

/// `size` zeros in a gzip file of about a thousandth of that: one literal, and then copies of 258
/// bytes from one byte back, in the fixed code.
pub(super) fn bomb(size: usize) -> Vec<u8> {
    let copies = (size.saturating_sub(1)) / 258;
    let mut bits = Bits::default();
    bits.put(1, 1); // the last block
    bits.put(1, 2); // fixed codes
    bits.put_code(0b0011_0000, 8); // the literal 0
    for _ in 0..copies {
        bits.put_code(0b1100_0101, 8); // length 258
        bits.put_code(0, 5); // distance 1
    }
    bits.put_code(0, 7); // end of block
    let mut out = HEAD.to_vec();
    out.extend(bits.finish());
    let crc = (0..copies).fold(crc32(0, &[0]), |crc, _| crc32(crc, &[0; 258]));
    end(&mut out, crc, copies * 258 + 1);
    out
}

fn end(out: &mut Vec<u8>, crc: u32, length: usize) {
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&(length as u32).to_le_bytes());
}

/// What eight bits do to the checksum, for each value of them (RFC 1952 §8).
const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// The checksum of `bytes` after one that is `crc` so far; it begins with 0.
fn crc32(crc: u32, bytes: &[u8]) -> u32 {
    let mut crc = !crc;
    for byte in bytes {
        crc = (crc >> 8) ^ CRC_TABLE[usize::from(crc as u8 ^ byte)];
    }
    !crc
}

/// Bits, the first one lowest.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits that make no byte yet …
    held: u32,
    /// … and how many they are.
    used: u32,
}

impl Bits {
    /// A number of at most 16 bits, lowest bit first.
    fn put(&mut self, value: u32, count: u32) {
        self.held |= value << self.used;
        self.used += count;
        while self.used >= 8 {
            self.bytes.push(self.held as u8);
            self.held >>= 8;
            self.used -= 8;
        }
    }

    /// A code, highest bit first.
    fn put_code(&mut self, code: u32, count: u32) {
        self.put(code.reverse_bits() >> (32 - count), count);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.used > 0 {
            self.bytes.push(self.held as u8);
        }
        self.bytes
    }
}
