//! How long a replica takes until it is ready, with many flags in many tenants.

use std::time::Instant;

use ff_core::{EnvironmentKey, Flag, Timestamp};
use ff_store::{Author, Store, StoreConfig, change, flag};
use ff_test_support::{Postgres, Setup};
use serde_json::json;

use crate::verdict::Verdict;
use crate::{Effort, PROGRAM, admin, percentile, workloads};

const TENANTS: usize = 20;

pub(crate) fn measure(postgres: &Postgres, effort: Effort, verdict: &mut Verdict) {
    let dsn = postgres.empty_database();
    let each = effort.flags / TENANTS;
    plant(&dsn, tenants(), each);
    println!("\n## start with {} flags in {TENANTS} tenants, {} runs", each * TENANTS, effort.starts);
    let (mut ready, mut evaluated, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.starts {
        let setup = Setup::new(PROGRAM).variable("DB_DSN", &dsn);
        let started = Instant::now();
        let server = setup.start();
        ready.push(started.elapsed().as_secs_f64() * 1_000.0);
        for tenant in tenants() {
            let question = json!({"flag_key": "flag-00003", "user": {"id": "u", "attributes": {"country": "CA"}}});
            admin(&server, &tenant).post("/v1/evaluate", &question).ok();
        }
        evaluated.push(started.elapsed().as_secs_f64() * 1_000.0);
        resident.push(server.resident_mib());
    }
    verdict.at_most("process started until listening and ready, median", percentile(&mut ready, 0.5), "ms", 1_000.0, 300.0);
    verdict.at_most("until a flag of each tenant was evaluated, median", percentile(&mut evaluated, 0.5), "ms", 3_000.0, 1_000.0);
    verdict.at_most("resident memory then, median", percentile(&mut resident, 0.5), "MiB", 60.0, 40.0);
}

fn tenants() -> impl Iterator<Item = String> {
    (0..TENANTS).map(|i| format!("tenant-{i:02}"))
}

/// So many flags in each tenant.
pub(crate) fn plant(dsn: &str, tenants: impl Iterator<Item = String>, flags: usize) {
    let store = Store::open(&StoreConfig::new(dsn.parse().unwrap())).unwrap();
    store.migrate().unwrap();
    let author = Author { actor: "bench".to_owned(), request_id: None, at: Timestamp::from_millis(1_795_248_000_000) };
    for tenant in tenants {
        change::run(&store, &tenant.parse().unwrap(), &author, |change| {
            for document in workloads::mix(flags) {
                flag::put_in(change, &EnvironmentKey::production(), Flag::from_value(&document).unwrap())?;
            }
            Ok::<_, ff_store::StoreError>(())
        })
        .unwrap();
    }
}
