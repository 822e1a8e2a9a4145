use ff_core::Flag;
use ff_store::ChangeId;
use serde_json::json;

use super::*;
use crate::document::entities::{Entities, flag_json};
use crate::state_dir::StateDir;
use crate::testing::Fixture;

fn scope(environment: &str) -> Scope {
    Scope::new("acme".parse().unwrap(), environment.parse().unwrap())
}

/// A folder with rulesets, and the server that has saved them.
struct Saving {
    folder: Arc<StateDir>,
    state: web::Data<AppState>,
    _place: (tempfile::TempDir, Fixture),
}

impl Saving {
    fn new() -> Self {
        let (place, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
        let folder = Arc::new(StateDir::open(place.path(), &fixture.config.store.dsn).unwrap());
        let state = web::Data::new(fixture.away());
        state.rulesets.fall_back_to(folder.clone());
        Self { folder, state, _place: (place, fixture) }
    }

    fn save(&self, revision: i64) {
        let mut flags = Entities::default();
        let flag = Flag::from_value(&json!({"key": format!("f{revision}"), "type": "boolean"})).unwrap();
        flags.put(flag.key().to_string(), flag_json(&flag));
        let change: ChangeId = serde_json::from_value(json!(format!("{revision:04}"))).unwrap();
        let position = Position { revision: Revision::new(revision), change: Some(change) };
        let environments = [("production".parse().unwrap(), flags)].into();
        self.folder.write(&scope("production").tenant, &Contents { position, segments: Entities::default(), environments }).unwrap();
    }

    fn serve(&self, revision: i64) {
        self.save(revision);
        let tenant = scope("production").tenant;
        self.state.rulesets.publish(&tenant, Arc::new(self.folder.rulesets(&tenant).unwrap()));
    }

    async fn downloaded(&self) -> Option<i64> {
        match document(&self.state, &scope("production"), None).await {
            Ok(document) => {
                let text = String::from_utf8(document.whole().identity.bytes.to_vec()).unwrap();
                assert!(text.contains(&format!("\"f{}\"", document.revision())), "{text}");
                Some(document.revision().get())
            }
            Err(ServiceError::Unavailable(_)) => None,
            Err(error) => panic!("{error}"),
        }
    }
}

#[actix_web::test]
async fn while_the_database_is_away_the_latest_of_what_is_held_and_what_is_saved_is_served() {
    let server = Saving::new();
    server.serve(9);
    server.save(7);
    assert_eq!(server.downloaded().await, Some(7), "though evaluation is ahead");
    server.save(8);
    assert_eq!(server.downloaded().await, Some(8), "the file is later");
    server.save(6);
    assert_eq!(server.downloaded().await, Some(8), "what is held is later");
    let behind = document(&server.state, &scope("production"), Some(Revision::new(9))).await;
    assert!(matches!(behind, Err(ServiceError::Behind { .. })), "{behind:?}");
    // Once it is known that the database is away, nobody looks into the folder again for the same.
    server.state.health.note(false);
    server.save(9);
    assert_eq!(server.downloaded().await, Some(8));
    server.serve(10);
    assert_eq!(server.downloaded().await, Some(10));
}

#[actix_web::test]
async fn what_may_be_of_a_history_that_is_gone_stands_in_for_nothing() {
    let server = Saving::new();
    server.serve(9);
    server.save(8);
    assert_eq!(server.downloaded().await, Some(8));
    server.state.rulesets.note_rewritten(&scope("production").tenant, Revision::new(9));
    assert_eq!(server.downloaded().await, None);
    server.save(9);
    assert_eq!(server.downloaded().await, Some(9), "the very change that is served");
}

#[actix_web::test]
async fn an_environment_that_is_newer_than_the_file_is_unavailable_and_not_unknown() {
    let server = Saving::new();
    server.serve(9);
    let tenant = scope("staging").tenant;
    let served = server.state.rulesets.peek(&tenant).unwrap();
    server.state.rulesets.publish(&tenant, Arc::new(served.with_environment(Revision::new(10), &scope("staging").environment, &[])));
    let asked = document(&server.state, &scope("staging"), None).await;
    assert!(matches!(asked, Err(ServiceError::Unavailable(_))), "{asked:?}");
}

#[actix_web::test]
async fn documents_in_use_are_kept_up_to_date_and_others_let_go_once_they_are_behind() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let write = async |key: &str| app(fixture.admin("POST", "/v1/flags").set_json(json!({"key": key, "type": "boolean"}))).await;
    let revisions = || fixture.state.documents.all().iter().map(|(_, document, _)| document.revision().get()).collect::<Vec<_>>();
    const HOUR: Duration = Duration::from_secs(3_600);

    assert_eq!(write("a").await.status, 201);
    assert!(keep_fresh(&fixture.state, HOUR).await);
    assert_eq!(revisions(), [] as [i64; 0], "nobody has asked");
    document(&fixture.state, &scope("production"), None).await.unwrap();
    assert_eq!(write("b").await.status, 201);
    assert_eq!(revisions(), [1]);
    assert!(keep_fresh(&fixture.state, HOUR).await);
    assert_eq!(revisions(), [2]);
    assert!(keep_fresh(&fixture.state, Duration::ZERO).await);
    assert_eq!(revisions(), [2], "it is what is served");
    assert_eq!(write("c").await.status, 201);
    fixture.state.health.note(false);
    assert!(keep_fresh(&fixture.state, Duration::ZERO).await);
    assert_eq!(revisions(), [3], "while the database seems to be away, nothing is let go");
    assert_eq!(write("d").await.status, 201);
    fixture.state.health.note(true);
    assert!(keep_fresh(&fixture.state, Duration::ZERO).await);
    assert_eq!(revisions(), [] as [i64; 0]);
    assert_eq!(document(&fixture.state, &scope("production"), None).await.unwrap().revision().get(), 4);
}
