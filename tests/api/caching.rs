//! What caches between client and server may keep: answers depend on credential, tenant and environment, and change with every write.

use serde_json::json;

use crate::docs::openapi::{document, operations};
use crate::harness::each;
use crate::sample::boolean;

#[test]
fn no_answer_of_the_api_may_be_given_to_others_by_a_cache() {
    each(|api| {
        api.post("/v1/flags", &boolean("k")).created();
        let mut seen = 0;
        for operation in
            operations(&document(api)).iter().filter(|operation| operation.method == "GET" && operation.path.starts_with("/v1/"))
        {
            let path =
                ["{key}", "{flag_key}", "{id}", "{delivery_id}"].iter().fold(operation.path.clone(), |path, name| path.replace(name, "k"));
            let path = path.replace("{user_id}", "u");
            // As it should be asked, in a way that does not fit, and by somebody who may not.
            for (client, path) in
                [(api.clone(), path.clone()), (api.clone(), format!("{path}?limit=x&since=x")), (api.without("Authorization"), path)]
            {
                // A body of the event stream would not end.
                let answer = client.send("HEAD", &path, None);
                let rule = answer.header("cache-control").unwrap_or_default();
                let is_kept_apart = rule == "private, no-cache" && answer.header("vary").is_some_and(|vary| vary.contains("X-Tenant-ID"));
                assert!(rule.contains("no-store") || is_kept_apart, "{path}: {answer}");
                seen += 1;
            }
        }
        assert!(seen > 40, "{seen}");
        for path in ["/v1/evaluate", "/v1/evaluate/batch"] {
            let body = json!({"flag_key": "k", "flag_keys": ["k"], "user": {"id": "u"}});
            assert_eq!(api.post(path, &body).header("cache-control"), Some("no-store"), "{path}");
        }
        assert_eq!(api.get("/v1/evaluate/k?user_id=u").header("cache-control"), Some("no-store"));
        assert_eq!(api.get("/nowhere").header("cache-control"), Some("no-store"));
    });
}
