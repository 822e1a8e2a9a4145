//! Changed copies of an input, as a fuzzer makes them, but blindly and on any toolchain.

use quickcheck::{Arbitrary, Gen};

/// Blind changes to inputs: cut, repeat, overwrite, splice, and tokens of the dictionary.
pub(crate) struct Mutator<'a> {
    pub(crate) source: Gen,
    pub(crate) seeds: &'a [Vec<u8>],
    pub(crate) tokens: &'a [Vec<u8>],
}

impl Mutator<'_> {
    fn below(&mut self, end: usize) -> usize {
        (u64::arbitrary(&mut self.source) % end.max(1) as u64) as usize
    }

    /// A stretch of the bytes, mostly short.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let longest = if self.below(4) == 0 { length } else { 12 };
        let end = (start + self.below(longest + 1)).min(length);
        start..end
    }

    /// One to four changes to one of the inputs.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let at = self.below(self.seeds.len());
        let mut bytes = self.seeds[at].clone();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let place = self.range(bytes.len());
        match self.below(6) {
            0 => drop(bytes.drain(place)),
            1 => {
                let copy = bytes[place].to_vec();
                let at = self.below(bytes.len() + 1);
                bytes.splice(at..at, copy);
            }
            2 => {
                let byte = if self.below(2) == 0 { b" 0192ae.-+{}[]\",:\\"[self.below(18)] } else { u8::arbitrary(&mut self.source) };
                bytes.splice(place.start..(place.start + 1).min(bytes.len()), [byte]);
            }
            3 => {
                let at = self.below(self.seeds.len());
                let other = self.seeds[at].clone();
                let part = self.range(other.len());
                bytes.splice(place, other[part].to_vec());
            }
            _ => {
                // In place of another token, so that the document often stays in shape.
                let at = self.below(self.tokens.len());
                let token = self.tokens[at].clone();
                let end = place.start + bytes[place.start..].iter().position(|b| b",:]}".contains(b)).map_or(0, |n| n + 1);
                bytes.splice(place.start..end.max(place.start), token);
            }
        }
    }
}
