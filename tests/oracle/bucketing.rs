//! The published bucketing encoding (`docs/bucketing.md`), from its text.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher24 as SipHasher24To128};

const KEY: &[u8; 16] = b"ff-bucketing-v01";
const WHOLE: u128 = 1 << 64;

/// What a hash is for: two questions about the same text must not share their answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// Choosing among weighted variants.
    Distribution = 1,
    /// A percentage in a flag's conditions, or one with a salt of its own.
    Percentage = 2,
    /// A percentage in a segment's criteria.
    SegmentPercentage = 3,
}

/// The first step: 16 bytes that key the second one.
pub fn seed(domain: Domain, tenant: &str, text: &str) -> [u8; 16] {
    let mut message = vec![domain as u8];
    for part in [tenant, text] {
        message.extend((part.len() as u32).to_le_bytes());
        message.extend(part.as_bytes());
    }
    let mut hasher = SipHasher24To128::new_with_key(KEY);
    hasher.write(&message);
    let both = hasher.finish128();
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&both.h1.to_le_bytes());
    seed[8..].copy_from_slice(&both.h2.to_le_bytes());
    seed
}

/// The second step: the hash of a user id, or of the attribute that stands in for it.
pub fn hash(seed: [u8; 16], id: &str) -> u64 {
    let mut hasher = SipHasher24::new_with_key(&seed);
    hasher.write(id.as_bytes());
    hasher.finish()
}

/// The number in `[0, 1)` that is shown.
pub fn bucket_of(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

/// Whether a hash lies below a threshold; 2^64 is everybody's.
pub fn holds(hash: u64, threshold: u128) -> bool {
    u128::from(hash) < threshold
}

/// `trunc(p / 100 * 2^64)`.
pub fn percentage_threshold(percentage: f64) -> u128 {
    (percentage / 100.0 * 18_446_744_073_709_551_616.0) as u128
}

/// One threshold for each weight: the running sum as a part of the whole sum.
pub fn thresholds(weights: &[f64]) -> Vec<u128> {
    let mut sums = Vec::new();
    let mut sum = 0.0;
    for weight in weights {
        sum += weight;
        sums.push(sum);
    }
    sums.iter().map(|c| (c / sum * WHOLE as f64) as u128).collect()
}

/// The threshold at `now` of a percentage that moves in a straight line between two `(percentage, instant)` points.
pub fn growing_threshold(from: (f64, i128), to: (f64, i128), now: i128) -> u128 {
    let (first, last) = (percentage_threshold(from.0), percentage_threshold(to.0));
    if now <= from.1 {
        first
    } else if now >= to.1 {
        last
    } else {
        let part = |height: u128| part_of(height, (now - from.1) as u128, (to.1 - from.1) as u128);
        if last >= first { first + part(last - first) } else { first - part(first - last) }
    }
}

/// `floor(height * elapsed / duration)` for `elapsed < duration`, one binary digit of `height` at a time: the product
/// of the two does not fit 128 bits when the duration is some centuries.
fn part_of(height: u128, elapsed: u128, duration: u128) -> u128 {
    let (mut quotient, mut remainder) = (0, 0);
    for digit in (0..=64).rev() {
        remainder = 2 * remainder + ((height >> digit) & 1) * elapsed;
        quotient = 2 * quotient + remainder / duration;
        remainder %= duration;
    }
    quotient
}
