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
    end(&mut out, plain.iter().copied(), plain.len());
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
    let plain = copies * 258 + 1;
    end(&mut out, std::iter::repeat_n(0, plain), plain);
    out
}

fn end(out: &mut Vec<u8>, plain: impl Iterator<Item = u8>, length: usize) {
    out.extend_from_slice(&crc32(plain).to_le_bytes());
    out.extend_from_slice(&(length as u32).to_le_bytes());
}

fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    let crc = bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    });
    !crc
}

/// Bits, the first one lowest.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    /// A number, lowest bit first.
    fn put(&mut self, value: u32, count: u32) {
        for at in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::from(value >> at & 1 == 1) << (self.used % 8);
            }
            self.used += 1;
        }
    }

    /// A code, highest bit first.
    fn put_code(&mut self, code: u32, count: u32) {
        self.put(code.reverse_bits() >> (32 - count), count);
    }

    fn finish(self) -> Vec<u8> {
        self.bytes
    }
}
