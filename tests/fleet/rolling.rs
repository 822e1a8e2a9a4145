//! Replicas are replaced one after the other, under load.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ff_test_support::eventually;

use crate::fleet::{Fleet, flag, question};

const CLIENTS: usize = 4;

/// One evaluation by a client that tries the next replica once where a connection is refused, as every load balancer does.
fn evaluate(fleet: &Fleet) -> Result<(), String> {
    let body = question("f").to_string();
    let ask = |replica: usize| {
        let api = fleet.admin_if_there(replica).ok_or("the replica is being replaced".to_owned())?;
        api.try_send("POST", "/v1/evaluate", Some(("application/json", body.as_bytes()))).map_err(|error| error.to_string())
    };
    let first = fleet.next();
    let answer = ask(first).or_else(|_| ask(first + 1))?;
    if answer.status() == 200 { Ok(()) } else { Err(answer.to_string()) }
}

#[test]
fn a_rolling_restart_under_load_fails_no_evaluation() {
    let Some(fleet) = Fleet::start(|setup| setup) else { return };
    fleet.admin(0).post("/v1/flags", &flag("f")).created();
    for api in fleet.admins() {
        eventually("the flag to be served", || (api.post("/v1/evaluate", &question("f")).status() == 200).then_some(()));
    }
    let (is_over, done): (_, [AtomicUsize; CLIENTS]) = (AtomicBool::new(false), Default::default());
    let failed: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> = done
            .iter()
            .map(|done| {
                let (fleet, is_over) = (&fleet, &is_over);
                scope.spawn(move || {
                    let mut failed = Vec::new();
                    while !is_over.load(Ordering::Relaxed) {
                        if let Err(error) = evaluate(fleet) {
                            failed.push(error);
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    failed
                })
            })
            .collect();
        // Each client: one that still waits for the replica that was replaced must not be turned away by the next one, too.
        let go_on = || {
            for done in &done {
                let before = done.load(Ordering::Relaxed);
                eventually("evaluations to go on", || (done.load(Ordering::Relaxed) > before + 25).then_some(()));
            }
        };
        for server in fleet.servers() {
            go_on();
            server.terminate();
            assert!(server.wait().success());
            server.start_again();
        }
        go_on();
        is_over.store(true, Ordering::Relaxed);
        asking.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "{} of {done:?} failed: {:?}", failed.len(), failed.first());
}
