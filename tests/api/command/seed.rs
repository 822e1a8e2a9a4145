//! `ff-server seed`.

use serde_json::json;

use super::run;
use crate::harness::{setup, setup_on_postgres};
use crate::sample::everything;

#[test]
fn what_was_deleted_is_not_planted_again_when_development_goes_on() {
    let server = setup().dev().start();
    let dev = || {
        let token = server.client().send("POST", "/v1/auth/token", None).ok();
        server.client().bearer(token["access_token"].as_str().unwrap()).tenant("acme")
    };
    let flags = dev().all("/v1/flags");
    let deleted =
        flags.iter().map(|flag| format!("/v1/flags/{}", flag["key"].as_str().unwrap())).find(|path| dev().delete(path).status() == 204);
    let before = everything(&dev());
    server.kill_9();
    server.start_again();
    assert_eq!(everything(&dev()), before);
    dev().get(&deleted.expect("a flag that no other needs")).problem(404, "flag_not_found");
}

#[test]
fn it_plants_the_demo_tenant_once() {
    for setup in [Some(setup()), setup_on_postgres()].into_iter().flatten() {
        let first = run(setup.command().arg("seed")).well();
        assert!(first.contains("acme"), "{first}");
        run(setup.command().arg("seed")).well();
        let server = setup.start();
        let acme = server.client().admin("test").tenant("acme");
        let planted = everything(&acme);
        assert!(planted["flags in production"].as_array().unwrap().len() >= 5 && planted["/v1/segments"].as_array().unwrap().len() >= 2);
        let created = planted["/v1/audit"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["action"] == "created" && entry["entity"] == "flag")
            .count();
        assert_eq!(created, planted["flags in production"].as_array().unwrap().len(), "the second time created nothing");
        // What was changed since stays as it is.
        let flag = planted["flags in production"][0]["key"].as_str().unwrap().to_owned();
        acme.put(&format!("/v1/flags/{flag}"), &json!({"owner": "somebody else"})).ok();
        let changed = everything(&acme);
        run(&mut server.command(&["seed"])).well();
        assert_eq!(everything(&acme), changed);
        assert!(!acme.get("/v1/users/user-42/flags").ok()["items"].as_array().unwrap().is_empty());
    }
}
