//! Segments.

use ff_store::{Action, Outcome, SegmentFilter, StoreError, Version, change, segment};
use ff_test_support::{TestStore, author};
use serde_json::json;

use crate::steps::{NOW, acme, log, put_segment};

#[test]
fn a_segment_is_written_found_changed_and_deleted() {
    TestStore::each(|store| {
        let json =
            json!({"key": "beta", "name": "Beta", "criteria": {"attr": {"plan": "pro"}}, "included": ["u1", "u\"2"], "excluded": ["u3"]});
        let written = put_segment(store, &json).unwrap();
        assert_eq!((written.outcome, written.record.version), (Outcome::Created, Version::FIRST));
        assert!(written.flags.is_empty());
        let key = "beta".parse().unwrap();
        assert_eq!(segment::find(store, &acme(), &key).unwrap(), written.record);
        assert_eq!(put_segment(store, &json).unwrap().outcome, Outcome::Unchanged);

        let changed = put_segment(store, &json!({"key": "beta", "criteria": {"percentage": 10}})).unwrap();
        assert_eq!((changed.outcome, changed.record.version), (Outcome::Updated, Version::new(2)));
        assert_eq!(changed.record.id, written.record.id);

        let deleted = change::run(store, &acme(), &author("ann", NOW), |c| segment::delete_in(c, &key));
        let deleted: ff_store::SegmentRecord = deleted.map_err(|error: StoreError| error).unwrap();
        assert_eq!(deleted, changed.record);
        assert!(matches!(segment::find(store, &acme(), &key), Err(StoreError::NotFound { .. })));
        assert!(segment::list(store, &acme(), &SegmentFilter::default(), &Default::default()).unwrap().items.is_empty());
        let again = put_segment(store, &json).unwrap();
        assert_ne!(again.record.id, written.record.id);
        assert_eq!(again.record.version, Version::FIRST);

        let log = log(store, &acme());
        assert_eq!(
            log.iter().map(|entry| entry.action).collect::<Vec<_>>(),
            [Action::Created, Action::Updated, Action::Deleted, Action::Created]
        );
        assert!(log.iter().all(|entry| entry.environment.is_none() && entry.entity_key == "beta"));
        assert_eq!(log[1].before, Some(serde_json::to_value(&written.record).unwrap()));
        assert_eq!(log[1].after, Some(serde_json::to_value(&changed.record).unwrap()));
    });
}
