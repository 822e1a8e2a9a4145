//! The audit log.

use actix_web::{HttpResponse, web};
use ff_store::{AuditFilter, PageLimit, PageRequest, audit};

use super::answer;
use crate::blocking;
use crate::extract::{Allowed, AuditRead, FromParams, Params, Query};
use crate::problem::Problem;
use crate::state::AppState;

/// Which entries are shown.
#[derive(Debug, Clone)]
pub struct ListQuery {
    filter: AuditFilter,
    page: PageRequest,
}

impl FromParams for ListQuery {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let filter = AuditFilter {
            entity: params.value("entity")?,
            entity_key: params.text("entity_key")?,
            actor: params.text("actor")?,
            environment: params.value("environment")?,
            since: params.value("since")?,
            until: params.value("until")?,
        };
        Ok(Self { filter, page: answer::page_request(params, PageLimit::AUDIT_MAX)? })
    }
}

/// Lists the tenant's changes, newest first: who changed what, from what to what, on which request.
#[utoipa::path(get, path = "/v1/audit", operation_id = "audit_list", tag = "audit",
    params(
        ("entity" = Option<String>, Query, description = "Only changes of a `flag`, `segment`, `environment` or `webhook`."),
        ("entity_key" = Option<String>, Query, description = "Only changes of entities with this key."),
        ("actor" = Option<String>, Query, description = "Only changes by this actor: a token's `sub`, or `admin-key`."),
        ("environment" = Option<String>, Query, description = "Only changes made in this environment."),
        ("since" = Option<String>, Query, description = "Only changes at or after this instant (RFC 3339)."),
        ("until" = Option<String>, Query, description = "Only changes before this instant (RFC 3339)."),
        ("limit" = Option<u32>, Query, description = "Items a page, 1 to 200; 50 if left out."),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page.", body = ref("#/components/schemas/AuditPage"), content_type = "application/json")))]
pub async fn list(
    state: web::Data<AppState>,
    allowed: Allowed<AuditRead>,
    Query(query): Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let tenant = allowed.into_context().scope.tenant;
    let page = blocking::run(move || audit::page(&state.store, &tenant, &query.filter, &query.page)).await?;
    Ok(answer::page(&page))
}
