//! The audit log: who changed what, in the order of commits, one entry for each revision.

mod history;
mod log;
mod position;
mod row;
mod touched;

use diesel::prelude::*;
use ff_core::{EnvironmentKey, TenantId, Timestamp};
use serde::Serialize;
use serde_json::Value;

pub use self::history::{At, flag_at};
pub use self::log::{Heading, Logged, View, after, after_in, entry, headings};
pub use self::position::{ChangeId, Position, change_at, change_at_in};
pub(crate) use self::position::{ChangeRow, positions_of, row_at};
use self::row::AuditRow;
pub(crate) use self::row::{Entry, insert};
pub use self::touched::{Touched, touched};
use crate::connection::on;
use crate::error::{CorruptRow, StoreError};
use crate::page::{Page, PageRequest, PageToken};
use crate::schema::audit;
use crate::scope::Revision;
use crate::store::Store;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* })*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ::serde::Serialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// The word for it in JSON, queries and rows.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::audit::WordError;

            fn from_str(text: &str) -> Result<Self, $crate::audit::WordError> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err($crate::audit::WordError { known: concat!($("`", $word, "` ",)*).trim_ascii() }),
                }
            }
        }
    )* };
}

/// The text is not one of the words that have a meaning here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {known}")]
pub struct WordError {
    pub(crate) known: &'static str,
}

pub(crate) use words;

words! {
    /// What was done.
    Action {
        /// It had not been there.
        Created = "created",
        /// It shows something else.
        Updated = "updated",
        /// It is gone.
        Deleted = "deleted",
    }
    /// What it was done to.
    Entity {
        /// A flag.
        Flag = "flag",
        /// A segment.
        Segment = "segment",
        /// An environment.
        Environment = "environment",
        /// A webhook. Its secrets are in no document.
        Webhook = "webhook",
    }
}

/// One change, as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEntry {
    /// The tenant's revision that it made.
    pub revision: Revision,
    /// When, by the writer's clock.
    #[serde(rename = "timestamp")]
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: Action,
    /// To what.
    pub entity: Entity,
    /// Its key.
    pub entity_key: String,
    /// Its id: a flag that was deleted and created again has another one.
    pub entity_id: String,
    /// The environment whose view `before` and `after` show; none for segments.
    pub environment: Option<EnvironmentKey>,
    /// The entity before, in its API form; none if it was created.
    pub before: Option<Value>,
    /// The entity after, in its API form; none if it was deleted.
    pub after: Option<Value>,
    /// The request that asked for it.
    pub request_id: Option<String>,
}

/// Which entries are wanted; what is not given does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Changes of this kind of entity.
    pub entity: Option<Entity>,
    /// Changes of entities with this key.
    pub entity_key: Option<String>,
    /// Changes by this actor.
    pub actor: Option<String>,
    /// Changes made in this environment.
    pub environment: Option<EnvironmentKey>,
    /// The first instant.
    pub since: Option<Timestamp>,
    /// The first instant after.
    pub until: Option<Timestamp>,
}

/// The tenant's audit entries that `filter` lets through, newest first.
///
/// # Errors
/// [`PageToken`](StoreError::PageToken) for another list's token, and what every read may give.
pub fn page(store: &Store, tenant: &TenantId, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEntry>, StoreError> {
    let before = page.revision()?;
    let texts = [&filter.entity_key, &filter.actor];
    if texts.into_iter().flatten().any(|text| text.contains('\0')) {
        // PostgreSQL has no place for U+0000, so no row can hold it, and no query either.
        return Ok(Page::empty());
    }
    let rows: Vec<AuditRow> = store.read(|link| {
        Ok(on!(link, c => {
            let mut query = audit::table.select(AuditRow::as_select()).into_boxed().filter(audit::tenant_id.eq(tenant.as_str()));
            if let Some(before) = before {
                query = query.filter(audit::revision.lt(before));
            }
            if let Some(entity) = filter.entity {
                query = query.filter(audit::entity.eq(entity.as_str()));
            }
            if let Some(key) = &filter.entity_key {
                query = query.filter(audit::entity_key.eq(key));
            }
            if let Some(actor) = &filter.actor {
                query = query.filter(audit::actor.eq(actor));
            }
            if let Some(environment) = &filter.environment {
                query = query.filter(audit::environment.eq(environment.as_str()));
            }
            if let Some(since) = filter.since {
                query = query.filter(audit::ts.ge(millis_from(since)));
            }
            if let Some(until) = filter.until {
                query = query.filter(audit::ts.lt(millis_from(until)));
            }
            query.order(audit::revision.desc()).limit(page.limit.with_lookahead()).load(c)
        })?)
    })?;
    Ok(Page::cut(rows, page.limit, |row| PageToken::before_revision(row.revision), |row| row.entry().inspect_err(CorruptRow::log).ok()))
}

/// The first millisecond that is not before `at`: rows hold whole ones, a filter may be finer.
fn millis_from(at: Timestamp) -> i64 {
    let millis = at.as_millis();
    if Timestamp::from_millis(millis) < at { millis.saturating_add(1) } else { millis }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_there_and_back() {
        assert_eq!("deleted".parse(), Ok(Action::Deleted));
        assert_eq!("flag".parse(), Ok(Entity::Flag));
        assert_eq!("flags".parse::<Entity>().unwrap_err().to_string(), "must be one of `flag` `segment` `environment` `webhook`");
        assert_eq!(serde_json::to_string(&Entity::Segment).unwrap(), "\"segment\"");
    }

    #[test]
    fn an_instant_between_two_milliseconds_starts_at_the_next() {
        let millis = |text: &str| millis_from(text.parse().unwrap());
        assert_eq!(millis("1970-01-01T00:00:01Z"), 1000);
        assert_eq!(millis("1970-01-01T00:00:01.0001Z"), 1001);
        assert_eq!(millis("1969-12-31T23:59:58.9999Z"), -1000);
    }
}
