//! A service that embeds the engine, without the service: flags built in code, evaluations, a changed flag swapped in while others
//! read, and why.
//!
//! `cargo run -p ff-core --example embed`
#![allow(clippy::print_stdout, reason = "an example shows its answers")]

use std::sync::Arc;

use arc_swap::ArcSwap;
use ff_core::build::{attr, rule, segment};
use ff_core::{Flag, FlagSet, FlagType, Ruleset, Segment, Timestamp, User};

fn flags() -> Result<FlagSet, Box<dyn std::error::Error>> {
    let staff = Segment::builder("staff").criteria(attr("email").iends_with("@example.com")).build()?;
    let search = Flag::builder("new-search", FlagType::Boolean)
        .on()
        .rollout_percentage(20.0)
        .rule(rule("staff").when(segment("staff")).variant("on"))
        .build()?;
    let page_size = Flag::builder("page-size", FlagType::Number).on().variant("small", 1.0, 20).variant("large", 1.0, 100).build()?;
    Ok(FlagSet::new("acme".parse()?).flag(search).flag(page_size).segment(staff))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What readers share. A load is a few nanoseconds, and never waits for a writer.
    let current: ArcSwap<Ruleset> = ArcSwap::from_pointee(flags()?.compile(1)?);

    // The caller owns the clock. A real service would ask the system.
    let now: Timestamp = "2026-11-21T08:00:00Z".parse()?;
    let ada = User::new("user-1")?.with("email", "Ada@Example.com").with("age", 36);

    let before = current.load_full();
    for flag_key in ["new-search", "page-size"] {
        let answer = before.evaluate(flag_key, &ada, now).ok_or("no such flag")?;
        println!("{flag_key} = {:?} because of {}", answer.value(), answer.reason());
    }

    // A changed flag makes a new ruleset, which shares all others with the old one.
    let off = Flag::builder("new-search", FlagType::Boolean).build()?;
    current.store(Arc::new(before.with_flag(2, &off)?));
    println!("new-search = {} at revision {}", current.load().bool_or("new-search", &ada, now, false), current.load().revision());

    // Why? The same evaluation with everything that it looked at; whoever holds the old ruleset still has it.
    let explanation = before.explain("new-search", &ada, now).ok_or("no such flag")?;
    println!("{}", serde_json::to_string_pretty(&explanation)?);
    Ok(())
}
