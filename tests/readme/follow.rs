//! The example that follows a ruleset over HTTP, against the real server.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use ff_core::{EnvironmentKey, OwnedEvaluation, Ruleset, TenantId, Timestamp, User};
use serde_json::{Value, json};

#[path = "../../examples/src/bin/follow.rs"]
mod example;

use crate::server::Server;

/// Flags besides those of the demo tenant.
const MORE: usize = 101;

fn token(server: &Server) -> String {
    let issued = ureq::post(format!("{}/v1/auth/token", server.address())).send_empty().unwrap().body_mut().read_json::<Value>().unwrap();
    issued["access_token"].as_str().unwrap().to_owned()
}

fn client(server: &Server, token: &str) -> impl Fn(&str) -> Result<(u16, String), example::AnyError> + use<> {
    let tenant: TenantId = "acme".parse().unwrap();
    example::client(server.address(), token, &tenant, &EnvironmentKey::production())
}

fn create(server: &Server, token: &str, flag: &Value) {
    let request = ureq::post(format!("{}/v1/flags", server.address())).header("Authorization", format!("Bearer {token}"));
    request.header("X-Tenant-ID", "acme").send_json(flag).unwrap();
}

fn keys(ruleset: &Ruleset) -> BTreeSet<String> {
    ruleset.flag_keys().map(ToString::to_string).collect()
}

#[test]
fn a_ruleset_that_was_followed_over_http_answers_as_the_server_does() {
    let server = Server::start(&[]);
    let token = token(&server);
    let get = client(&server, &token);
    let before = example::download(&get).unwrap();
    for i in 0..MORE {
        create(&server, &token, &json!({"key": format!("more-{i}"), "type": "boolean", "state": "on", "rollout_percentage": i % 100}));
    }

    let ruleset = example::follow(&before, &get).unwrap();
    assert_eq!((ruleset.len(), ruleset.revision()), (before.len() + MORE, before.revision() + MORE as u64));
    assert!(ruleset.segments().keys().count() > 0);

    for id in ["user-1", "user-2", "user-42"] {
        let url = format!("{}/v1/users/{id}/flags?country=CA&plan=pro", server.address());
        let request = ureq::get(url).header("Authorization", format!("Bearer {token}")).header("X-Tenant-ID", "acme");
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

#[test]
fn who_follows_gets_over_a_database_that_was_restored() {
    // The one has seen revisions that the other, as after a restore, has yet to come to.
    let [former, restored] = [(); 2].map(|()| Server::start(&[]));
    let token_of_former = token(&former);
    create(&former, &token_of_former, &json!({"key": "lost", "type": "boolean", "state": "on"}));
    let stale = example::download(&client(&former, &token_of_former)).unwrap();
    assert!(stale.contains("lost"));

    let token = token(&restored);
    let get = client(&restored, &token);
    assert_eq!(get(&format!("/v1/ruleset/changes?since={}", stale.revision())).unwrap().0, 400);
    let ruleset = example::follow(&stale, &get).unwrap();
    assert_eq!((ruleset.revision(), keys(&ruleset)), (stale.revision() - 1, keys(&example::download(&get).unwrap())));
    assert!(!ruleset.contains("lost"));

    create(&restored, &token, &json!({"key": "new", "type": "boolean", "state": "on"}));
    assert!(example::follow(&ruleset, &get).unwrap().contains("new"));
}

#[test]
fn who_follows_fetches_the_whole_only_where_that_helps() {
    let server = Server::start(&[]);
    let get = client(&server, &token(&server));
    let ruleset = example::download(&get).unwrap();
    let changes = format!("/v1/ruleset/changes?since={}", ruleset.revision());
    // What the server says to a request for changes, and to what requests that leads.
    let reset = get(&changes).unwrap().1.replace(r#""reset":false"#, r#""reset":true"#);
    assert!(reset.contains(r#""reset":true"#));
    for (answer, leads_to_the_whole) in [
        ((200, reset), true),
        ((200, "no JSON".to_owned()), true),
        ((400, String::new()), true),
        ((404, String::new()), true),
        ((429, String::new()), false),
        ((503, String::new()), false),
        ((502, String::new()), false),
    ] {
        let asked = RefCell::new(Vec::new());
        let stubborn = |path: &str| {
            asked.borrow_mut().push(path.to_owned());
            if path == changes { Ok(answer.clone()) } else { get(path) }
        };
        let followed = example::follow(&ruleset, &stubborn);
        assert_eq!(followed.is_ok(), leads_to_the_whole, "{answer:?}: {followed:?}");
        let expected = if leads_to_the_whole { vec![changes.clone(), "/v1/ruleset".to_owned()] } else { vec![changes.clone()] };
        assert_eq!(asked.into_inner(), expected, "{answer:?}");
    }
    // Where the whole cannot be had either, that is the end of it.
    let asked = RefCell::new(0);
    let refused = |_: &str| {
        *asked.borrow_mut() += 1;
        Ok((404, "environment_not_found".to_owned()))
    };
    let said = example::follow(&ruleset, &refused).unwrap_err().to_string();
    assert_eq!((asked.into_inner(), said.as_str()), (2, "404: environment_not_found"));
}
