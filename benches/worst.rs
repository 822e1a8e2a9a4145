//! How long can one evaluation take at most? Flags at the bounds of `ff_core::limits`, each with the users that make it slow.
//!
//! `cargo bench -p ff-core --bench worst`. CPU time of one thread, 31 rounds; the minimum and the median. Good: below 200 µs each.
//! The rule matches nobody, so that everything is tried.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark; it prints its table"
)]

#[path = "floor/clock.rs"]
mod clock;
#[path = "worst/lists.rs"]
mod lists;

use std::hint::black_box;

use clock::cpu_time;
use ff_core::limits::{
    ATTRIBUTE_LENGTH_MAX, ATTRIBUTES_MAX, EVALUATION_STEPS_MAX, LIST_LENGTH_MAX, READ_STEPS, REFERENCE_DEPTH_MAX, REGEX_STEPS, REGEXES_MAX,
    SEARCH_STEPS, STEP_LENGTH, VERSION_LENGTH_MAX, VERSION_STEPS,
};
use ff_core::{EnvironmentKey, Flag, Ruleset, Segment, Timestamp, User};
use serde_json::{Value, json};

/// Tests that one flag holds beside the segments that it names.
const OWN_TESTS: usize = 1_900;

fn flag(when: &Value) -> Value {
    json!({"key": "worst", "type": "boolean", "state": "on", "rules": [{"when": when, "rollout": {"variant": "on"}}]})
}

fn compile(flag: &Value, segments: &[Value]) -> Ruleset {
    let flag = Flag::from_value(flag).unwrap_or_else(|faults| panic!("{faults}"));
    let segments: Vec<_> = segments.iter().map(|segment| Segment::from_value(segment).unwrap()).collect();
    Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &[flag], &segments)
        .unwrap_or_else(|faults| panic!("{faults}"))
}

/// One flag that asks as many tests as an evaluation may take steps, through segments that hold a part of them each.
fn through_segments(test: impl Fn(usize) -> Value, steps_each: u64) -> Ruleset {
    let tests = usize::try_from((EVALUATION_STEPS_MAX - 20) / steps_each).unwrap();
    let parts: Vec<_> = (0..tests).step_by(OWN_TESTS).map(|start| start..(start + OWN_TESTS).min(tests)).collect();
    let keys: Vec<_> = (0..parts.len()).map(|i| format!("part-{i}")).collect();
    let segments: Vec<_> =
        keys.iter().zip(parts).map(|(key, part)| json!({"key": key, "criteria": {"any": part.map(&test).collect::<Vec<_>>()}})).collect();
    compile(&flag(&json!({ "segment": keys })), &segments)
}

/// A number in two letters, so that a needle has no letter that the text lacks.
fn letters(i: usize, zero: &str, one: &str) -> String {
    (0..8).map(|bit| if i >> bit & 1 == 0 { zero } else { one }).collect()
}

/// A text of as and bs in no order, the same for the same seed.
fn random_letters(seed: u64, length: usize) -> String {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed + 1);
    let letters = (0..length).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state & 1 == 0 { 'a' } else { 'b' }
    });
    letters.collect()
}

fn attr(test: Value) -> Value {
    json!({"attr": {"text": test}})
}

fn main() {
    // `cargo test --benches` runs this once to see that it works; `cargo bench` passes `--bench`.
    let (rounds, steps) = if std::env::args().any(|argument| argument == "--bench") { (31, 40) } else { (1, 1) };
    let now = Timestamp::from_millis(1_800_000_000_000);
    println!("minimum µs   median µs");
    let run = |name: &str, ruleset: &Ruleset, users: &[User]| {
        let evaluate = |turn: usize| {
            black_box(ruleset.evaluate(black_box("worst"), black_box(&users[turn % users.len()]), now).unwrap().reason());
        };
        // What is built when it is first needed is built before the clock runs.
        (0..users.len()).for_each(evaluate);
        let mut times: Vec<_> = (0..rounds)
            .map(|_| {
                let start = cpu_time();
                (0..steps).for_each(evaluate);
                (cpu_time() - start).as_nanos() as f64 / steps as f64 / 1_000.0
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{:10.1} {:11.1}   {name}", times[0], times[times.len() / 2]);
    };
    let with = |text: &str| vec![User::new("u").unwrap().with("text", text)];
    let fill =
        |part: &str| part.chars().cycle().take(ATTRIBUTE_LENGTH_MAX / part.chars().next().map_or(1, char::len_utf8)).collect::<String>();

    let many = (0..ATTRIBUTES_MAX - 1).fold(User::new("u").unwrap(), |user, i| user.with(&format!("name-{i}"), i as f64));
    let equal = fill("x");
    let not_quite = |i: usize| format!("{}{i:05}", &equal[..ATTRIBUTE_LENGTH_MAX - 5]);
    run(
        "equality with long texts, among 1,000 attributes",
        &through_segments(|i| attr(json!(not_quite(i))), 2 + (ATTRIBUTE_LENGTH_MAX / STEP_LENGTH) as u64),
        &[many.with("text", equal.as_str())],
    );
    let numbers = with(&"9".repeat(64));
    run("numbers in a text", &through_segments(|i| attr(json!({"gt": 1e300 + i as f64})), READ_STEPS), &numbers);
    run(
        "versions",
        &through_segments(|i| attr(json!({"semver_gt": format!("99.{i}.0")})), VERSION_STEPS),
        &with(&format!("1.2.3-{}", &fill("a.")[..VERSION_LENGTH_MAX - 7])),
    );
    let versions = |i: usize| format!("1.2.3-{}b{i:05}", &fill("a.")[..VERSION_LENGTH_MAX - 12]);
    run(
        "versions that differ at the end",
        &through_segments(|i| attr(json!({"semver_gt": versions(i + 1)})), VERSION_STEPS),
        &with(&versions(0)),
    );
    run(
        "instants",
        &through_segments(|i| attr(json!({"before": format!("2001-01-01T00:00:{:02}Z", i % 60)})), READ_STEPS),
        &with("2026-11-21T08:00:00.123456789+05:30"),
    );
    run(
        "networks",
        &through_segments(|i| attr(json!({"ip_in": format!("10.{}.{}.0/24", i / 250, i % 250)})), READ_STEPS + 1),
        &with("2001:db8:1234:5678:9abc:def0:1234:5678"),
    );
    run(
        "beginnings beyond ASCII, case ignored",
        &through_segments(|i| attr(json!({"istarts_with": format!("{}{i}", &fill("ж")[..512])})), READ_STEPS),
        &with(&fill("Ж")),
    );
    run(
        "searches, the text full of near misses",
        &through_segments(|i| attr(json!({"contains": format!("xaxaxaxxa{}", letters(i, "x", "a"))})), SEARCH_STEPS),
        &with(&fill("xa")),
    );
    run(
        "searches beyond ASCII, case ignored",
        &through_segments(|i| attr(json!({"icontains": format!("жёжёжж{}", letters(i, "ж", "ё"))})), SEARCH_STEPS),
        &with(&fill("Жё")),
    );

    // Expressions with as many states as the bound allows, and texts that visit them.
    let texts: Vec<_> = (0..8).map(|i| with(&random_letters(i, ATTRIBUTE_LENGTH_MAX)).remove(0)).collect();
    let expressions = usize::try_from(EVALUATION_STEPS_MAX / REGEX_STEPS).unwrap().min(REGEXES_MAX);
    let hard: Vec<_> = (0..expressions).map(|i| attr(json!({"matches": format!("[ab]*a[ab]{{8}}c{i}")}))).collect();
    run("regular expressions of 500 states", &compile(&flag(&json!({"any": hard})), &[]), &texts);

    let nested: Vec<_> = (0..REFERENCE_DEPTH_MAX)
        .map(|i| {
            let inner = if i + 1 < REFERENCE_DEPTH_MAX { json!({"segment": format!("nest-{}", i + 1)}) } else { json!({"any": []}) };
            let tests: Vec<_> = (0..300).map(|n| attr(json!(format!("none-{n}")))).chain([inner]).collect();
            json!({"key": format!("nest-{i}"), "criteria": {"any": tests}})
        })
        .collect();
    run("segments inside segments, 16 deep", &compile(&flag(&json!({"segment": "nest-0"})), &nested), &with("y"));

    let listed: Vec<_> = (0..LIST_LENGTH_MAX).map(|i| format!("user-{i}")).collect();
    let sets: Vec<_> = (0..20).map(|_| json!({"user_id": {"in": listed}})).collect();
    run("lists of 10,000 users", &compile(&flag(&json!({"any": sets})), &[]), &with("y"));

    println!("lists");
    for (name, ruleset, users) in lists::rows() {
        run(name, &ruleset, &users);
    }
}
