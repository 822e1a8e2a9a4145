//! Bucketing: from (tenant, salt or key, user id) to a number, the same in every release and every language.
//!
//! Two steps, so that the first is done once, when a flag is compiled: a *seed* is the 128-bit SipHash-2-4 of what
//! identifies the decision; the *hash* is the 64-bit SipHash-2-4, keyed with the seed, of the user id. Decisions compare
//! the hash with integer thresholds. `docs/bucketing.md` has the exact bytes; `tests/data/bucketing.json` the vectors.
//!
//! SipHash: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.

use std::fmt;

use siphasher::sip::SipHasher24;
use siphasher::sip128;

use crate::key::TenantId;

/// The published key of the first step. It keeps nothing secret: it only makes the function ours.
pub const KEY: &[u8; 16] = b"ff-bucketing-v01";

/// What a bucket is for. The same user has unrelated buckets in different domains, so that a 10 % gate in front of a
/// 50/50 split does not send everyone who passes it to the first variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// Picks among weighted variants.
    Distribution = 1,
    /// Decides a percentage.
    Percentage = 2,
    /// Decides a percentage in a segment's criteria that has no salt of its own: by the segment, not by the flag that asks.
    SegmentPercentage = 3,
}

/// What makes one decision's buckets unrelated to another's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(u64, u64);

impl Seed {
    /// The seed of a decision: `text` is the salt or, without one, the key of the flag or segment.
    pub fn new(domain: Domain, tenant: &TenantId, text: &str) -> Self {
        // Each part is preceded by its length, so that no two different pairs share an encoding. A salt is bounded far
        // below 4 GiB, so the lengths fit.
        let tenant = tenant.as_str();
        let mut message = Vec::with_capacity(1 + 8 + tenant.len() + text.len());
        message.push(domain as u8);
        for part in [tenant, text] {
            message.extend_from_slice(&(part.len() as u32).to_le_bytes());
            message.extend_from_slice(part.as_bytes());
        }
        let hash = sip128::SipHasher24::new_with_key(KEY).hash(&message);
        Self(hash.h1, hash.h2)
    }

    /// The user's place in this decision. `id` is the user id, or the attribute that a percentage goes by.
    #[inline]
    pub fn bucket(&self, id: &str) -> Bucket {
        Bucket(SipHasher24::new_with_keys(self.0, self.1).hash(id.as_bytes()))
    }

    /// The 16 bytes that key the second step.
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let (first, second) = bytes.split_at_mut(8);
        first.copy_from_slice(&self.0.to_le_bytes());
        second.copy_from_slice(&self.1.to_le_bytes());
        bytes
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seed({:016x}{:016x})", self.0.swap_bytes(), self.1.swap_bytes())
    }
}

/// A user's place for one decision: a 64-bit hash, shown as a number in `[0, 1)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u64);

impl Bucket {
    /// The hash that decisions compare.
    pub fn hash(self) -> u64 {
        self.0
    }

    /// The place as a number in `[0, 1)`, for showing. It keeps the top 53 bits, so that rounding never makes it 1.
    pub fn as_f64(self) -> f64 {
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Where a decision's users end: a bucket is inside if its hash is below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Threshold {
    /// Inside if the hash is below this.
    Below(u64),
    /// Everyone is inside: one more than the largest hash.
    All,
}

/// 2^64, exactly.
const HASHES: f64 = 18_446_744_073_709_551_616.0;

impl Threshold {
    /// `trunc(fraction × 2^64)`; the product with a power of two is exact.
    pub fn from_fraction(fraction: f64) -> Self {
        if fraction >= 1.0 { Self::All } else { Self::Below((fraction * HASHES) as u64) }
    }

    /// The threshold of a percentage, 0 to 100.
    pub fn from_percentage(percentage: f64) -> Self {
        Self::from_fraction(percentage / 100.0)
    }

    /// The threshold on the straight line from `self` to `to` after `elapsed` of `duration`, in integers, so that it
    /// never moves backwards while it grows; `to` itself from `duration` on. Both times in nanoseconds, the whole at most
    /// [`GROWTH_DAYS_MAX`](crate::limits::GROWTH_DAYS_MAX).
    pub fn towards(self, to: Self, elapsed: u128, duration: u128) -> Self {
        if elapsed >= duration {
            return to;
        }
        // INVARIANT: at most 2^64 times at most GROWTH_DAYS_MAX in nanoseconds (below 2^62) fits 128 bits.
        let (from, to) = (self.end(), to.end());
        if from <= to {
            Self::from_end(from + (to - from) * elapsed / duration)
        } else {
            Self::from_end(from - (from - to) * elapsed / duration)
        }
    }

    /// Whether the bucket is inside.
    #[inline]
    pub fn admits(self, bucket: Bucket) -> bool {
        match self {
            Self::Below(end) => bucket.0 < end,
            Self::All => true,
        }
    }

    /// The share of all users that is inside, for showing.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Below(end) => end as f64 / HASHES,
            Self::All => 1.0,
        }
    }

    pub(crate) fn end(self) -> u128 {
        match self {
            Self::Below(end) => u128::from(end),
            Self::All => 1 << 64,
        }
    }

    fn from_end(end: u128) -> Self {
        u64::try_from(end).map_or(Self::All, Self::Below)
    }
}

/// The thresholds of a distribution: of each variant in order, where its users end. Sums and quotients are IEEE doubles,
/// summed from left to right; the last weight above 0 ends at the very end, whatever rounding did.
pub fn distribution(weights: impl Iterator<Item = f64> + Clone) -> Vec<Threshold> {
    thresholds(weights).collect()
}

/// The same one by one.
pub(crate) fn thresholds(weights: impl Iterator<Item = f64> + Clone) -> impl Iterator<Item = Threshold> {
    let total: f64 = weights.clone().sum();
    let last = weights.clone().enumerate().filter(|(_, weight)| *weight > 0.0).last().map_or(0, |(i, _)| i);
    let mut sum = 0.0;
    weights.enumerate().map(move |(i, weight)| {
        sum += weight;
        if i >= last { Threshold::All } else { Threshold::from_fraction(sum / total) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme() -> TenantId {
        "acme".parse().unwrap()
    }

    #[test]
    fn length_prefixes_keep_pairs_apart() {
        let seed = |tenant: &str, text| Seed::new(Domain::Distribution, &tenant.parse().unwrap(), text);
        assert_ne!(seed("ab", "c"), seed("a", "bc"));
        assert_ne!(seed("a", "1"), seed("a1", ""));
    }

    #[test]
    fn a_seed_is_shown_as_its_bytes() {
        let seed = Seed::new(Domain::Distribution, &acme(), "k");
        let bytes: String = seed.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(format!("{seed:?}"), format!("Seed({bytes})"));
    }

    #[test]
    fn domains_are_unrelated() {
        let [a, b, c] =
            [Domain::Distribution, Domain::Percentage, Domain::SegmentPercentage].map(|d| Seed::new(d, &acme(), "k").bucket("u").hash());
        assert!(a != b && b != c && a != c);
    }

    #[test]
    fn the_largest_hash_is_still_shown_below_one() {
        assert!(Bucket(u64::MAX).as_f64() < 1.0);
        assert_eq!(Bucket(0).as_f64(), 0.0);
    }

    #[test]
    fn a_hundred_per_cent_admits_the_largest_hash_and_zero_nobody() {
        assert!(Threshold::from_percentage(100.0).admits(Bucket(u64::MAX)));
        assert!(!Threshold::from_percentage(0.0).admits(Bucket(0)));
        assert_eq!(Threshold::from_percentage(50.0), Threshold::Below(1 << 63));
    }

    #[test]
    fn a_line_between_thresholds_starts_and_ends_where_it_should_and_never_turns_back() {
        let (from, to) = (Threshold::from_percentage(5.0), Threshold::All);
        assert_eq!(from.towards(to, 0, 1000), from);
        let mut last = from;
        for elapsed in 1..1000 {
            let now = from.towards(to, elapsed, 1000);
            assert!(now > last, "{elapsed}");
            last = now;
        }
        // The longest time that a percentage may grow does not overflow.
        let span = u128::from(crate::limits::GROWTH_DAYS_MAX) * 86_400_000_000_000;
        let half = Threshold::Below(0).towards(to, span / 2, span);
        assert!((half.as_f64() - 0.5).abs() < 1e-9);
        assert_eq!(
            to.towards(Threshold::Below(0), span - 1, span),
            Threshold::Below(((1_u128 << 64) - ((1_u128 << 64) * (span - 1) / span)) as u64)
        );
    }

    #[test]
    fn a_distribution_ends_with_its_last_positive_weight() {
        let all = |weights: &[f64]| distribution(weights.iter().copied());
        assert_eq!(all(&[1.0, 1.0]), [Threshold::Below(1 << 63), Threshold::All]);
        assert_eq!(all(&[0.0, 1.0, 0.0]), [Threshold::Below(0), Threshold::All, Threshold::All]);
        assert_eq!(all(&[0.1, 0.2, 0.7])[2], Threshold::All);
    }
}
