use std::os::unix::fs::PermissionsExt;

use ff_core::Flag;
use ff_store::{ChangeId, Position, Revision};
use serde_json::json;

use super::*;
use crate::document::entities::{Entities, flag_json};

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
