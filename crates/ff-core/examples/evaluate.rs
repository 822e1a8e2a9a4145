//! Evaluates a flag of a file for one user.
//!
//! `cargo run -p ff-core --example evaluate -- examples/data/flags.json page-size user-1 country=CA`
//!
//! Attributes are JSON, or text where they are no JSON: `age=36`, `beta=true`, `roles=["admin"]`, `country=CA`. With `--explain`
//! in front, everything that was looked at is shown.
#![allow(clippy::print_stdout, reason = "a command shows its answer")]
#![allow(clippy::disallowed_methods, reason = "the engine has neither files nor a clock; a program around it does")]

use std::time::SystemTime;

use ff_core::{FlagSet, Timestamp, User};
use serde_json::{Map, Value};

const USAGE: &str = "usage: evaluate [--explain] FILE FLAG USER [NAME=VALUE…]";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let explains = arguments.first().is_some_and(|first| first == "--explain");
    if explains {
        arguments.remove(0);
    }
    let [file, flag_key, user_id, attributes @ ..] = arguments.as_slice() else {
        return Err(USAGE.into());
    };

    // Every fault of the file is in the error, each with its place: `/flags/0/rules/1/when/segment: there is no segment `x``.
    let ruleset = FlagSet::from_json(&std::fs::read_to_string(file)?)?.compile(0)?;

    let mut given = Map::new();
    for attribute in attributes {
        let (name, value) = attribute.split_once('=').ok_or(USAGE)?;
        given.insert(name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value)));
    }
    let user = User::from_attributes(user_id, &given)?;
    let now = Timestamp::from(SystemTime::now());

    let shown = if explains {
        ruleset.explain(flag_key, &user, now).map(|explanation| serde_json::to_string_pretty(&explanation))
    } else {
        ruleset.evaluate(flag_key, &user, now).map(|evaluation| serde_json::to_string(&evaluation))
    };
    println!("{}", shown.ok_or_else(|| format!("there is no flag `{flag_key}` in {file}"))??);
    Ok(())
}
