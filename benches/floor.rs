//! How near is the engine to the least that each workload needs? W1 to W9 against hand-written programs that do only what
//! their workload needs: no tenants, no reasons, no paths for errors, no other kinds of rules.
//!
//! `cargo bench -p ff-core --bench floor`. CPU time of one thread, engine and floor in turns, 31 rounds of 8 ms each; the
//! minimum and, in brackets, the median. Good: a ratio of minima up to 1.5, for W1 and W2 up to 2. `-- W5 W6` runs some, `-- steps`
//! what is in W6, one thing after the other, against W6's floor.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark; it prints its table"
)]

#[path = "floor/clock.rs"]
mod clock;
#[path = "floor/programs.rs"]
mod programs;
#[allow(dead_code, reason = "each benchmark uses some of the workloads")]
#[path = "workloads.rs"]
mod workloads;

use std::hint::black_box;
use std::time::Duration;

use clock::cpu_time;
use ff_core::{EnvironmentKey, Flag, Ruleset, Segments, Timestamp, User};
use workloads::Workload;

/// One side of a comparison: evaluates the next user's next flag, or loads all flags.
type Step<'a> = Box<dyn FnMut(usize) + 'a>;

fn engine<'a>(workload: &'a Workload, ruleset: &'a Ruleset, users: &'a [User]) -> Step<'a> {
    let now = Timestamp::from_millis(1_800_000_000_000);
    let keys = &workload.keys;
    if keys.is_empty() {
        return Box::new(move |turn| {
            for answer in ruleset.evaluate_all(black_box(&users[turn % 64]), now) {
                black_box((answer.variant(), answer.reason()));
            }
        });
    }
    Box::new(move |turn| {
        let answer = ruleset.evaluate(black_box(&keys[turn % keys.len()]), black_box(&users[turn % 64]), now).unwrap();
        black_box((answer.variant(), answer.reason()));
    })
}

/// W10: from the texts of W9's flags to a ruleset.
fn load(texts: &[String]) -> Step<'_> {
    Box::new(move |_| {
        let flags: Vec<_> = texts.iter().map(|text| Flag::from_json(text).unwrap()).collect();
        black_box(Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &flags, &[]).unwrap());
    })
}

/// The same as a service loads flags that it reads one by one: none is held longer than it takes to compile it.
fn load_one_by_one(texts: &[String]) -> Step<'_> {
    Box::new(move |_| {
        let flags = texts.iter().map(|text| Flag::from_json(text).unwrap());
        let segments = Segments::none("acme".parse().unwrap());
        let (ruleset, rejected) = Ruleset::compile_valid(EnvironmentKey::production(), 1, flags, segments);
        assert!(rejected.is_empty());
        black_box(ruleset);
    })
}

struct Measured {
    minimum: f64,
    median: f64,
}

/// Nanoseconds of each side, measured in turns.
fn compare(mut sides: [Step<'_>; 2], rounds: usize, round: Duration, at_least: usize) -> [Measured; 2] {
    let run = |side: &mut Step<'_>, steps: usize| {
        let start = cpu_time();
        (0..steps).for_each(side);
        (cpu_time() - start).as_nanos() as f64 / steps as f64
    };
    let steps = [0, 1].map(|i| {
        let once = run(&mut sides[i], at_least);
        ((round.as_nanos() as f64 / once) as usize).max(1).next_multiple_of(at_least)
    });
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for i in [0, 1] {
            times[i].push(run(&mut sides[i], steps[i]));
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        Measured { minimum: times[0], median: times[times.len() / 2] }
    })
}

fn main() {
    // `cargo test --benches` runs this once to see that it works; `cargo bench` passes `--bench`.
    let is_timed = std::env::args().any(|argument| argument == "--bench");
    let (rounds, round) = if is_timed { (31, Duration::from_millis(8)) } else { (1, Duration::from_micros(100)) };
    println!("workload      floor ns                   engine ns                 ratio of minima");
    let all = [
        (workloads::w1(), programs::w1 as fn(&Workload) -> Step<'_>),
        (workloads::w2(), programs::w1),
        (workloads::w3(), programs::w3),
        (workloads::w4(), programs::w4),
        (workloads::w5(), programs::w4),
        (workloads::w6(), programs::w6),
        (workloads::w7(), programs::w7),
        (workloads::w8(), programs::w8),
        (workloads::w9(), programs::w3),
    ];
    let wanted: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (workload, floor) in all.into_iter().filter(|(workload, _)| wanted.is_empty() || wanted.iter().any(|id| id == workload.id)) {
        let (ruleset, users) = (workload.ruleset(), workload.users());
        show(workload.id, compare([floor(&workload), engine(&workload, &ruleset, &users)], rounds, round, 64));
    }
    if wanted.is_empty() || wanted.iter().any(|id| id == "W10") {
        let texts: Vec<_> = workloads::w9().flags.iter().map(ToString::to_string).collect();
        show("W10", compare([programs::w10(&texts), load(&texts)], rounds.min(15), round, 1));
        show("… 1×1", compare([programs::w10(&texts), load_one_by_one(&texts)], rounds.min(15), round, 1));
    }
    if wanted.iter().any(|id| id == "steps") {
        let whole = workloads::w6();
        for step in workloads::w6_steps() {
            let (ruleset, users) = (step.ruleset(), step.users());
            show(step.id, compare([programs::w6(&whole), engine(&step, &ruleset, &users)], rounds, round, 64));
        }
    }
}

fn show(id: &str, [floor, engine]: [Measured; 2]) {
    let ratio = engine.minimum / floor.minimum;
    println!("{id:5} {:12.1} ({:12.1}) {:12.1} ({:12.1})   {ratio:.2}", floor.minimum, floor.median, engine.minimum, engine.median);
}
