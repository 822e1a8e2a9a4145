use std::os::unix::fs::PermissionsExt;

use ff_core::Flag;
use ff_store::{ChangeId, Position, Revision};
use serde_json::json;

use super::saver::Saver;
use super::*;
use crate::document::entities::{Entities, flag_json};
use crate::testing::Fixture;

fn dsn(name: &str) -> Dsn {
    format!("postgres://ff@db/{name}").parse().unwrap()
}

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

/// The id of a change, as a file holds it.
fn change() -> ChangeId {
    serde_json::from_value(json!("00ff")).unwrap()
}

fn contents(revision: i64) -> Contents<'static> {
    let mut flags = Entities::default();
    let flag = Flag::from_value(&json!({"key": "f", "type": "boolean", "state": "on"})).unwrap();
    flags.put("f", flag_json(&flag));
    let environments = [("production".parse().unwrap(), flags), ("staging".parse().unwrap(), Entities::default())].into();
    let position = Position { revision: Revision::new(revision), change: (revision != 7).then(change) };
    Contents { position, segments: Entities::default(), environments }
}

fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    file.clone()
}

#[test]
fn what_was_saved_comes_back_and_later_replaces_earlier() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    let saved = StateDir::open(&path, &dsn("ff")).unwrap();
    assert_eq!((saved.tenants().unwrap(), saved.read(&tenant("acme")).is_none()), (vec![], true));
    for revision in [7, 8, 6] {
        saved.write(&tenant("acme"), &contents(revision)).unwrap();
        let read = saved.read(&tenant("acme")).unwrap();
        assert_eq!((read.contents().unwrap(), read.position().unwrap()), (contents(revision), contents(revision).position));
    }
    let rulesets = saved.rulesets(&tenant("acme")).unwrap();
    assert_eq!(rulesets.position(), contents(6).position);
    assert!(rulesets.get(&"production".parse().unwrap()).unwrap().contains("f"));
    assert!(rulesets.get(&"staging".parse().unwrap()).unwrap().is_empty());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&only_file(&path))), (0o700, 0o600));
}

#[test]
fn any_tenant_has_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let saved = StateDir::open(folder.path(), &dsn("ff")).unwrap();
    let mut ids = vec![
        tenant("a"),
        tenant("A"),
        tenant("a.b"),
        tenant("con"),
        tenant("a..ruleset"),
        tenant(&"x".repeat(128)),
        tenant(&"X".repeat(128)),
    ];
    for id in &ids {
        saved.write(id, &contents(1)).unwrap();
    }
    ids.sort();
    assert_eq!(saved.tenants().unwrap(), ids);
    assert!(ids.iter().all(|id| saved.read(id).is_some()));
}

#[test]
fn every_truncation_and_every_changed_byte_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let saved = StateDir::open(folder.path(), &dsn("ff")).unwrap();
    saved.write(&tenant("acme"), &contents(7)).unwrap();
    let file = only_file(folder.path());
    let whole = fs::read(&file).unwrap();
    for length in 0..whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        assert!(saved.read(&tenant("acme")).is_none(), "{length} bytes");
        saved.tenants().unwrap();
    }
    for at in 0..whole.len() {
        for bit in [0x01, 0x80] {
            let mut changed = whole.clone();
            changed[at] ^= bit;
            fs::write(&file, &changed).unwrap();
            assert!(saved.read(&tenant("acme")).is_none(), "byte {at}");
            saved.tenants().unwrap();
        }
    }
    fs::write(&file, &whole).unwrap();
    assert!(saved.read(&tenant("acme")).is_some());
}

#[test]
fn what_belongs_to_others_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let saved = StateDir::open(folder.path(), &dsn("ff")).unwrap();
    saved.write(&tenant("acme"), &contents(7)).unwrap();
    assert!(StateDir::open(folder.path(), &dsn("other")).unwrap().read(&tenant("acme")).is_none());
    // Put in another tenant's place.
    fs::copy(only_file(folder.path()), saved.path_of(&tenant("globex"))).unwrap();
    assert!(saved.read(&tenant("globex")).is_none());
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    fs::write(folder.path().join("long.ruleset"), vec![b'x'; 100_000]).unwrap();
    assert_eq!(saved.tenants().unwrap(), [tenant("acme")]);
}

#[test]
fn what_a_killed_server_left_half_done_is_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    let saved = StateDir::open(folder.path(), &dsn("ff")).unwrap();
    saved.write(&tenant("acme"), &contents(7)).unwrap();
    let unfinished = saved.write_unfinished(b"ff-state 1 acme").unwrap();
    assert_eq!(saved.tenants().unwrap(), [tenant("acme")]);
    StateDir::open(folder.path(), &dsn("ff")).unwrap();
    assert!(!unfinished.exists());
    only_file(folder.path());
}

#[test]
fn a_folder_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(StateDir::open(&file, &dsn("ff")).is_err());
    assert!(StateDir::open(&file.join("below"), &dsn("ff")).is_err());
}

/// Another process has saved the tenant `acme` as in `former`, and a database with another history is served; it is saved now.
async fn saved_over(former: Option<Contents<'static>>) -> Fixture {
    let fixture = Fixture::new();
    let folder = tempfile::tempdir().unwrap();
    let saved = StateDir::open(folder.path(), &fixture.config.store.dsn).unwrap();
    former.iter().for_each(|former| saved.write(&tenant("acme"), former).unwrap());
    let app = fixture.app().await;
    let body = json!({"key": "g", "type": "boolean"});
    assert_eq!(app(fixture.admin("POST", "/v1/flags").set_json(body)).await.status, 201);
    Saver::default().save_all(&fixture.state, &saved).unwrap();
    assert_eq!(saved.read(&tenant("acme")).unwrap().position().unwrap().revision, Revision::new(1));
    fixture
}

#[actix_web::test]
async fn what_another_process_saved_of_a_history_that_is_gone_is_noted_before_it_is_replaced() {
    let is_doubtful = async |former, revision| {
        let fixture = saved_over(former).await;
        fixture.state.rulesets.is_doubtful(&tenant("acme"), Revision::new(revision))
    };
    assert!(is_doubtful(Some(contents(1)), 1).await, "another change has made it");
    assert!(is_doubtful(Some(contents(7)), 7).await, "the database has not come so far");
    assert!(!is_doubtful(Some(contents(7)), 8).await);
    assert!(!is_doubtful(None, 1).await);
}
