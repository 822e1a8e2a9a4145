use std::sync::atomic::AtomicU32;
use std::time::Duration;

use ff_core::Flag;
use ff_store::{Author, StoreError, change, flag};
use futures_util::StreamExt;

use super::*;
use crate::clock;
use crate::testing::Fixture;

fn acme() -> TenantId {
    "acme".parse().unwrap()
}

/// Writes past the server's memory, as another process would.
fn write(fixture: &Fixture) -> Revision {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let key = LAST.fetch_add(1, Ordering::Relaxed);
    let wanted = Flag::from_json(&format!(r#"{{"key": "f{key}", "type": "boolean"}}"#)).unwrap();
    let author = Author { actor: "ann".into(), request_id: None, at: clock::now() };
    let written = change::run(&fixture.state.store, &acme(), &author, |change| {
        flag::put_in(change, &ff_core::EnvironmentKey::production(), wanted.clone())?;
        Ok::<_, StoreError>(change.revision())
    });
    written.unwrap()
}

fn subscription(resume: Resume) -> Subscription {
    Subscription { tenant: acme(), wanted: Wanted::default(), resume, refused_from_s: None }
}

/// The first lines of what comes next.
async fn next(stream: &mut (impl Stream<Item = Result<Bytes, Infallible>> + Unpin)) -> Option<String> {
    let text = String::from_utf8(stream.next().await?.unwrap().to_vec()).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("retry:") && !line.starts_with("data:"));
    Some(lines.collect::<Vec<_>>().join(" "))
}

#[actix_web::test]
async fn an_event_waits_until_its_revision_is_served() {
    let fixture = Fixture::new();
    let (state, tenant) = (&fixture.state, acme());
    let begun = state.streams.begin(&state.rulesets, Revision::ZERO, subscription(Resume::Now)).await.unwrap();
    let mut stream = Box::pin(begun);
    assert_eq!(next(&mut stream).await.unwrap(), "event: ready id: 0");
    let (first, second) = (write(&fixture), write(&fixture));
    // Both are in the log; one of them is served.
    state.news.tell(&tenant, first);
    assert_eq!(next(&mut stream).await.unwrap(), "event: flag.created id: 1");
    let is_silent = tokio::time::timeout(Duration::from_millis(50), next(&mut stream)).await.is_err();
    assert!(is_silent, "the second change was told before it was served");
    state.news.tell(&tenant, second);
    assert_eq!(next(&mut stream).await.unwrap(), "event: flag.created id: 2");
}

#[actix_web::test]
async fn whoever_waits_is_not_to_blame_for_more_at_once_than_is_kept() {
    let fixture = Fixture::with(|config| config.http.streams.queue_max = 2, Logger::root(slog::Discard, slog::o!()));
    let state = &fixture.state;
    let begun = state.streams.begin(&state.rulesets, Revision::ZERO, subscription(Resume::Now)).await.unwrap();
    let mut stream = Box::pin(begun);
    assert_eq!(next(&mut stream).await.unwrap(), "event: ready id: 0");
    let first = write(&fixture);
    state.news.tell(&acme(), first);
    assert_eq!(next(&mut stream).await.unwrap(), "event: flag.created id: 1");
    // It waits, and hears of nothing until all of it is served.
    assert!(tokio::time::timeout(Duration::from_millis(20), next(&mut stream)).await.is_err());
    let last = (0..100).map(|_| write(&fixture)).max().unwrap();
    state.news.tell(&acme(), last);
    for revision in 2..=101 {
        assert_eq!(next(&mut stream).await.unwrap(), format!("event: flag.created id: {revision}"));
    }
}

#[actix_web::test]
async fn whoever_comes_for_more_when_it_is_gone_is_cut() {
    let fixture = Fixture::with(|config| config.http.streams.queue_max = 2, Logger::root(slog::Discard, slog::o!()));
    let (state, tenant) = (&fixture.state, acme());
    let begin = || state.streams.begin(&state.rulesets, Revision::ZERO, subscription(Resume::Now));
    let (mut slow, mut quick) = (Box::pin(begin().await.unwrap()), Box::pin(begin().await.unwrap()));
    for stream in [&mut slow, &mut quick] {
        assert_eq!(next(stream).await.unwrap(), "event: ready id: 0");
    }
    for revision in 1..=5 {
        state.news.tell(&tenant, write(&fixture));
        assert_eq!(next(&mut quick).await.unwrap(), format!("event: flag.created id: {revision}"));
        if revision == 1 {
            assert_eq!(next(&mut slow).await.unwrap(), "event: flag.created id: 1");
        }
    }
    assert_eq!(next(&mut slow).await, None);
    drop((slow, quick));
    let told = state.metrics.render(state.store.pool_state());
    for line in ["ff_event_subscribers 0", "ff_events_sent_total 6", "ff_event_subscribers_cut_total 1"] {
        assert!(told.contains(&format!("{line}\n")), "{line}: {told}");
    }
}

#[actix_web::test]
async fn the_reader_of_a_tenant_ends_with_its_last_subscriber() {
    let fixture = Fixture::new();
    let state = &fixture.state;
    let begin = || state.streams.begin(&state.rulesets, Revision::ZERO, subscription(Resume::Now));
    let (first, second) = (begin().await.unwrap(), begin().await.unwrap());
    assert_eq!(state.news.followed(), [acme()]);
    drop(first);
    tokio::task::yield_now().await;
    assert_eq!(state.news.followed(), [acme()]);
    drop(second);
    while !state.news.followed().is_empty() {
        tokio::task::yield_now().await;
    }
    let mut again = Box::pin(begin().await.unwrap());
    assert_eq!(next(&mut again).await.unwrap(), "event: ready id: 0");
    let revision = write(&fixture);
    state.news.tell(&acme(), revision);
    assert_eq!(next(&mut again).await.unwrap(), format!("event: flag.created id: {revision}"));
}

#[actix_web::test]
async fn at_the_end_streams_say_so_and_those_that_begin_end_at_once() {
    let fixture = Fixture::new();
    let state = &fixture.state;
    let begin = || state.streams.begin(&state.rulesets, Revision::ZERO, subscription(Resume::Now));
    let mut before = Box::pin(begin().await.unwrap());
    assert_eq!(next(&mut before).await.unwrap(), "event: ready id: 0");
    state.streams.end();
    let mut after = Box::pin(begin().await.unwrap());
    assert_eq!(next(&mut after).await.unwrap(), "event: ready id: 0");
    for stream in [&mut before, &mut after] {
        assert_eq!(next(stream).await.unwrap(), ": the server is stopping");
        assert_eq!(next(stream).await, None);
    }
}

#[actix_web::test]
async fn a_subscriber_takes_little_memory() {
    let fixture = Fixture::new();
    let state = &fixture.state;
    let stream = state.streams.begin(&state.rulesets, Revision::ZERO, subscription(Resume::Now)).await.unwrap();
    let bytes = size_of_val(&stream);
    assert!(bytes <= 1_536, "{bytes} bytes for each");
}
