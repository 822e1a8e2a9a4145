//! `DELETE /v1/flags/{key}`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{environment, everything, on_when, text};

#[test]
fn a_deleted_flag_is_gone_in_every_environment() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/flags", &text("f")).created();
        let answer = api.environment("staging").delete("/v1/flags/f");
        assert_eq!(answer.is(204).bytes(), b"");
        api.get("/v1/flags/f").problem(404, "flag_not_found");
        api.environment("staging").get("/v1/flags/f").problem(404, "flag_not_found");
        let before = everything(api);
        api.delete("/v1/flags/f").problem(404, "flag_not_found");
        api.put("/v1/flags/f", &text("f")).problem(404, "flag_not_found");
        assert_eq!(everything(api), before);
    });
}

#[test]
fn a_flag_that_others_need_stays_and_they_are_named() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/flags", &text("base")).created();
        api.environment("staging").post("/v1/flags", &on_when("dependent", json!({"flag": {"key": "base", "variant": "a"}}))).created();
        let before = everything(api);
        // Also where the other one is not on: its rules would break.
        let problem = api.delete("/v1/flags/base").problem(409, "flag_in_use");
        let used_by = problem["used_by"].to_string();
        assert!(used_by.contains("`dependent`") && used_by.contains("`staging`"), "{problem}");
        assert_eq!(everything(api), before);
        api.delete("/v1/flags/dependent").is(204);
        api.delete("/v1/flags/base").is(204);
    });
}

#[test]
fn those_who_need_it_are_named_in_every_environment() {
    each(|api| {
        for key in ["dev", "staging"] {
            environment(api, key);
        }
        api.post("/v1/flags", &text("base")).created();
        for key in ["dev", "staging", "production"] {
            let needs_base = on_when(&format!("in-{key}"), json!({"flag": {"key": "base", "variant": "a"}}));
            api.environment(key).post("/v1/flags", &needs_base).created();
        }
        let used_by = api.delete("/v1/flags/base").problem(409, "flag_in_use")["used_by"].to_string();
        for key in ["dev", "staging", "production"] {
            assert!(used_by.contains(&format!("`in-{key}`")), "{key}: {used_by}");
        }
    });
}

#[test]
fn if_match_guards_it() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        api.put("/v1/flags/f", &json!({"owner": "x"})).ok();
        api.with("If-Match", "\"1\"").delete("/v1/flags/f").problem(412, "version_mismatch");
        api.get("/v1/flags/f").ok();
        api.with("If-Match", "\"2\"").delete("/v1/flags/f").is(204);
        api.with("If-Match", "\"2\"").delete("/v1/flags/f").problem(404, "flag_not_found");
    });
}
