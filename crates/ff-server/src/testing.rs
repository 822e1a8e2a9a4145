//! What the tests of this crate share: a state over a fresh database, and requests that read as what they are.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::HeaderMap;
use actix_web::test::{self, TestRequest};
use actix_web::web;
use ff_store::{Store, StoreConfig};
use serde_json::Value;
use slog::{Discard, Logger, o};

use crate::auth::{Auth, Tenants, TokenScope};
use crate::config::{Config, Overrides, Secret, Variables};
use crate::state::AppState;

pub(crate) const ADMIN_KEY: &str = "an-admin-key-of-32-characters-or-more";

/// A state over a database of its own, which goes away with it.
pub(crate) struct Fixture {
    pub(crate) state: web::Data<AppState>,
    pub(crate) config: Config,
    _folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|_| {}, Logger::root(Discard, o!()))
    }

    pub(crate) fn with(adapt: impl FnOnce(&mut Config), logger: Logger) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dsn = format!("sqlite://{}", folder.path().join("ff.db").display());
        let overrides = Overrides { dev: true, dsn: Some(dsn), bind: Some("127.0.0.1:0".parse().unwrap()), ..Overrides::default() };
        let mut config = Config::load(&Variables::from([("ADMIN_KEY", ADMIN_KEY), ("WORKERS", "1")]), &overrides).unwrap();
        config.auth.jwt_secret = Secret::new("a secret of thirty-two bytes or more");
        config.auth.open_to_loopback = false;
        config.seeds_demo = false;
        adapt(&mut config);
        config.store = StoreConfig { acquire_timeout: Duration::from_secs(5), ..config.store };
        let store = Store::open(&config.store).unwrap();
        store.migrate().unwrap();
        let state = AppState::new(store, Auth::new(&config.auth).unwrap(), config.http.clone(), config.webhooks.clone(), logger);
        Self { state: web::Data::new(state), config, _folder: folder }
    }

    /// The state of another process on the same database.
    pub(crate) fn another(&self) -> AppState {
        let store = Store::open(&self.config.store).unwrap();
        AppState::new(
            store,
            Auth::new(&self.config.auth).unwrap(),
            self.config.http.clone(),
            self.config.webhooks.clone(),
            Logger::root(Discard, o!()),
        )
    }

    /// The state of a process whose database has been away since it started.
    pub(crate) fn away(&self) -> AppState {
        let (auth, logger) = (Auth::new(&self.config.auth).unwrap(), Logger::root(Discard, o!()));
        AppState::new(Store::open_later(&self.config.store), auth, self.config.http.clone(), self.config.webhooks.clone(), logger)
    }

    /// A token with these scopes for the tenant `acme`.
    pub(crate) fn token(&self, scopes: &[TokenScope]) -> String {
        self.state.auth.issue("tester", scopes, &Tenants::Only(["acme".parse().unwrap()].into())).unwrap()
    }

    /// The application, as the server runs it: call it with requests.
    pub(crate) async fn app(&self) -> impl AsyncFn(TestRequest) -> Answer + use<> {
        let service = test::init_service(crate::app(self.state.clone())).await;
        async move |request: TestRequest| Answer::read(test::call_service(&service, request.to_request()).await).await
    }

    /// A request of a caller with these scopes to the tenant `acme`.
    pub(crate) fn request(&self, method: &str, path: &str, scopes: &[TokenScope]) -> TestRequest {
        request(method, path)
            .insert_header(("Authorization", format!("Bearer {}", self.token(scopes))))
            .insert_header(("X-Tenant-ID", "acme"))
    }

    /// The same for one who may do everything.
    pub(crate) fn admin(&self, method: &str, path: &str) -> TestRequest {
        self.request(method, path, &[TokenScope::Admin])
    }
}

pub(crate) fn request(method: &str, path: &str) -> TestRequest {
    TestRequest::default().method(method.parse().unwrap()).uri(path)
}

/// An answer, read to its end; of an event stream, which has none, what comes first.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn read(response: ServiceResponse<BoxBody>) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let is_stream = headers.get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        let body = if is_stream {
            let mut body = pin!(response.into_body());
            poll_fn(|context| body.as_mut().poll_next(context)).await.map(|first| first.unwrap().to_vec()).unwrap_or_default()
        } else {
            test::read_body(response).await.to_vec()
        };
        Self { status, headers, body }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and code of a problem, after a look at the rest of it.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], self.status);
        assert_eq!(body["type"], format!("/problems/{}", body["code"].as_str().unwrap()));
        assert_eq!(body["request_id"], self.header("x-request-id"));
        (self.status, body["code"].as_str().unwrap().to_owned())
    }
}
