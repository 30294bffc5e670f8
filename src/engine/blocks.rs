//! Send buffers: chains of 4 KiB blocks from one free list.
//!
//! What a connection has still to send is a [`Chain`]: the first and last block, and where the
//! bytes begin and end in them. It is 20 bytes when idle and holds no memory. Blocks come from
//! [`Blocks`] and go back as they are sent, so ten thousand idle connections cost nothing, and a
//! busy one costs what it has not sent yet.
//!
//! ```text
//!  chain.head ─► [..####] ─► [######] ─► [###...] ◄─ chain.tail
//!                  ▲ start                  ▲ end
//! ```

use std::io::IoSlice;

use super::digest::Digest;
use super::work::Work;
use crate::limits::{BLOCK_BYTES, FREE_BLOCKS};
use crate::proto::Sink;

const NONE: u32 = u32::MAX;

/// Bytes in the order in which they will be sent. Empty by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    head: u32,
    tail: u32,
    len: u32,
    start: u16,
    end: u16,
}

impl Default for Chain {
    fn default() -> Self {
        Chain {
            head: NONE,
            tail: NONE,
            len: 0,
            start: 0,
            end: 0,
        }
    }
}

impl Chain {
    /// Bytes not sent yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether all was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

struct Block {
    next: u32,
    /// `None` when the memory of a free block was given back.
    bytes: Option<Box<[u8; BLOCK_BYTES]>>,
}

/// All blocks of one engine.
#[derive(Default)]
pub struct Blocks {
    all: Vec<Block>,
    /// Free blocks that kept their memory.
    warm: Vec<u32>,
    /// Free blocks whose memory was given back.
    cold: Vec<u32>,
    /// Over all bytes ever put and all work ever given away, while somebody records or replays.
    digest: Option<Digest>,
}

impl Blocks {
    /// Copies `bytes` to the end of `chain`.
    pub fn put(&mut self, chain: &mut Chain, bytes: &[u8]) {
        if let Some(digest) = &mut self.digest {
            digest.feed(bytes);
        }
        self.append(chain, bytes);
    }

    /// Like [`Blocks::put`] for a secret: its length counts in the digest, its value does not.
    pub fn put_secret(&mut self, chain: &mut Chain, bytes: &[u8]) {
        if let Some(digest) = &mut self.digest {
            for _ in bytes {
                digest.feed(b"*");
            }
        }
        self.append(chain, bytes);
    }

    fn append(&mut self, chain: &mut Chain, bytes: &[u8]) {
        let at = chain.end as usize;
        // Nearly always it has room in the last block.
        if chain.tail != NONE && bytes.len() <= BLOCK_BYTES - at {
            self.memory(chain.tail)[at..at + bytes.len()].copy_from_slice(bytes);
            chain.end += bytes.len() as u16;
            chain.len += bytes.len() as u32;
        } else {
            self.append_over_blocks(chain, bytes);
        }
    }

    fn append_over_blocks(&mut self, chain: &mut Chain, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if chain.tail == NONE || chain.end as usize == BLOCK_BYTES {
                self.extend(chain);
            }
            let at = chain.end as usize;
            let n = bytes.len().min(BLOCK_BYTES - at);
            self.memory(chain.tail)[at..at + n].copy_from_slice(&bytes[..n]);
            chain.end += n as u16;
            chain.len += n as u32;
            bytes = &bytes[n..];
        }
    }

    /// The first bytes of `chain`, as many pieces as fit in `into`. Returns how many were set.
    pub fn peek<'a>(&'a self, chain: &Chain, into: &mut [IoSlice<'a>]) -> usize {
        let (mut at, mut left, mut set) = (chain.head, chain.len(), 0);
        let mut start = chain.start as usize;
        while left > 0 && set < into.len() {
            let block = &self.all[at as usize];
            let n = left.min(BLOCK_BYTES - start);
            let memory = block.bytes.as_ref().expect("a block in a chain has memory");
            into[set] = IoSlice::new(&memory[start..start + n]);
            set += 1;
            left -= n;
            start = 0;
            at = block.next;
        }
        set
    }

    /// Drops the first `n` bytes of `chain`: they were sent.
    pub fn consume(&mut self, chain: &mut Chain, n: usize) {
        let mut n = n.min(chain.len());
        chain.len -= n as u32;
        while n > 0 {
            let here = n.min(BLOCK_BYTES - chain.start as usize);
            chain.start += here as u16;
            n -= here;
            if chain.start as usize == BLOCK_BYTES {
                let next = self.all[chain.head as usize].next;
                self.free(chain.head);
                chain.head = next;
                chain.start = 0;
                if next == NONE {
                    chain.tail = NONE;
                    chain.end = 0;
                }
            }
        }
        if chain.is_empty() {
            self.clear(chain);
        }
    }

    /// Gives all blocks of `chain` back.
    pub fn clear(&mut self, chain: &mut Chain) {
        let mut at = chain.head;
        while at != NONE {
            let next = self.all[at as usize].next;
            self.free(at);
            at = next;
        }
        *chain = Chain::default();
    }

    /// Blocks in use by chains.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.all.len() - self.warm.len() - self.cold.len()
    }

    /// Starts hashing what is put and what is given to threads.
    pub fn start_digest(&mut self) {
        self.digest = Some(Digest::default());
    }

    /// The hash so far; 0 when nobody asked for one.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest.as_ref().map_or(0, Digest::value)
    }

    /// Work is given to a thread.
    pub fn note_work(&mut self, work: &Work) {
        if let Some(digest) = &mut self.digest {
            digest.feed_work(work);
        }
    }

    fn memory(&mut self, index: u32) -> &mut [u8; BLOCK_BYTES] {
        self.all[index as usize]
            .bytes
            .as_mut()
            .expect("a block in a chain has memory")
    }

    fn extend(&mut self, chain: &mut Chain) {
        let index = self.take();
        if chain.tail == NONE {
            chain.head = index;
            chain.start = 0;
        } else {
            self.all[chain.tail as usize].next = index;
        }
        chain.tail = index;
        chain.end = 0;
    }

    fn take(&mut self) -> u32 {
        if let Some(index) = self.warm.pop() {
            self.all[index as usize].next = NONE;
            return index;
        }
        let block = Block {
            next: NONE,
            bytes: Some(Box::new([0; BLOCK_BYTES])),
        };
        if let Some(index) = self.cold.pop() {
            self.all[index as usize] = block;
            return index;
        }
        self.all.push(block);
        (self.all.len() - 1) as u32
    }

    fn free(&mut self, index: u32) {
        if self.warm.len() < FREE_BLOCKS {
            self.warm.push(index);
        } else {
            self.all[index as usize].bytes = None;
            self.cold.push(index);
        }
    }
}

/// Writes to the end of one chain. The codecs see it as a [`Sink`].
pub struct Pen<'a> {
    /// Where blocks come from.
    pub blocks: &'a mut Blocks,
    /// What is written to.
    pub chain: &'a mut Chain,
    /// Whether a key is among what is written, so that only its length may count in the digest.
    pub secret: bool,
}

impl Sink for Pen<'_> {
    fn put(&mut self, bytes: &[u8]) {
        if self.secret {
            self.blocks.put_secret(self.chain, bytes);
        } else {
            self.blocks.put(self.chain, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(blocks: &Blocks, chain: &Chain) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 64];
        let n = blocks.peek(chain, &mut slices);
        slices[..n].iter().flat_map(|s| s.to_vec()).collect()
    }

    #[test]
    fn bytes_come_out_as_they_went_in_whatever_is_sent_at_once() {
        for step in [1, 7, 4095, 4096, 4097, 9000] {
            let (mut blocks, mut chain) = (Blocks::default(), Chain::default());
            let all: Vec<u8> = (0..20_000u32).map(|i| (i % 251) as u8).collect();
            for part in all.chunks(3001) {
                blocks.put(&mut chain, part);
            }
            let mut seen = Vec::new();
            while !chain.is_empty() {
                let here = read(&blocks, &chain);
                let n = here.len().min(step);
                seen.extend_from_slice(&here[..n]);
                blocks.consume(&mut chain, n);
            }
            assert_eq!(seen, all, "step {step}");
            assert_eq!(blocks.in_use(), 0);
        }
    }

    #[test]
    fn an_idle_chain_holds_no_block_and_memory_is_reused() {
        let (mut blocks, mut chain) = (Blocks::default(), Chain::default());
        for _ in 0..100 {
            blocks.put(&mut chain, b"hello");
            blocks.consume(&mut chain, 5);
            assert_eq!(blocks.in_use(), 0);
        }
        assert_eq!(blocks.all.len(), 1);
    }

    #[test]
    fn a_secret_counts_by_its_length_only() {
        let digest = |secret: &[u8]| {
            let (mut blocks, mut chain) = (Blocks::default(), Chain::default());
            blocks.start_digest();
            blocks.put_secret(&mut chain, secret);
            blocks.digest()
        };
        assert_eq!(digest(b"sk-one"), digest(b"sk-two"));
        assert_ne!(digest(b"sk-one"), digest(b"sk-three"));
    }
}
