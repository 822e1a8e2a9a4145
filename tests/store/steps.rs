//! Steps that the tests are made of: one change each.

use ff_core::{EnvironmentKey, TenantId};
use ff_store::{
    AuditEntry, AuditFilter, EnvironmentDraft, EnvironmentRecord, FlagRecord, PageRequest, Scope, SegmentRecord, Store, StoreError,
    Written, audit, change, environment, flag, segment,
};
use ff_test_support::{author, environment as environment_key, flag as flag_of, segment as segment_of, tenant};
use serde_json::Value;

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// When all of these changes are made, in milliseconds.
pub(crate) const NOW: i64 = 1_700_000_000_000;

pub(crate) fn acme() -> TenantId {
    tenant("acme")
}

pub(crate) fn production() -> EnvironmentKey {
    EnvironmentKey::production()
}

pub(crate) fn scope(environment: &str) -> Scope {
    Scope::new(acme(), environment_key(environment))
}

pub(crate) fn put(store: &Store, environment: &str, json: &Value) -> Result<Written<FlagRecord>> {
    change::run(store, &acme(), &author("ann", NOW), |c| flag::put_in(c, &environment_key(environment), flag_of(json)))
}

pub(crate) fn find(store: &Store, environment: &str, key: &str) -> Result<FlagRecord> {
    flag::find(store, &scope(environment), &key.parse().unwrap())
}

pub(crate) fn delete(store: &Store, key: &str) -> Result<FlagRecord> {
    change::run(store, &acme(), &author("ann", NOW), |c| flag::delete_in(c, &production(), &key.parse().unwrap()))
}

pub(crate) fn put_segment(store: &Store, json: &Value) -> Result<Written<SegmentRecord>> {
    change::run(store, &acme(), &author("ann", NOW), |c| segment::put_in(c, segment_of(json)))
}

pub(crate) fn create_environment(store: &Store, key: &str) -> Result<Written<EnvironmentRecord>> {
    let draft = EnvironmentDraft { key: environment_key(key), name: key.to_owned(), description: String::new() };
    change::run(store, &acme(), &author("ann", NOW), |c| environment::create_in(c, draft))
}

pub(crate) fn delete_environment(store: &Store, key: &str) -> Result<EnvironmentRecord> {
    change::run(store, &acme(), &author("ann", NOW), |c| environment::delete_in(c, &environment_key(key)))
}

/// The whole log of a tenant, oldest first.
pub(crate) fn log(store: &Store, tenant: &TenantId) -> Vec<AuditEntry> {
    let mut entries = Vec::new();
    let mut page = PageRequest::default();
    loop {
        let mut read = audit::page(store, tenant, &AuditFilter::default(), &page).unwrap();
        entries.append(&mut read.items);
        page.token = read.next;
        if page.token.is_none() {
            entries.reverse();
            return entries;
        }
    }
}

/// The error and all its causes, as a log would show them.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
