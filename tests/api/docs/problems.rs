//! `GET /problems/{code}`.

use serde_json::json;

use crate::harness::each;

#[test]
fn the_type_of_a_problem_leads_to_its_page() {
    each(|api| {
        let problem = api.get("/v1/flags/nope").problem(404, "flag_not_found");
        let anyone = api.without("Authorization").without("X-Tenant-ID");
        let page = anyone.get(problem["type"].as_str().unwrap());
        assert!(page.is(200).header("content-type").unwrap().starts_with("text/"), "{page}");
        assert!(page.text().contains(problem["title"].as_str().unwrap()) && page.text().contains("404"), "{page}");
        for code in
            ["unauthenticated", "tenant_missing", "invalid_body", "version_mismatch", "unavailable", "variant_in_use", "body_too_large"]
        {
            anyone.get(&format!("/problems/{code}")).is(200);
        }
        anyone.get("/problems/no_such_problem").problem(404, "route_not_found");
        anyone.post("/problems/invalid_body", &json!({})).problem(405, "method_not_allowed");
    });
}
