//! A stop does not wait for targets.

use std::time::{Duration, Instant};

use ff_test_support::{Reply, Target};

use crate::harness::{admin_of, each_own};
use crate::webhooks::steps::{create, create_flags, revisions};

#[test]
fn a_server_stops_promptly_with_an_attempt_in_flight_which_the_next_one_makes_again() {
    each_own(
        // `Server::wait` has as much patience as the attempt would take.
        |setup| setup.variable("WEBHOOK_TIMEOUT_MS", "60000").variable("WEBHOOK_LEASE_MS", "3600000"),
        |server| {
            let api = admin_of(server);
            let target = Target::start();
            target.reply_once(Reply::Never);
            create(&api, &target, &["*"]);
            create_flags(&api, 1);
            target.wait_for(1);
            let asked = Instant::now();
            server.terminate();
            assert!(server.wait().success());
            assert!(asked.elapsed() < Duration::from_secs(45), "the attempt would have taken 60 s, the stop took {:?}", asked.elapsed());
            assert_eq!(revisions(&target.received()), [2]);
            server.start_again();
            let received = target.wait_for(2);
            assert_eq!(received[0].id(), received[1].id(), "nobody waits for the lease to run out");
        },
    );
}
