//! Comparing short texts without a call.

/// Whether two texts, given as bytes, are the same. As `==`, and quicker for texts of up to 32 bytes, which names and keys
/// mostly are: a few loads that may overlap instead of a call to `memcmp`.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        0 => true,
        1..4 => a.first() == b.first() && a.last() == b.last() && a.get(a.len() / 2) == b.get(b.len() / 2),
        4..8 => ends::<4>(a, b),
        8..=16 => ends::<8>(a, b),
        17..=32 => ends::<16>(a, b),
        _ => a == b,
    }
}

/// Whether the first and the last `N` bytes are the same.
#[inline]
fn ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<N>() == b.first_chunk::<N>() && a.last_chunk::<N>() == b.last_chunk::<N>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_as_itself_and_as_no_text_that_differs_in_one_byte() {
        for length in 0..70 {
            let text = "abcdefghijklmnopqrstuvwxyz".chars().cycle().take(length).collect::<String>();
            assert!(same(text.as_bytes(), text.clone().as_bytes()));
            assert!(!same(text.as_bytes(), format!("{text}x").as_bytes()));
            for at in 0..length {
                let mut other = text.clone().into_bytes();
                other[at] = b'!';
                assert!(!same(text.as_bytes(), &other), "{length} {at}");
            }
        }
    }
}
