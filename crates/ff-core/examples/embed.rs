//! A service that embeds the engine: load flags once, evaluate per request, swap in a changed flag while others read.
//!
//! `cargo run -p ff-core --example embed`

#![allow(clippy::print_stdout, reason = "an example shows its answers")]
#![allow(clippy::disallowed_types, reason = "the engine takes no lock; how a service shares a ruleset is its own choice")]

use std::sync::{Arc, RwLock};

use ff_core::{EnvironmentKey, Flag, Ruleset, Segment, Timestamp, User};

const FLAGS: &str = r#"[
    {"key": "new-search", "type": "boolean", "state": "on", "rollout_percentage": 20,
     "rules": [{"id": "staff", "when": {"segment": "staff"}, "rollout": {"variant": "on"}}]},
    {"key": "page-size", "type": "number", "state": "on",
     "variants": [{"key": "small", "weight": 1, "value": 20}, {"key": "large", "weight": 1, "value": 100}]}
]"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let documents: Vec<serde_json::Value> = serde_json::from_str(FLAGS)?;
    let flags = documents.iter().map(Flag::from_value).collect::<Result<Vec<_>, _>>()?;
    let staff = Segment::from_json(r#"{"key": "staff", "criteria": {"attr": {"email": {"iends_with": "@example.com"}}}}"#)?;
    let ruleset = Ruleset::compile("acme".parse()?, EnvironmentKey::production(), 1, &flags, &[staff])?;

    // What readers share. Swapping the pointer is all that a writer does under the lock.
    let current = RwLock::new(Arc::new(ruleset));

    // The caller owns the clock. A real service would ask the system.
    let now: Timestamp = "2026-11-21T08:00:00Z".parse()?;
    let ada = User::new("user-1")?.with("email", "Ada@Example.com").with("age", 36);

    let before = current.read().map_err(|_| "a writer panicked")?.clone();
    for answer in before.evaluate_all(&ada, now) {
        println!("{} = {:?} because of {}", answer.flag_key(), answer.value(), answer.reason());
    }

    let changed = Flag::from_json(r#"{"key": "new-search", "type": "boolean", "state": "off"}"#)?;
    let next = before.with_flag(2, &changed)?;
    *current.write().map_err(|_| "a writer panicked")? = Arc::new(next);

    let after = current.read().map_err(|_| "a writer panicked")?.clone();
    let answer = after.evaluate("new-search", &ada, now).ok_or("no such flag")?;
    println!("{} = {:?} because of {}", answer.flag_key(), answer.value(), answer.reason());

    // Why? The same evaluation with everything that it looked at.
    let explanation = before.explain("new-search", &ada, now).ok_or("no such flag")?;
    println!("{}", serde_json::to_string_pretty(&explanation)?);
    Ok(())
}
