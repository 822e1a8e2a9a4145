//! Who is calling.

use std::collections::BTreeSet;

use ff_core::TenantId;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::scopes::{TokenScope, TokenScopes};
use super::token::{Claims, LEEWAY_S};

/// The tenants that a credential may enter; in JSON a list of ids, or `["*"]` for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenants {
    /// Every tenant, those to come included.
    All,
    /// Only these.
    Only(BTreeSet<TenantId>),
}

impl Tenants {
    /// How all tenants are written.
    pub const WILDCARD: &str = "*";

    /// Whether `tenant` is among them.
    pub fn contain(&self, tenant: &TenantId) -> bool {
        match self {
            Self::All => true,
            Self::Only(tenants) => tenants.contains(tenant),
        }
    }
}

impl Serialize for Tenants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.collect_seq([Self::WILDCARD]),
            Self::Only(tenants) => serializer.collect_seq(tenants),
        }
    }
}

impl<'de> Deserialize<'de> for Tenants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let listed = Vec::<String>::deserialize(deserializer)?;
        if listed.iter().any(|tenant| tenant == Self::WILDCARD) {
            return Ok(Self::All);
        }
        let parsed: Result<_, _> = listed.iter().map(|tenant| tenant.parse()).collect();
        parsed.map(Self::Only).map_err(de::Error::custom)
    }
}

/// Someone who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    subject: String,
    scopes: TokenScopes,
    tenants: Tenants,
    refused_from_s: Option<u64>,
}

impl Caller {
    /// A caller with these rights, for ever.
    pub fn new(subject: impl Into<String>, scopes: TokenScopes, tenants: Tenants) -> Self {
        Self { subject: subject.into(), scopes, tenants, refused_from_s: None }
    }

    /// From when on their credential is refused, in seconds since 1970: for what goes on after it was checked. None, if it does not
    /// expire.
    pub fn refused_from_s(&self) -> Option<u64> {
        self.refused_from_s
    }

    /// The name under which they act: the token's `sub`, which the audit log keeps as the actor.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether they may do what needs `scope`.
    pub fn may(&self, scope: TokenScope) -> bool {
        self.scopes.allow(scope)
    }

    /// Whether they may enter `tenant`.
    pub fn may_enter(&self, tenant: &TenantId) -> bool {
        self.tenants.contain(tenant)
    }
}

impl From<Claims> for Caller {
    fn from(claims: Claims) -> Self {
        let refused_from_s = Some(claims.exp.saturating_add(LEEWAY_S));
        Self { refused_from_s, ..Self::new(claims.sub, claims.scopes.into_iter().collect(), claims.tenants) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_a_list_or_the_wildcard() {
        let tenant: TenantId = "acme".parse().unwrap();
        let read = |json: &str| serde_json::from_str::<Tenants>(json);
        assert_eq!(read(r#"["*"]"#).unwrap(), Tenants::All);
        assert_eq!(read(r#"["acme","*"]"#).unwrap(), Tenants::All);
        assert!(read(r#"["acme"]"#).unwrap().contain(&tenant));
        assert!(!read(r#"["acme2"]"#).unwrap().contain(&tenant));
        assert!(!read("[]").unwrap().contain(&tenant));
        for bad in [r#""*""#, r#"["a/b"]"#, "null", "{}", "[1]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(serde_json::to_string(&Tenants::All).unwrap(), r#"["*"]"#);
        assert_eq!(serde_json::to_string(&read(r#"["b","a"]"#).unwrap()).unwrap(), r#"["a","b"]"#);
    }
}
