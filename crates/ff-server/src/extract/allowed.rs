//! May they: the permission that a handler asks for by the type of its argument.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::{caller_of, scope_of};
use crate::auth::{Credential, TokenScope};
use crate::middleware::Arrival;
use crate::problem::{Problem, ProblemType};
use crate::service::{Context, Once, RequestId};

/// A permission as a type.
pub trait Permission: 'static {
    /// The scope that a caller must hold.
    const SCOPE: TokenScope;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}

        impl Permission for $name {
            const SCOPE: TokenScope = TokenScope::$name;
        }
    )* };
}

permissions! {
    /// To read flags.
    FlagsRead;
    /// To write flags.
    FlagsWrite;
    /// To read segments.
    SegmentsRead;
    /// To write segments.
    SegmentsWrite;
    /// To evaluate flags.
    Evaluate;
    /// To read the audit log.
    AuditRead;
    /// To list environments.
    EnvironmentsRead;
    /// To create and delete environments.
    EnvironmentsWrite;
    /// To follow the event stream.
    EventsRead;
    /// To download rulesets.
    RulesetRead;
    /// To do anything with webhooks.
    WebhooksWrite;
}

/// Proof that the caller may do what `P` says in the tenant that the request names. Checks in this order: 401 without a
/// valid credential, 400 without a tenant, 403 for a tenant or a scope that was not granted.
#[derive(Debug, Clone)]
pub struct Allowed<P: Permission> {
    context: Context,
    permission: PhantomData<P>,
}

impl<P: Permission> Allowed<P> {
    /// Who asks, and where.
    pub fn into_context(self) -> Context {
        self.context
    }
}

/// Who asks and where, if they may do what needs `needed`.
///
/// # Errors
/// In this order: 401 without a valid credential, 400 without a tenant, 403 for a tenant or a scope that was not granted.
pub(crate) fn allow(request: &HttpRequest, needed: TokenScope) -> Result<(Context, Credential), Problem> {
    let (caller, credential) = caller_of(request)?;
    let arrival = request.extensions().get::<Arrival>().cloned();
    let (request_id, tenant) = arrival.map_or_else(|| (RequestId::made(), None), |arrival| (arrival.request_id, arrival.tenant));
    let scope = scope_of(request.headers(), tenant)?;
    if !caller.may_enter(&scope.tenant) {
        return Err(Problem::new(ProblemType::TenantForbidden, format!("the credential does not open the tenant `{}`", scope.tenant)));
    }
    if !caller.may(needed) {
        return Err(Problem::new(ProblemType::ScopeMissing, format!("this needs the scope `{needed}`")));
    }
    let once = request.extensions().get::<Arc<Once>>().cloned();
    Ok((Context { scope, caller, request_id, once }, credential))
}

impl<P: Permission> Deref for Allowed<P> {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl<P: Permission> FromRequest for Allowed<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(allow(request, P::SCOPE).map(|(context, _)| Self { context, permission: PhantomData }))
    }
}
