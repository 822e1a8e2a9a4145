//! Choices.

use quickcheck::{Arbitrary, Gen};

/// A source of choices.
pub(crate) struct Dice<'a>(pub(crate) &'a mut Gen);

impl Dice<'_> {
    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (u64::arbitrary(self.0) % end as u64) as usize
    }

    /// True in so many of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Up to `most` of what `make` makes.
    pub(crate) fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    /// A number from 0 to 1, 1 excluded.
    pub(crate) fn fraction(&mut self) -> f64 {
        (u64::arbitrary(self.0) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The same items in another order.
    pub(crate) fn shuffled<T>(&mut self, mut items: Vec<T>) -> Vec<T> {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
        items
    }
}
