//! Rows of answers, and bodies that the audit log has.

use diesel::prelude::*;
use ff_core::{TenantId, Timestamp};
use serde_json::Value;

use super::{BODY_BYTES_MAX, KeptAnswer, KeyedRequest, Shown};
use crate::connection::{Link, on};
use crate::document::JsonText;
use crate::error::{CorruptRow, StoreError};
use crate::schema::{audit, idempotency};
use crate::scope::Revision;

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency)]
pub(super) struct AnswerRow {
    tenant_id: String,
    key_digest: String,
    pub(super) request_digest: String,
    created_at: i64,
    status: i64,
    etag: Option<String>,
    location: Option<String>,
    revision: Option<i64>,
    body: Option<String>,
    logged_at: Option<i64>,
    warnings: Option<String>,
}

impl AnswerRow {
    pub(super) fn new(
        link: &mut Link<'_>,
        tenant: &TenantId,
        request: &KeyedRequest,
        now: Timestamp,
        answer: &KeptAnswer,
        shown: Option<&Shown>,
    ) -> Result<Self, StoreError> {
        let is_large = answer.body.as_ref().is_some_and(|body| body.len() > BODY_BYTES_MAX);
        let logged_at = match shown.filter(|_| is_large) {
            Some(shown) => logged_at(link, tenant, shown)?,
            None => None,
        };
        Ok(Self {
            tenant_id: tenant.to_string(),
            key_digest: request.key_digest.clone(),
            request_digest: request.request_digest.clone(),
            created_at: now.as_millis(),
            status: answer.status.into(),
            etag: answer.etag.clone(),
            location: answer.location.clone(),
            revision: answer.revision.map(Revision::get),
            body: answer.body.clone().filter(|_| logged_at.is_none()),
            warnings: shown.filter(|_| logged_at.is_some()).and_then(|shown| shown.warnings.clone()),
            logged_at,
        })
    }

    fn corrupt(&self, reason: impl ToString) -> CorruptRow {
        CorruptRow::new("idempotency", format!("{}/{}", self.tenant_id, self.key_digest), reason)
    }
}

/// The revision whose audit entry shows this state. There may be none: a flag that was last changed from another environment stands there as
/// part of that change.
fn logged_at(link: &mut Link<'_>, tenant: &TenantId, shown: &Shown) -> Result<Option<i64>, StoreError> {
    let of_entity = audit::tenant_id
        .eq(tenant.as_str())
        .and(audit::entity.eq(shown.entity.as_str()))
        .and(audit::entity_key.eq(&shown.key))
        .and(audit::entity_id.eq(&shown.id));
    let state = audit::version.eq(shown.version.get()).and(audit::after.is_not_null());
    let environment = shown.environment.as_ref().map(ToString::to_string);
    Ok(on!(link, c => {
        let query = audit::table.filter(of_entity).filter(state).select(audit::revision).into_boxed();
        let query = match &environment {
            Some(environment) => query.filter(audit::environment.eq(environment)),
            None => query.filter(audit::environment.is_null()),
        };
        query.order(audit::revision.desc()).first(c).optional()
    })?)
}

/// The answer of a row, with its body from wherever it is.
pub(super) fn resolve(link: &mut Link<'_>, row: AnswerRow) -> Result<KeptAnswer, StoreError> {
    let status = u16::try_from(row.status).map_err(|_| row.corrupt(format!("status {}", row.status)))?;
    let body = match row.logged_at {
        Some(revision) => Some(logged_body(link, &row, revision)?),
        None => row.body,
    };
    Ok(KeptAnswer { status, etag: row.etag, location: row.location, revision: row.revision.map(Revision::new), body })
}

fn logged_body(link: &mut Link<'_>, row: &AnswerRow, revision: i64) -> Result<String, StoreError> {
    let mine = audit::tenant_id.eq(&row.tenant_id).and(audit::revision.eq(revision));
    let after: Option<JsonText> = on!(link, c => audit::table.filter(mine).select(audit::after).first(c).optional())?.flatten();
    let mut body = match after.map(|text| text.parse()) {
        Some(Ok(body @ Value::Object(_))) => body,
        _ => return Err(row.corrupt(format!("the log has nothing to show at revision {revision}")).into()),
    };
    if let (Some(fields), Some(warnings)) = (body.as_object_mut(), &row.warnings) {
        let warnings: Value = serde_json::from_str(warnings).map_err(|error| row.corrupt(format!("warnings: {error}")))?;
        fields.insert("warnings".to_owned(), warnings);
    }
    serde_json::to_string(&body).map_err(|error| StoreError::Query(error.into()))
}
