//! `DELETE /v1/webhooks/{id}`.

use ff_test_support::Target;
use serde_json::json;

use crate::harness::each;
use crate::webhooks::steps::{create, create_flags};

#[test]
fn it_is_gone_with_its_deliveries_and_the_log_remembers_it() {
    each(|api| {
        let (target, other) = (Target::start(), Target::start());
        let (hook, witness) = (create(api, &target, &["*"]), create(api, &other, &["*"]));
        create_flags(api, 1);
        hook.wait_for(api, 0, "delivered");
        assert_eq!(api.delete(&hook.path()).is(204).bytes(), b"");
        api.delete(&hook.path()).problem(404, "webhook_not_found");
        api.get(&format!("{}/deliveries", hook.path())).problem(404, "webhook_not_found");
        api.delete("/v1/flags/f0").is(204);
        witness.wait_for(api, 1, "delivered");
        assert_eq!(target.received().len(), 1, "nobody is told on behalf of a webhook that is gone");
        let entry = &api.all("/v1/audit?entity=webhook")[0];
        assert_eq!((&entry["action"], &entry["entity_key"], &entry["after"]), (&json!("deleted"), &json!(hook.id), &json!(null)));
    });
}
