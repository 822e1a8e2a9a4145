//! `tests/data/bucketing.json`: frozen vectors through the engine, the oracle and a script in another language.

use std::io::ErrorKind;
use std::process::Command;

use ff_core::TenantId;
use ff_core::bucket::{self, Domain, Seed, Threshold};
use serde_json::Value;

use crate::data::{self, items, skip};
use crate::oracle;

fn vectors() -> Value {
    data::json(&data::path("bucketing.json"))
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 2^64, "everybody", has a digit more than all others.
fn shown(threshold: Threshold) -> String {
    match threshold {
        Threshold::Below(end) => format!("{end:016x}"),
        Threshold::All => format!("{:016x}", 1_u128 << 64),
    }
}

#[test]
fn buckets_are_the_published_ones() {
    let document = vectors();
    for vector in items(&document["buckets"]) {
        let (tenant, text_, id) = (text(vector, "tenant"), text(vector, "text"), text(vector, "id"));
        let (ours, theirs) = match vector["domain"].as_u64().unwrap() {
            1 => (Domain::Distribution, oracle::Domain::Distribution),
            2 => (Domain::Percentage, oracle::Domain::Percentage),
            3 => (Domain::SegmentPercentage, oracle::Domain::SegmentPercentage),
            other => panic!("there is no domain {other}"),
        };
        let seed = Seed::new(ours, &tenant.parse::<TenantId>().unwrap(), text_);
        assert_eq!(hex(&seed.to_bytes()), text(vector, "seed"), "{vector}");
        let bucket = seed.bucket(id);
        assert_eq!(format!("{:016x}", bucket.hash()), text(vector, "hash"), "{vector}");
        // A JSON reader may be a unit in the last place off; the hash above is exact.
        assert!((bucket.as_f64() - number(&vector["bucket"])).abs() <= f64::EPSILON, "{vector}");
        assert!((0.0..1.0).contains(&bucket.as_f64()));

        let seed = oracle::seed(theirs, tenant, text_);
        assert_eq!(hex(&seed), text(vector, "seed"), "oracle: {vector}");
        assert_eq!(format!("{:016x}", oracle::hash(seed, id)), text(vector, "hash"), "oracle: {vector}");
    }
    assert!(items(&document["buckets"]).len() >= 78);
}

#[test]
fn thresholds_of_distributions_are_the_published_ones() {
    let document = vectors();
    for vector in items(&document["distributions"]) {
        let weights: Vec<f64> = items(&vector["weights"]).iter().map(number).collect();
        let wanted: Vec<&str> = items(&vector["thresholds"]).iter().map(|t| t.as_str().unwrap()).collect();
        let engine: Vec<String> = bucket::distribution(weights.iter().copied()).into_iter().map(shown).collect();
        assert_eq!(engine, wanted, "{vector}");
        let oracle: Vec<String> = oracle::thresholds(&weights).into_iter().map(|t| format!("{t:016x}")).collect();
        assert_eq!(oracle, wanted, "oracle: {vector}");
    }
    assert!(items(&document["distributions"]).len() >= 17);
}

#[test]
fn thresholds_of_percentages_are_the_published_ones() {
    let document = vectors();
    for vector in items(&document["percentages"]) {
        let percentage = number(&vector["percentage"]);
        assert_eq!(shown(Threshold::from_percentage(percentage)), text(vector, "threshold"), "{vector}");
        assert_eq!(format!("{:016x}", oracle::percentage_threshold(percentage)), text(vector, "threshold"), "oracle: {vector}");
    }
    assert!(items(&document["percentages"]).len() >= 20);
}

#[test]
fn thresholds_of_growing_percentages_are_the_published_ones() {
    let document = vectors();
    for vector in items(&document["growing"]) {
        let end = |name: &str| (number(&vector[name]["value"]), oracle::nanoseconds(text(&vector[name], "at")).unwrap());
        let (from, to, now) = (end("from"), end("to"), oracle::nanoseconds(text(vector, "now")).unwrap());
        assert_eq!(format!("{:016x}", oracle::growing_threshold(from, to, now)), text(vector, "threshold"), "oracle: {vector}");

        let (first, last) = (Threshold::from_percentage(from.0), Threshold::from_percentage(to.0));
        let elapsed = now.clamp(from.1, to.1) - from.1;
        let engine = first.towards(last, elapsed as u128, (to.1 - from.1) as u128);
        assert_eq!(shown(engine), text(vector, "threshold"), "{vector}");
    }
    assert!(items(&document["growing"]).len() >= 23);
}

#[test]
fn a_script_in_another_language_recomputes_every_vector() {
    let script = data::path("bucketing.py");
    match Command::new("python3").arg(&script).arg("--check").output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
            println!("{said}");
        }
        Err(error) if error.kind() == ErrorKind::NotFound => skip("python3 is not installed, so bucketing.py did not run"),
        Err(error) => panic!("{}: {error}", script.display()),
    }
}
