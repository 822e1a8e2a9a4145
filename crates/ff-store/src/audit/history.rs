//! What a flag was: read from the log, for showing and for going back.

use diesel::prelude::*;
use ff_core::FlagKey;
use serde_json::Value;

use super::{Action, Entity};
use crate::connection::{Link, on};
use crate::document::JsonText;
use crate::environment;
use crate::error::{CorruptRow, StoreError};
use crate::flag;
use crate::schema::audit;
use crate::scope::{Revision, Scope, Version};
use crate::store::Store;

/// A moment in a flag's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// When the tenant was at this revision.
    Revision(Revision),
    /// When the flag had this version in the scope's environment. Of several flags that had the key one after the other,
    /// the last is meant.
    Version(Version),
}

/// The flag `key` in its API form, as it was in the scope's environment at that moment. Deleted flags have a history too.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound), if the flag or the environment was not there then, and what every read may give.
pub fn flag_at(store: &Store, scope: &Scope, key: &FlagKey, at: At) -> Result<Value, StoreError> {
    let found = store.read(|link| {
        link.consistently(|link| {
            environment::id(link, &scope.tenant, &scope.environment)?;
            let history = History { link, scope, key };
            match at {
                At::Revision(revision) => history.at_revision(revision),
                At::Version(version) => history.at_version(version),
            }
        })
    })?;
    found.ok_or_else(|| StoreError::not_found(Entity::Flag, key))
}

/// Entries that are read at once while looking back.
const ENTRIES_PER_STATEMENT: i64 = 50;

/// What an entry says about the flag.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = audit)]
struct Step {
    tenant_id: String,
    revision: i64,
    action: String,
    entity_id: String,
    environment: Option<String>,
    before: Option<JsonText>,
    after: Option<JsonText>,
    elsewhere: Option<JsonText>,
}

/// What a change did to the flag in one environment.
struct View {
    before: Option<Value>,
    after: Option<Value>,
}

impl Step {
    fn corrupt(&self, reason: impl ToString) -> CorruptRow {
        CorruptRow::new("audit", format!("{}/{}", self.tenant_id, self.revision), reason)
    }

    fn parse(&self, text: Option<&JsonText>) -> Result<Option<Value>, CorruptRow> {
        text.map(|text| text.parse().map_err(|error| self.corrupt(error))).transpose()
    }

    /// The change as `environment` saw it; none, if it did not.
    fn view(&self, environment: &str) -> Result<Option<View>, CorruptRow> {
        if self.environment.as_deref() == Some(environment) {
            return Ok(Some(View { before: self.parse(self.before.as_ref())?, after: self.parse(self.after.as_ref())? }));
        }
        if self.action == Action::Deleted.as_str() {
            return Ok(Some(View { before: None, after: None }));
        }
        let elsewhere = self.parse(self.elsewhere.as_ref())?;
        let Some(view) = elsewhere.as_ref().and_then(|elsewhere| elsewhere.get(environment)) else {
            return Ok(None);
        };
        let part = |name: &str| view.get(name).filter(|part| !part.is_null()).cloned();
        Ok(Some(View { before: part("before"), after: part("after") }))
    }
}

struct History<'a, 'b> {
    link: &'a mut Link<'b>,
    scope: &'a Scope,
    key: &'a FlagKey,
}

/// Which way to walk through the entries.
#[derive(Clone, Copy)]
enum Walk {
    /// From this revision, which does not count, to newer ones.
    After(Revision),
    /// From this revision, which does not count, to older ones.
    Before(Revision),
}

impl History<'_, '_> {
    fn at_revision(mut self, revision: Revision) -> Result<Option<Value>, StoreError> {
        if !self.environment_was_there(revision)? {
            return Ok(None);
        }
        let environment = self.scope.environment.as_str();
        // The last change up to then says what there was after it. If there is none, the environment is younger than that
        // change: it began with what its own first change found, or with what is there now.
        if let Some(view) = self.walk(Walk::Before(revision.next()), |step| step.view(environment))? {
            return Ok(view.after);
        }
        match self.walk(Walk::After(revision), |step| step.view(environment))? {
            Some(view) => Ok(view.before),
            None => self.now(),
        }
    }

    fn at_version(mut self, version: Version) -> Result<Option<Value>, StoreError> {
        let environment = self.scope.environment.as_str();
        let is_wanted = |document: &Value| document.get("version").and_then(Value::as_i64) == Some(version.get());
        let mut last_id: Option<String> = None;
        let found = self.walk(Walk::Before(Revision::new(i64::MAX)), |step| {
            if last_id.get_or_insert_with(|| step.entity_id.clone()) != &step.entity_id {
                return Ok(None);
            }
            let view = step.view(environment)?;
            Ok(view.and_then(|view| [view.after, view.before].into_iter().flatten().find(is_wanted)))
        })?;
        match found {
            Some(document) => Ok(Some(document)),
            None => Ok(self.now()?.filter(is_wanted)),
        }
    }

    /// Shows `visit` the flag's entries until it finds something.
    fn walk<T>(&mut self, mut walk: Walk, mut visit: impl FnMut(&Step) -> Result<Option<T>, CorruptRow>) -> Result<Option<T>, StoreError> {
        loop {
            let steps = self.steps(walk)?;
            for step in &steps {
                if let Some(found) = visit(step)? {
                    return Ok(Some(found));
                }
                let here = Revision::new(step.revision);
                walk = match walk {
                    Walk::After(_) => Walk::After(here),
                    Walk::Before(_) => Walk::Before(here),
                };
            }
            if steps.is_empty() {
                return Ok(None);
            }
        }
    }

    fn steps(&mut self, walk: Walk) -> Result<Vec<Step>, StoreError> {
        let (tenant, key) = (self.scope.tenant.as_str(), self.key.as_str());
        let mine = audit::tenant_id.eq(tenant).and(audit::entity.eq(Entity::Flag.as_str())).and(audit::entity_key.eq(key));
        Ok(on!(self.link, c => {
            let query = audit::table.select(Step::as_select()).into_boxed().filter(mine).limit(ENTRIES_PER_STATEMENT);
            match walk {
                Walk::After(start) => query.filter(audit::revision.gt(start.get())).order(audit::revision.asc()).load(c),
                Walk::Before(end) => query.filter(audit::revision.lt(end.get())).order(audit::revision.desc()).load(c),
            }
        })?)
    }

    /// `production` always was; others have an entry that says when they came. (One of the same name that was deleted
    /// before does not count: its flags were configured by themselves.)
    fn environment_was_there(&mut self, revision: Revision) -> Result<bool, StoreError> {
        let (tenant, key) = (self.scope.tenant.as_str(), self.scope.environment.as_str());
        let created = audit::tenant_id
            .eq(tenant)
            .and(audit::entity.eq(Entity::Environment.as_str()))
            .and(audit::entity_key.eq(key))
            .and(audit::action.eq(Action::Created.as_str()));
        let since: Option<i64> = on!(self.link, c => audit::table.filter(created).select(diesel::dsl::max(audit::revision)).first(c))?;
        Ok(since.is_none_or(|since| since <= revision.get()))
    }

    /// The flag as it is now.
    fn now(&mut self) -> Result<Option<Value>, StoreError> {
        flag::document(self.link, self.scope, self.key)
    }
}
