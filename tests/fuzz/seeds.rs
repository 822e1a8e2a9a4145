//! The tests' own data as inputs of the fuzz targets.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

/// The targets: a function in `checks`, a binary in `fuzz/fuzz_targets`.
pub const TARGETS: [&str; 3] = ["ruleset", "condition", "user"];

/// Inputs for a target, from the golden cases and the refused documents in `data`. Each at most once.
pub fn seeds(data: &Path, target: &str) -> BTreeSet<String> {
    let mut seeds = BTreeSet::new();
    for document in files(&data.join("cases")) {
        for case in items(&document["cases"]) {
            let at = case["at"].as_str().unwrap_or("2026-01-01T00:00:00Z");
            let asked = format!("u{}\n@{at}\n", case["user"]);
            match target {
                "user" => drop(seeds.insert(case["user"].to_string())),
                "ruleset" => drop(seeds.insert(format!("{}{asked}", needed(&document, &case["flag"])))),
                _ => {
                    let flag = items(&document["flags"]).iter().find(|flag| flag["key"] == case["flag"]).expect("the flag of a case");
                    seeds.extend(items(&flag["rules"]).iter().map(|rule| {
                        let when = &rule["when"];
                        format!("{}c{when}\n{asked}", needed(&document, when))
                    }));
                }
            }
        }
    }
    for case in files(&data.join("invalid")).iter().flat_map(items) {
        let mark = match case["kind"].as_str() {
            Some("flag") => "f",
            Some("segment") => "s",
            _ => "c",
        };
        match target {
            "ruleset" => drop(seeds.insert(format!("{mark}{}\n", case["body"]))),
            "condition" if mark == "c" => drop(seeds.insert(format!("c{}\n", case["body"]))),
            _ => {}
        }
    }
    seeds
}

/// The lines of all flags and segments whose keys stand in `root`, or in what these need in turn.
fn needed(document: &Value, root: &Value) -> String {
    let mut text = root.to_string();
    let mut lines = String::new();
    let mut rest: Vec<(&str, &Value)> = [("s", "segments"), ("f", "flags")]
        .iter()
        .flat_map(|(mark, list)| items(&document[*list]).iter().map(move |entity| (*mark, entity)))
        .collect();
    while let Some(at) = rest.iter().position(|(_, entity)| text.contains(&entity["key"].to_string())) {
        let (mark, entity) = rest.swap_remove(at);
        lines.push_str(&format!("{mark}{entity}\n"));
        text.push_str(&entity.to_string());
    }
    lines
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn files(folder: &Path) -> Vec<Value> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("a folder of the tests' data").map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: &std::path::PathBuf| std::fs::read_to_string(path).expect("a file of the tests' data");
    paths.iter().map(|path| serde_json::from_str(&read(path)).unwrap_or(json!(null))).collect()
}
