//! Instants, given by the caller: the engine has no clock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant on the UTC time line, to the nanosecond, between the years 0 and 9999.
///
/// Read from RFC 3339 text (`2026-11-21T08:00:00Z`, any offset, fractional seconds) and shown in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

/// The text is not an RFC 3339 instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an RFC 3339 instant such as `2026-11-21T08:00:00Z`")]
pub struct TimestampError(String);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(jiff::Timestamp::UNIX_EPOCH);

    /// The instant so many milliseconds after 1970-01-01T00:00:00Z; one out of range becomes the nearest in range.
    pub fn from_millis(millis: i64) -> Self {
        Self(jiff::Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX }))
    }

    /// Whole milliseconds since 1970-01-01T00:00:00Z, rounded towards it.
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    pub(crate) fn as_nanos(self) -> i128 {
        self.0.as_nanosecond()
    }
}

/// jiff reads more than RFC 3339 (a space for the `T`, missing seconds, zone names), so the shape is checked here.
fn has_rfc_3339_shape(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| text.as_bytes().get(range).is_some_and(|b| b.iter().all(u8::is_ascii_digit));
    let byte = |at: usize| text.as_bytes().get(at).copied();
    let date = digits(0..4) && byte(4) == Some(b'-') && digits(5..7) && byte(7) == Some(b'-') && digits(8..10);
    let time = matches!(byte(10), Some(b'T' | b't'))
        && digits(11..13)
        && byte(13) == Some(b':')
        && digits(14..16)
        && byte(16) == Some(b':')
        && digits(17..19);
    if !(date && time) {
        return false;
    }
    let mut rest = text.as_bytes().get(19..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        if length == 0 {
            return false;
        }
        rest = fraction.get(length..).unwrap_or_default();
    }
    match rest {
        [b'Z' | b'z'] => true,
        // jiff knows offsets of 25 hours, which no clock shows.
        [b'+' | b'-', hours @ .., b':', m1, m2] if hours.len() == 2 => {
            [m1, m2].iter().all(|b| b.is_ascii_digit()) && *m1 <= b'5' && hours.iter().all(u8::is_ascii_digit) && hours <= b"23"
        }
        _ => false,
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        if has_rfc_3339_shape(text)
            && let Ok(at) = text.parse()
        {
            return Ok(Self(at));
        }
        Err(TimestampError(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_is_read_in_full_and_nothing_else() {
        for (text, shown) in [
            ("2026-11-21T08:00:00Z", "2026-11-21T08:00:00Z"),
            ("2026-11-21T08:00:00+02:00", "2026-11-21T06:00:00Z"),
            ("2026-11-21t08:00:00.5z", "2026-11-21T08:00:00.5Z"),
            ("2026-11-21T08:00:00.000000001-00:30", "2026-11-21T08:30:00.000000001Z"),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), shown);
        }
        for bad in [
            "",
            "2026-11-21",
            "2026-11-21 08:00:00Z",
            "2026-11-21T08:00Z",
            "2026-11-21T08:00:00",
            "2026-13-21T08:00:00Z",
            "2026-11-21T08:00:00.Z",
            "2026-11-21T08:00:00+02",
            "2026-11-21T08:00:00+24:00",
            "2026-11-21T08:00:00-01:60",
            "2026-11-21T08:00:00+02:00[Europe/Rome]",
            "20261121T080000Z",
            "2026-11-21T08:00:00é",
        ] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn milliseconds_go_there_and_back() {
        assert_eq!(Timestamp::from_millis(1_700_000_000_123).as_millis(), 1_700_000_000_123);
        assert!(Timestamp::from_millis(i64::MAX) > Timestamp::from_millis(0));
    }
}
