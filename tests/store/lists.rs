//! Lists: pages, filters, and whose data they show.

use ff_core::State;
use ff_store::{FlagFilter, Page, PageLimit, PageRequest, Scope, SegmentFilter, StoreError, change, environment, flag, segment};
use ff_test_support::{TestStore, author, environment as environment_key, flag as flag_of, segment as segment_of, tenant};
use serde_json::json;

use crate::steps::{NOW, acme, create_environment, delete, log, production, put, put_segment, scope};

fn page_of(limit: u32) -> PageRequest {
    PageRequest { limit: PageLimit::new(limit, PageLimit::LIST_MAX).unwrap(), token: None }
}

/// All items of a list, read in pages of `limit`; each token goes through its text as it does for a client.
fn walk<T>(limit: u32, read: impl Fn(&PageRequest) -> Page<T>) -> Vec<Vec<T>> {
    let mut pages = Vec::new();
    let mut request = page_of(limit);
    loop {
        let page = read(&request);
        pages.push(page.items);
        let Some(next) = page.next else { return pages };
        request.token = Some(next.to_string().parse().unwrap());
    }
}

fn keys(store: &TestStore, filter: &FlagFilter) -> Vec<String> {
    let pages = walk(100, |page| flag::list(store, &scope("production"), filter, page).unwrap());
    pages.into_iter().flatten().map(|record| record.flag.key().to_string()).collect()
}

fn with_q(q: &str) -> FlagFilter {
    FlagFilter { q: Some(q.to_owned()), ..FlagFilter::default() }
}

#[test]
fn lists_are_ordered_by_the_bytes_of_the_key_on_both_databases() {
    TestStore::each(|store| {
        let mut names = ["b", "B", "a", "a-b", "a.b", "a_b", "aa", "Z9", "10", "9", "ab"];
        for name in names {
            put(store, "production", &json!({"key": name, "type": "boolean"})).unwrap();
            put_segment(store, &json!({"key": name})).unwrap();
            create_environment(store, name).unwrap();
        }
        names.sort_unstable();
        for limit in [1, 3, 5, 11, 100] {
            let pages = walk(limit, |page| flag::list(store, &scope("production"), &FlagFilter::default(), page).unwrap());
            assert!(pages.iter().rev().skip(1).all(|page| page.len() == limit as usize), "only the last page is short");
            assert_eq!(pages.into_iter().flatten().map(|record| record.flag.key().to_string()).collect::<Vec<_>>(), names);
            let pages = walk(limit, |page| segment::list(store, &acme(), &SegmentFilter::default(), page).unwrap());
            assert_eq!(pages.into_iter().flatten().map(|record| record.segment.key().to_string()).collect::<Vec<_>>(), names);
        }
        let pages = walk(2, |page| environment::list(store, &acme(), page).unwrap());
        let mut expected: Vec<_> = names.iter().map(ToString::to_string).chain(["production".to_owned()]).collect();
        expected.sort_unstable();
        assert_eq!(pages.into_iter().flatten().map(|record| record.key.to_string()).collect::<Vec<_>>(), expected);
    });
}

#[test]
fn a_page_goes_on_after_a_flag_that_was_deleted_in_between() {
    TestStore::each(|store| {
        for name in ["a", "b", "c", "d"] {
            put(store, "production", &json!({"key": name, "type": "boolean"})).unwrap();
        }
        let first = flag::list(store, &scope("production"), &FlagFilter::default(), &page_of(2)).unwrap();
        delete(store, "b").unwrap();
        let second =
            flag::list(store, &scope("production"), &FlagFilter::default(), &PageRequest { token: first.next, ..page_of(2) }).unwrap();
        assert_eq!(second.items.iter().map(|record| record.flag.key().as_str()).collect::<Vec<_>>(), ["c", "d"]);
        assert!(second.next.is_none(), "a last page that is full is still the last");
    });
}

#[test]
fn a_token_of_another_list_is_refused() {
    TestStore::each(|store| {
        for name in ["a", "b"] {
            put(store, "production", &json!({"key": name, "type": "boolean"})).unwrap();
        }
        let of_keys = flag::list(store, &scope("production"), &FlagFilter::default(), &page_of(1)).unwrap().next;
        let of_revisions = ff_store::audit::page(store, &acme(), &Default::default(), &page_of(1)).unwrap().next;
        assert!(of_keys.is_some() && of_revisions.is_some());
        let with = |token: &Option<ff_store::PageToken>| PageRequest { token: token.clone(), ..page_of(1) };
        assert!(matches!(ff_store::audit::page(store, &acme(), &Default::default(), &with(&of_keys)), Err(StoreError::PageToken)));
        assert!(matches!(
            flag::list(store, &scope("production"), &FlagFilter::default(), &with(&of_revisions)),
            Err(StoreError::PageToken)
        ));
        assert!(matches!(segment::list(store, &acme(), &SegmentFilter::default(), &with(&of_revisions)), Err(StoreError::PageToken)));
        assert!(matches!(environment::list(store, &acme(), &with(&of_revisions)), Err(StoreError::PageToken)));
    });
}

#[test]
fn q_finds_a_literal_part_of_key_name_or_description_whatever_its_case() {
    TestStore::each(|store| {
        let flags = [
            ("plain", "Nothing", ""),
            ("new_checkout", "Neue Kasse", ""),
            ("newXcheckout", "100% sure", ""),
            ("three", "100 sure", r"back\slash"),
            ("four", "ΟΔΌΣ", "Straße nach ÖREBRO, 東京"),
            ("five", "quote ' and \" here", ""),
        ];
        for (key, name, description) in flags {
            put(store, "production", &json!({"key": key, "name": name, "description": description, "type": "boolean"})).unwrap();
            put_segment(store, &json!({"key": key, "name": name, "description": description})).unwrap();
        }
        for (q, found) in [
            ("new_check", &["new_checkout"] as &[&str]),
            ("NEW_CHECK", &["new_checkout"]),
            ("0%", &["newXcheckout"]),
            ("%", &["newXcheckout"]),
            ("_", &["new_checkout"]),
            (r"k\s", &["three"]),
            (r"\", &["three"]),
            ("kasse", &["new_checkout"]),
            ("örebro", &["four"]),
            ("οδός", &["four"]),
            ("東", &["four"]),
            ("' and \"", &["five"]),
            ("'; DROP TABLE flags; --", &[]),
            ("nothingnothing", &[]),
            ("plain\u{1f}nothing", &[]),
            ("a\0", &[]),
            (&"%".repeat(60_000), &[]),
            ("", &["five", "four", "newXcheckout", "new_checkout", "plain", "three"]),
        ] {
            assert_eq!(keys(store, &with_q(q)), found, "{:.40}", q);
            let segments = segment::list(store, &acme(), &SegmentFilter { q: Some(q.to_owned()) }, &page_of(100)).unwrap();
            assert_eq!(segments.items.iter().map(|record| record.segment.key().as_str()).collect::<Vec<_>>(), found, "{:.40}", q);
        }
        // What is looked through follows the flag.
        put(store, "production", &json!({"key": "plain", "name": "Renamed", "type": "boolean"})).unwrap();
        assert_eq!(keys(store, &with_q("renamed")), ["plain"]);
        assert!(keys(store, &with_q("nothing")).is_empty());
    });
}

#[test]
fn flags_are_filtered_by_state_and_tag() {
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        for (key, state, tags) in [("a", "on", json!(["x", "y"])), ("b", "off", json!(["x%"])), ("c", "on", json!(["xy", "\"x\"", "X"]))] {
            put(store, "production", &json!({"key": key, "type": "boolean", "state": state, "tags": tags})).unwrap();
        }
        let state = |state| FlagFilter { state: Some(state), ..FlagFilter::default() };
        assert_eq!(keys(store, &state(State::On)), ["a", "c"]);
        assert_eq!(keys(store, &state(State::Off)), ["b"]);
        let on_in_staging = flag::list(store, &scope("staging"), &state(State::On), &page_of(10)).unwrap();
        assert!(on_in_staging.items.is_empty(), "the state is the one in the scope's environment");
        for (tag, found) in
            [("x", &["a"] as &[&str]), ("y", &["a"]), ("x%", &["b"]), ("%", &[]), ("\"x\"", &["c"]), ("X", &["c"]), ("\0", &[]), ("", &[])]
        {
            let filter = FlagFilter { tag: Some(tag.to_owned()), ..FlagFilter::default() };
            assert_eq!(keys(store, &filter), found, "{tag}");
        }
        let both = FlagFilter { state: Some(State::On), tag: Some("x".to_owned()), q: Some("A".to_owned()) };
        assert_eq!(keys(store, &both), ["a"]);
    });
}

#[test]
fn a_tenant_sees_nothing_of_another() {
    TestStore::each(|store| {
        let globex = tenant("globex");
        create_environment(store, "staging").unwrap();
        put(store, "staging", &json!({"key": "secret", "type": "boolean"})).unwrap();
        put_segment(store, &json!({"key": "secret"})).unwrap();
        let theirs = Scope::new(globex.clone(), production());
        assert!(matches!(flag::find(store, &theirs, &"secret".parse().unwrap()), Err(StoreError::NotFound { .. })));
        assert!(matches!(segment::find(store, &globex, &"secret".parse().unwrap()), Err(StoreError::NotFound { .. })));
        let staging = Scope::new(globex.clone(), environment_key("staging"));
        assert!(matches!(flag::list(store, &staging, &FlagFilter::default(), &page_of(10)), Err(StoreError::NotFound { .. })));
        assert!(flag::list(store, &theirs, &FlagFilter::default(), &page_of(10)).unwrap().items.is_empty());
        assert!(segment::list(store, &globex, &SegmentFilter::default(), &page_of(10)).unwrap().items.is_empty());
        assert_eq!(environment::list(store, &globex, &page_of(10)).unwrap().items.len(), 1);
        assert!(log(store, &globex).is_empty());

        // The same keys there are other things, and deleting them touches nothing here.
        change::run(store, &globex, &author("bob", NOW), |c| {
            flag::put_in(c, &production(), flag_of(&json!({"key": "secret", "type": "boolean", "state": "on"})))?;
            segment::put_in(c, segment_of(&json!({"key": "secret"})))?;
            flag::delete_in(c, &production(), &"secret".parse().unwrap())?;
            segment::delete_in(c, &"secret".parse().unwrap()).map(drop)
        })
        .map_err(|error: StoreError| error)
        .unwrap();
        assert_eq!(keys(store, &FlagFilter::default()), ["secret"]);
        assert!(segment::find(store, &acme(), &"secret".parse().unwrap()).is_ok());
        assert_eq!((log(store, &acme()).len(), log(store, &globex).len()), (3, 4));
    });
}
