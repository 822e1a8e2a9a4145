//! RFC 3339 instants as nanoseconds since 1970-01-01T00:00:00Z, by the calendar's rules.

/// Seconds: in UTC, too, the years are 0 to 9999, as four digits can say.
const YEAR_0: i64 = -62_167_219_200;
const YEAR_10_000: i64 = 253_402_300_800;

/// The instant, or nothing where the text is not in RFC 3339 form. A leap second counts as the second before it.
pub fn nanoseconds(text: &str) -> Option<i128> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let rest = rest.strip_prefix(['T', 't'])?;
    let (time, rest) = (rest.get(..8)?, rest.get(8..)?);
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            // Below the nanosecond nothing counts.
            (format!("{:0<9}", &rest[..digits.min(9)]).parse::<i128>().ok()?, &rest[digits..])
        }
        None => (0, rest),
    };
    let offset_s = offset_seconds(zone)?;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second.min(59) - offset_s;
    (YEAR_0..YEAR_10_000).contains(&seconds).then_some(i128::from(seconds) * 1_000_000_000 + fraction)
}

/// How far local time is ahead of UTC.
fn offset_seconds(zone: &str) -> Option<i64> {
    if zone == "Z" || zone == "z" {
        return Some(0);
    }
    let sign = match zone.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let [hours, minutes] = numbers(&zone[1..], ':', [2, 2])?;
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Exactly `N` numbers of the given widths, in digits only.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let parts: Vec<&str> = text.split(separator).collect();
    let mut found = [0; N];
    if parts.len() != N {
        return None;
    }
    for i in 0..N {
        if parts[i].len() != widths[i] || !parts[i].bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        found[i] = parts[i].parse().ok()?;
    }
    Some(found)
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counts years and months one by one: slow, and plainly right.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year_days = |y: i64| if is_leap(y) { 366 } else { 365 };
    let years: i64 = if year >= 1970 { (1970..year).map(year_days).sum() } else { -(year..1970).map(year_days).sum::<i64>() };
    years + (1..month).map(|m| days_in(year, m)).sum::<i64>() + day - 1
}
