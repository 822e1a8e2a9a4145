//! The database and the requests.

use std::path::Path;

use ff_core::{EnvironmentKey, Flag, TenantId, Timestamp};
use ff_server::auth::{Claims, Tenants, TokenScope, Tokens};
use ff_server::config::Secret;
use ff_store::{Author, Store, StoreConfig, change, flag};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::workloads;

pub(crate) const SECRET: &str = "a-secret-for-benches-0123456789-0123456789";
pub(crate) const ADMIN_KEY: &str = "an-admin-key-for-benches-0123456789";

/// The tenant with 200 flags, and the one with many.
const SMALL: &str = "small";
const LARGE: &str = "large";

/// A database in which both tenants are.
pub(crate) struct Data {
    folder: TempDir,
    token: String,
}

impl Data {
    pub(crate) fn new(flags: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let claims = Claims::starting(now_s, "bench", &[TokenScope::FlagsWrite], &Tenants::Only([SMALL, LARGE].map(tenant).into()));
        let token = Tokens::new(&Secret::new(SECRET)).issue(&claims).unwrap();
        let data = Self { folder, token };
        let store = Store::open(&StoreConfig::new(data.dsn().parse().unwrap())).unwrap();
        store.migrate().unwrap();
        plant(&store, SMALL, &workloads::mix(200));
        plant(&store, LARGE, &workloads::mix(flags));
        data
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn dsn(&self) -> String {
        format!("sqlite://{}/bench.db", self.folder().display())
    }

    /// Evaluates one flag of five rules.
    pub(crate) fn one(&self, prefix: &str) -> Vec<u8> {
        self.post(&format!("{prefix}/v1/evaluate"), SMALL, &json!({"flag_key": "flag-00003", "user": user()}))
    }

    /// Evaluates 200 flags, which it names.
    pub(crate) fn named(&self, prefix: &str) -> Vec<u8> {
        let keys: Vec<_> = (0..200).map(|i| format!("flag-{i:05}")).collect();
        self.post(&format!("{prefix}/v1/evaluate/batch"), SMALL, &json!({"flag_keys": keys, "user": user()}))
    }

    /// Evaluates all flags, of which there are 200.
    pub(crate) fn all(&self, prefix: &str) -> Vec<u8> {
        self.post(&format!("{prefix}/v1/evaluate/batch"), SMALL, &json!({"user": user()}))
    }

    /// Evaluates one flag of the large tenant.
    pub(crate) fn one_of_large(&self) -> Vec<u8> {
        self.post("/v1/evaluate", LARGE, &json!({"flag_key": "flag-00003", "user": user()}))
    }

    /// Writes a flag of the small tenant.
    pub(crate) fn write(&self, key: &str, body: &Value) -> Vec<u8> {
        self.request("PUT", &format!("/v1/flags/{key}"), SMALL, body)
    }

    fn post(&self, path: &str, tenant: &str, body: &Value) -> Vec<u8> {
        self.request("POST", path, tenant, body)
    }

    fn request(&self, method: &str, path: &str, tenant: &str, body: &Value) -> Vec<u8> {
        let (body, token) = (body.to_string(), &self.token);
        let length = body.len();
        format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nx-tenant-id: {tenant}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

/// With its flag key a body of about 165 bytes.
fn user() -> Value {
    json!({"id": "user-00007919", "attributes": {"country": "DE", "plan": "enterprise", "email": "person1@corp.test", "age": 41}})
}

/// All in one transaction, each flag a change of its own.
fn plant(store: &Store, id: &str, flags: &[Value]) {
    let author = Author { actor: "bench".to_owned(), request_id: None, at: Timestamp::EPOCH };
    let environment = EnvironmentKey::production();
    change::run(store, &tenant(id), &author, |change| {
        for flag in flags {
            flag::put_in(change, &environment, Flag::from_value(flag).unwrap())?;
        }
        Ok::<_, ff_store::StoreError>(())
    })
    .unwrap();
}
