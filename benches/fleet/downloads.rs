//! What it takes to hand out the ruleset of one tenant with many flags: time, bytes, memory.

use std::time::Instant;

use ff_test_support::{Client, Postgres, Setup};
use serde_json::json;

use crate::verdict::Verdict;
use crate::{Effort, PROGRAM, admin, percentile, start};

/// How often each is timed that takes little.
const ROUNDS: usize = 30;

pub(crate) fn measure(postgres: &Postgres, effort: Effort, verdict: &mut Verdict) {
    let dsn = postgres.empty_database();
    start::plant(&dsn, std::iter::once("acme".to_owned()), effort.flags);
    let server = Setup::new(PROGRAM).variable("DB_DSN", &dsn).start();
    let api = admin(&server, "acme");
    let zipped = api.with("Accept-Encoding", "gzip");
    println!("\n## downloads of one ruleset with {} flags", effort.flags);
    api.post("/v1/evaluate", &json!({"flag_key": "flag-00003", "user": {"id": "u"}})).ok();
    let before = server.resident_mib();
    verdict.at_most("the first download, read from the database", millis(|| ask(&zipped, "/v1/ruleset", 200)), "ms", 2_000.0, 500.0);
    let (plain, small) = (api.get("/v1/ruleset"), zipped.get("/v1/ruleset"));
    verdict.at_most("its size", mib(plain.bytes().len()), "MiB", 10.0, 5.0);
    verdict.at_most("its size, compressed", mib(small.bytes().len()), "MiB", 1.0, 0.5);
    verdict.at_most("resident memory with it, above that without", server.resident_mib() - before, "MiB", 40.0, 20.0);
    let again = |client: &Client, status: u16| median(|| ask(client, "/v1/ruleset", status));
    verdict.at_most("another download, median", again(&zipped, 200), "ms", 20.0, 5.0);
    verdict.at_most("… of who has it already, median", again(&zipped.with("If-None-Match", &small.etag()), 304), "ms", 10.0, 2.0);

    let (mut patched, mut changed, mut grown) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..ROUNDS {
        let write = |key: &str| api.put(&format!("/v1/flags/{key}"), &json!({"owner": format!("owner-{i}")})).ok();
        write("flag-00003");
        patched.push(millis(|| ask(&zipped, "/v1/ruleset", 200)));
        ask(&api, "/v1/ruleset", 200);
        let revision = zipped.get("/v1/ruleset").header("x-revision").unwrap().to_owned();
        write("flag-00004");
        changed.push(millis(|| ask(&zipped, &format!("/v1/ruleset/changes?since={revision}"), 200)));
        grown.push(server.resident_mib() - before);
    }
    let shown: Vec<_> = grown.iter().map(|mib| format!("{mib:.1}")).collect();
    println!("resident memory above that before, round by round: {}", shown.join(" "));
    verdict.at_most("the first download after a change, median", percentile(&mut patched, 0.5), "ms", 1_000.0, 250.0);
    verdict.at_most("the first list of changes after a change, median", percentile(&mut changed, 0.5), "ms", 1_000.0, 250.0);
    verdict.at_most("resident memory in ten rounds of this, at most, above that before", most(grown.iter().take(10)), "MiB", 60.0, 30.0);
    verdict.at_most("… in the last ten of thirty", most(grown.iter().rev().take(10)), "MiB", 60.0, 30.0);
}

fn most<'a>(figures: impl Iterator<Item = &'a f64>) -> f64 {
    figures.copied().fold(0.0, f64::max)
}

fn ask(client: &Client, path: &str, status: u16) {
    client.get(path).is(status);
}

fn mib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn millis(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64() * 1_000.0
}

fn median(work: impl Fn()) -> f64 {
    percentile(&mut (0..ROUNDS).map(|_| millis(&work)).collect::<Vec<_>>(), 0.5)
}
