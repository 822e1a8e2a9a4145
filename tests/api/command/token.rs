//! `ff-server token`.

use ff_test_support::token::SECRET;

use super::run;
use crate::harness::{fresh_tenant, setup};

#[test]
fn it_prints_a_token_that_the_server_believes() {
    let server = setup().start();
    let tenant = fresh_tenant();
    let printed =
        run(&mut server.command(&["token", "--sub", "ci", "--scope", "flags:rw", "--scope", "audit:r", "--tenant", &tenant])).well();
    let token = printed.trim_end();
    assert_eq!(token.split('.').count(), 3, "{printed}");
    let ci = server.client().bearer(token).tenant(&tenant);
    ci.post("/v1/flags", &crate::sample::boolean("f")).created();
    assert_eq!(ci.all("/v1/audit")[0]["actor"], "ci");
    ci.get("/v1/segments").problem(403, "scope_missing");
    ci.tenant(&fresh_tenant()).get("/v1/flags").problem(403, "tenant_forbidden");
    let anywhere = run(&mut server.command(&["token", "--sub", "ops", "--scope", "admin"])).well();
    server.client().bearer(anywhere.trim_end()).tenant(&fresh_tenant()).get("/v1/audit").ok();
}

#[test]
fn it_needs_the_secret_and_something_to_be_for() {
    let said = run(setup().without("JWT_SECRET").command().args(["token", "--sub", "x", "--scope", "admin"])).badly();
    assert!(said.contains("JWT_SECRET"), "{said}");
    for arguments in [
        vec!["token"],
        vec!["token", "--sub", "x"],
        vec!["token", "--scope", "admin"],
        vec!["token", "--sub", "x", "--scope", "root"],
        vec!["token", "--sub", "x", "--scope", "admin", "--tenant", "a b"],
    ] {
        let said = run(setup().command().args(&arguments)).badly();
        assert!(!said.contains(SECRET), "{said}");
    }
}
