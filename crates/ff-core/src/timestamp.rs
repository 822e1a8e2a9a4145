//! Instants, given by the caller: the engine has no clock.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant on the UTC time line, to the nanosecond, from the beginning of the year 0 to the end of 9999.
///
/// Read from RFC 3339 text (`2026-11-21T08:00:00Z`, any offset, fractional seconds) and shown in UTC. Kept as the time since
/// 1970, since jiff's own instants end some hours before `9999-12-31T23:59:59Z`, by which people write "never".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(SignedDuration);

const START_OF_1970: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
const FIRST: DateTime = DateTime::constant(0, 1, 1, 0, 0, 0, 0);
const LAST: DateTime = DateTime::constant(9999, 12, 31, 23, 59, 59, 999_999_999);

/// The text is not an RFC 3339 instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an RFC 3339 instant such as `2026-11-21T08:00:00Z`")]
pub struct TimestampError(String);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(SignedDuration::ZERO);

    /// The instant so many milliseconds after 1970-01-01T00:00:00Z; one out of range becomes the nearest in range.
    pub fn from_millis(millis: i64) -> Self {
        let [first, last] = [FIRST, LAST].map(|end| end.duration_since(START_OF_1970));
        Self(SignedDuration::from_millis(millis).clamp(first, last))
    }

    /// Whole milliseconds since 1970-01-01T00:00:00Z, rounded towards it.
    pub fn as_millis(self) -> i64 {
        // INVARIANT: ten thousand years have fewer than 2^63 milliseconds.
        i64::try_from(self.0.as_millis()).unwrap_or_default()
    }

    /// The instant, or none; without the words of an error, which an evaluation has no use for.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (local, offset) = parts(text)?;
        Self::from_local(local.parse().ok()?, offset)
    }

    /// The instant that a clock shows as `local` at `offset` from UTC.
    fn from_local(local: DateTime, offset: SignedDuration) -> Option<Self> {
        let utc = local.checked_sub(offset).ok().filter(|utc| (FIRST..=LAST).contains(utc))?;
        Some(Self(utc.duration_since(START_OF_1970)))
    }

    pub(crate) fn as_nanos(self) -> i128 {
        self.0.as_nanos()
    }

    /// The instant so many nanoseconds after 1970-01-01T00:00:00Z; one out of range becomes the nearest in range.
    pub(crate) fn from_nanos(nanos: i128) -> Self {
        let [first, last] = [FIRST, LAST].map(|end| end.duration_since(START_OF_1970));
        let nanos = nanos.clamp(first.as_nanos(), last.as_nanos());
        // INVARIANT: ten thousand years have fewer than 2^63 seconds, and a second fewer than 2^31 nanoseconds.
        let (seconds, rest) = (nanos.div_euclid(1_000_000_000) as i64, nanos.rem_euclid(1_000_000_000) as i32);
        Self(SignedDuration::new(seconds, rest))
    }
}

/// The date and time, and the offset, of text that has the shape of RFC 3339. (jiff reads more: a space for the `T`, missing
/// seconds, zone names.)
fn parts(text: &str) -> Option<(&str, SignedDuration)> {
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
        return None;
    }
    let end = 19;
    if byte(end) == Some(b'.') {
        let length = text.bytes().skip(end + 1).take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return None;
        }
        // Digits below the nanosecond are cut off.
        let offset = offset(text.get(end + 1 + length..)?)?;
        return Some((text.get(..end + 1 + length.min(9))?, offset));
    }
    Some((text.get(..end)?, offset(text.get(end..)?)?))
}

/// `Z`, or hours and minutes as a clock shows them.
fn offset(text: &str) -> Option<SignedDuration> {
    if matches!(text, "Z" | "z") {
        return Some(SignedDuration::ZERO);
    }
    let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = text.as_bytes() else { return None };
    let number = |a: &u8, b: &u8| (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i64::from(a - b'0') * 10 + i64::from(b - b'0'));
    let (hours, minutes) = (number(h1, h2)?, number(m1, m2)?);
    let size = SignedDuration::from_mins(hours * 60 + minutes);
    (hours < 24 && minutes < 60).then_some(if *sign == b'-' { -size } else { size })
}

/// What a clock says; an instant out of range becomes the nearest in range.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX),
            Err(error) => SignedDuration::try_from(error.duration()).map_or(SignedDuration::MIN, |before| -before),
        };
        let [first, last] = [FIRST, LAST].map(|end| end.duration_since(START_OF_1970));
        Self(since.clamp(first, last))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        Self::read(text).ok_or_else(|| TimestampError(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // INVARIANT: every instant lies between `FIRST` and `LAST`, so the sum exists.
        write!(f, "{}Z", START_OF_1970.saturating_add(self.0))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
            ("2026-11-21T08:00:00.1234567899999Z", "2026-11-21T08:00:00.123456789Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
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
            "9999-12-31T23:59:59-00:01",
            "0000-01-01T00:00:00+00:01",
            "2026-02-29T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T08:00:00é",
        ] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_clock_of_the_system_is_read_to_the_nanosecond() {
        let step = std::time::Duration::new(1, 1);
        assert_eq!(Timestamp::from(SystemTime::UNIX_EPOCH), Timestamp::EPOCH);
        assert_eq!(Timestamp::from(SystemTime::UNIX_EPOCH + step).to_string(), "1970-01-01T00:00:01.000000001Z");
        assert_eq!(Timestamp::from(SystemTime::UNIX_EPOCH - step).to_string(), "1969-12-31T23:59:58.999999999Z");
        let far = std::time::Duration::from_secs(1 << 40);
        assert_eq!(Timestamp::from(SystemTime::UNIX_EPOCH + far).to_string(), "9999-12-31T23:59:59.999999999Z");
        assert_eq!(Timestamp::from(SystemTime::UNIX_EPOCH - far).to_string(), "0000-01-01T00:00:00Z");
    }

    #[test]
    fn milliseconds_go_there_and_back() {
        assert_eq!(Timestamp::from_millis(1_700_000_000_123).as_millis(), 1_700_000_000_123);
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999999999Z");
        assert_eq!(Timestamp::from_millis(i64::MIN).to_string(), "0000-01-01T00:00:00Z");
        for text in ["1969-12-31T23:59:59.999999999Z", "2026-11-21T08:00:00.5Z", "0000-01-01T00:00:00Z"] {
            let instant: Timestamp = text.parse().unwrap();
            assert_eq!(Timestamp::from_nanos(instant.as_nanos()), instant);
        }
        assert_eq!([i128::MIN, i128::MAX].map(Timestamp::from_nanos), [i64::MIN, i64::MAX].map(Timestamp::from_millis));
    }
}
