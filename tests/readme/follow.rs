//! The example that follows a ruleset over HTTP, against the real server.

use std::collections::BTreeMap;
use std::time::SystemTime;

use ff_core::{EnvironmentKey, OwnedEvaluation, TenantId, Timestamp, User};
use serde_json::{Value, json};

#[path = "../../examples/src/bin/follow.rs"]
mod example;

use crate::server::Server;

/// Flags besides those of the demo tenant.
const MORE: usize = 101;

#[test]
fn a_ruleset_that_was_followed_over_http_answers_as_the_server_does() {
    let server = Server::start(&[]);
    let issued = ureq::post(format!("{}/v1/auth/token", server.address())).send_empty().unwrap().body_mut().read_json::<Value>().unwrap();
    let token = issued["access_token"].as_str().unwrap();
    let authorization = format!("Bearer {token}");
    let tenant: TenantId = "acme".parse().unwrap();
    let get = example::client(server.address(), token, &tenant, &EnvironmentKey::production());
    let before = example::download(&get).unwrap();
    for i in 0..MORE {
        let flag = json!({"key": format!("more-{i}"), "type": "boolean", "state": "on", "rollout_percentage": i % 100});
        let request = ureq::post(format!("{}/v1/flags", server.address())).header("Authorization", &authorization);
        request.header("X-Tenant-ID", "acme").send_json(flag).unwrap();
    }

    let ruleset = example::follow(&before, &get).unwrap();
    assert_eq!((ruleset.len(), ruleset.revision()), (before.len() + MORE, before.revision() + MORE as u64));
    assert!(ruleset.segments().keys().count() > 0);

    for id in ["user-1", "user-2", "user-42"] {
        let url = format!("{}/v1/users/{id}/flags?country=CA&plan=pro", server.address());
        let request = ureq::get(url).header("Authorization", &authorization).header("X-Tenant-ID", "acme");
        let answer: Value = request.call().unwrap().body_mut().read_json().unwrap();
        let theirs: Vec<OwnedEvaluation> = serde_json::from_value(answer["items"].clone()).unwrap();
        let theirs: BTreeMap<_, _> = theirs.into_iter().map(|answer| (answer.flag_key.clone(), answer)).collect();

        let user = User::new(id).unwrap().with("country", "CA").with("plan", "pro");
        let now = Timestamp::from(SystemTime::now());
        let ours: BTreeMap<_, _> =
            ruleset.evaluate_all(&user, now).map(|answer| (answer.flag_key().clone(), answer.into_owned())).collect();
        assert_eq!(ours, theirs);
    }
}
