//! Where webhooks do not lead.

use ff_test_support::Target;
use serde_json::json;

use crate::harness::{admin_of, each_own};
use crate::webhooks::steps::{create, create_flags, hasty};

#[test]
fn a_name_that_leads_to_a_private_address_is_refused_when_it_is_connected_to() {
    each_own(
        |setup| hasty(setup).without("WEBHOOK_ALLOW_NETWORKS"),
        |server| {
            let api = admin_of(server);
            let target = Target::start();
            let url = format!("https://localhost:{}/", target.port());
            let created = api.post("/v1/webhooks", &json!({"url": url, "events": ["*"]})).created();
            let path = format!("/v1/webhooks/{}", created["id"].as_str().unwrap());
            let sent = api.post(&format!("{path}/test"), &json!({})).ok();
            let refused = json!("the host's address is not one that webhooks may be sent to");
            assert_eq!((&sent["delivered"], &sent["status"], &sent["error"]), (&json!(false), &json!(null), &refused));
            create_flags(&api, 1);
            let delivery = ff_test_support::eventually("it to be given up", || {
                let deliveries = api.all(&format!("{path}/deliveries"));
                deliveries.into_iter().find(|delivery| delivery["state"] == "parked")
            });
            assert_eq!(delivery["error"], refused);
            assert_eq!(target.connections(), 0, "nothing was connected to");
        },
    );
}

#[test]
fn no_proxy_of_the_environment_is_used() {
    each_own(
        |setup| {
            let proxy = "http://127.0.0.1:9";
            ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"].into_iter().fold(setup, |setup, name| setup.variable(name, proxy))
        },
        |server| {
            let api = admin_of(server);
            let target = Target::start();
            let hook = create(&api, &target, &["*"]);
            let sent = api.post(&format!("{}/test", hook.path()), &json!({})).ok();
            assert_eq!(sent["delivered"], true, "{sent}");
        },
    );
}
