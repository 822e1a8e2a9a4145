//! `GET /v1/webhooks` and `GET /v1/webhooks/{id}`.

use ff_test_support::Target;

use crate::harness::{each, fresh_tenant};
use crate::webhooks::steps::create;

#[test]
fn they_are_listed_in_the_order_of_their_creation_page_by_page() {
    each(|api| {
        assert_eq!(api.all("/v1/webhooks").len(), 0);
        let target = Target::start();
        let created: Vec<String> = (0..5).map(|_| create(api, &target, &["*"]).id).collect();
        let listed: Vec<String> =
            api.pages("/v1/webhooks", 2).concat().iter().map(|webhook| webhook["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(listed, created);
        api.get("/v1/webhooks?limit=0").problem(400, "invalid_query");
        api.get("/v1/webhooks?page_token=x").problem(400, "invalid_query");
    });
}

#[test]
fn what_is_not_there_or_not_of_this_tenant_is_not_found() {
    each(|api| {
        let id = create(api, &Target::start(), &["*"]).id;
        let stranger = api.tenant(&fresh_tenant());
        for (api, id) in [(api, "nope"), (api, "01a1fc6e-3bab-736c-8993-f8759ad7c958"), (api, &id.to_uppercase()), (&stranger, id.as_str())]
        {
            for path in [format!("/v1/webhooks/{id}"), format!("/v1/webhooks/{id}/deliveries")] {
                api.get(&path).problem(404, "webhook_not_found");
            }
            let nothing = serde_json::json!({});
            api.put(&format!("/v1/webhooks/{id}"), &nothing).problem(404, "webhook_not_found");
            api.post(&format!("/v1/webhooks/{id}/test"), &nothing).problem(404, "webhook_not_found");
            api.post(&format!("/v1/webhooks/{id}/rotate"), &nothing).problem(404, "webhook_not_found");
            api.delete(&format!("/v1/webhooks/{id}")).problem(404, "webhook_not_found");
        }
        api.get(&format!("/v1/webhooks/{id}")).ok();
    });
}
