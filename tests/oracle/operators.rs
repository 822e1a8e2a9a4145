//! Tests on one attribute.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use regex::RegexBuilder;
use serde_json::Value;

use super::{instants, items, number, text, versions};

/// At each level the literal name comes first; else the part before the first dot must be an object that has the rest.
/// What is null is not there.
pub(super) fn look_up<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    if let Some(found) = object.as_object()?.get(name).filter(|value| !value.is_null()) {
        return Some(found);
    }
    let (head, rest) = name.split_once('.')?;
    look_up(object.get(head)?, rest)
}

/// The text that a percentage `by` this attribute hashes, if it may be hashed.
pub(super) fn bucketing_text(attribute: &Value) -> Option<String> {
    match attribute {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(_) => {
            let number = number(attribute);
            // From 2^53 on several whole numbers share a double.
            (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then(|| (number as i64).to_string())
        }
        _ => None,
    }
}

/// A scalar means `eq`, a list means `in`, an object holds operators that must all hold.
pub fn test_holds(test: &Value, attribute: Option<&Value>) -> bool {
    match test {
        Value::Array(_) => operator_holds("in", test, attribute),
        Value::Object(operators) => operators.iter().all(|(operator, operand)| operator_holds(operator, operand, attribute)),
        _ => operator_holds("eq", test, attribute),
    }
}

fn operator_holds(operator: &str, operand: &Value, attribute: Option<&Value>) -> bool {
    match operator {
        "exists" => attribute.is_some() == operand.as_bool().expect("exists takes a boolean"),
        "ne" => !operator_holds("eq", operand, attribute),
        "not_in" => !operator_holds("in", operand, attribute),
        "ine" => !operator_holds("ieq", operand, attribute),
        "inot_in" => !operator_holds("iin", operand, attribute),
        _ => match attribute {
            None => false,
            Some(Value::Array(elements)) => elements.iter().any(|element| scalar_matches(operator, operand, element)),
            Some(scalar) => scalar_matches(operator, operand, scalar),
        },
    }
}

/// The positive operators on one value. Null, a list or an object satisfies none of them.
fn scalar_matches(operator: &str, operand: &Value, value: &Value) -> bool {
    if value.is_null() || value.is_array() || value.is_object() {
        return false;
    }
    match operator {
        "eq" => equal(operand, value),
        "in" => items(operand).iter().any(|one| equal(one, value)),
        "lt" => order(operand, value).is_some_and(|o| o.is_lt()),
        "lte" => order(operand, value).is_some_and(|o| o.is_le()),
        "gt" => order(operand, value).is_some_and(|o| o.is_gt()),
        "gte" => order(operand, value).is_some_and(|o| o.is_ge()),
        _ => match value.as_str() {
            Some(value) => text_matches(operator, operand, value),
            None => false,
        },
    }
}

/// Operators that only a string can satisfy.
fn text_matches(operator: &str, operand: &Value, value: &str) -> bool {
    match operator {
        "starts_with" => value.starts_with(text(operand)),
        "ends_with" => value.ends_with(text(operand)),
        "contains" => value.contains(text(operand)),
        "matches" => RegexBuilder::new(text(operand)).build().expect("a regex").is_match(value),
        "imatches" => RegexBuilder::new(text(operand)).case_insensitive(true).build().expect("a regex").is_match(value),
        "ieq" => fold(value) == fold(text(operand)),
        "iin" => items(operand).iter().any(|one| fold(value) == fold(text(one))),
        "istarts_with" => fold(value).starts_with(&fold(text(operand))),
        "iends_with" => fold(value).ends_with(&fold(text(operand))),
        "icontains" => fold(value).contains(&fold(text(operand))),
        "before" => instant_of(value).is_some_and(|at| at < instant_of(text(operand)).expect("an instant")),
        "after" => instant_of(value).is_some_and(|at| at > instant_of(text(operand)).expect("an instant")),
        "semver_eq" => version_order(value, operand).is_some_and(|o| o.is_eq()),
        "semver_lt" => version_order(value, operand).is_some_and(|o| o.is_lt()),
        "semver_lte" => version_order(value, operand).is_some_and(|o| o.is_le()),
        "semver_gt" => version_order(value, operand).is_some_and(|o| o.is_gt()),
        "semver_gte" => version_order(value, operand).is_some_and(|o| o.is_ge()),
        "ip_in" => match value.parse::<IpAddr>() {
            Ok(address) if operand.is_array() => items(operand).iter().any(|one| in_network(text(one), address)),
            Ok(address) => in_network(text(operand), address),
            Err(_) => false,
        },
        _ => panic!("unknown operator {operator}"),
    }
}

/// Whether the attribute's value equals the operand; the operand's type decides how.
fn equal(operand: &Value, value: &Value) -> bool {
    match operand {
        Value::Number(_) => numeric(value).is_some_and(|found| found == number(operand)),
        Value::Bool(truth) => *value == Value::Bool(*truth) || value.as_str() == Some(if *truth { "true" } else { "false" }),
        Value::String(_) => operand == value,
        _ => panic!("{operand} is no operand"),
    }
}

/// How the attribute's value compares with the operand, if they can be compared.
fn order(operand: &Value, value: &Value) -> Option<std::cmp::Ordering> {
    match operand {
        Value::Number(_) => numeric(value)?.partial_cmp(&number(operand)),
        Value::String(wanted) => Some(value.as_str()?.as_bytes().cmp(wanted.as_bytes())),
        _ => panic!("{operand} cannot be compared by size"),
    }
}

/// A number, or a string that spells one: sign, digits, point, digits, exponent.
fn numeric(value: &Value) -> Option<f64> {
    let Value::String(spelled) = value else { return value.as_f64() };
    let unsigned = spelled.strip_prefix(['+', '-']).unwrap_or(spelled);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let spells_a_number = all_digits(whole)
        && all_digits(fraction)
        && whole.len() + fraction.len() > 0
        && exponent.is_none_or(|digits| !digits.is_empty() && all_digits(digits));
    if !spells_a_number || spelled.len() > ff_core::limits::DECIMAL_LENGTH_MAX {
        return None;
    }
    spelled.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Lower case, character by character, with the final sigma as an ordinary one.
fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c }).collect()
}

fn instant_of(text: &str) -> Option<i128> {
    instants::nanoseconds(text)
}

fn version_order(value: &str, operand: &Value) -> Option<std::cmp::Ordering> {
    let wanted = versions::parse(text(operand)).expect("a version");
    let version = versions::parse(value).filter(|_| value.len() <= ff_core::limits::VERSION_LENGTH_MAX)?;
    Some(version.cmp_precedence(&wanted))
}

/// `network` is a network or a single address; an IPv4-mapped IPv6 address counts as the IPv4 address.
fn in_network(network: &str, address: IpAddr) -> bool {
    let network = match network.parse::<IpAddr>() {
        Ok(single) => IpNet::from(as_ipv4_if_mapped(single)),
        Err(_) => match network.parse::<IpNet>().expect("a network") {
            IpNet::V6(v6) if v6.prefix_len() >= 96 && is_mapped(v6.addr()) => {
                IpNet::new(as_ipv4_if_mapped(v6.addr().into()), v6.prefix_len() - 96).expect("0 to 32 bits")
            }
            network => network,
        },
    };
    network.contains(&as_ipv4_if_mapped(address))
}

fn is_mapped(address: Ipv6Addr) -> bool {
    address.to_ipv4_mapped().is_some()
}

fn as_ipv4_if_mapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}
