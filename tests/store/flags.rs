//! Flags.

use ff_core::{EnvironmentKey, Flag};
use ff_store::{FlagRecord, Outcome, Scope, StoreError, Version, Written, change, flag};
use ff_test_support::{TestStore, author, tenant};
use serde_json::json;

#[test]
fn a_flag_is_stored_and_found() {
    TestStore::each(|store| {
        let acme = tenant("acme");
        let flag = Flag::from_value(&json!({"key": "f", "type": "boolean"})).unwrap();
        let written: Written<FlagRecord> =
            change::run(store, &acme, &author("ann", 5), |c| flag::put_in(c, &EnvironmentKey::production(), flag.clone()))
                .map_err(|e: StoreError| e)
                .unwrap();
        assert_eq!(written.outcome, Outcome::Created);
        let found = flag::find(store, &Scope::new(acme, EnvironmentKey::production()), &flag.key).unwrap();
        assert_eq!(found, written.record);
        assert_eq!(found.version, Version::FIRST);
    });
}
