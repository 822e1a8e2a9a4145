//! Targets that take their time, and worse: they hold up nobody but themselves.

use ff_test_support::{Reply, Setup, Target};

use crate::harness::{admin_of, each_own, fresh_tenant};
use crate::sample::boolean;
use crate::webhooks::steps::{create, create_flags, impatient, persistent};

/// Long enough that everything else is done before an attempt that hangs is given up.
fn patient(setup: Setup) -> Setup {
    setup.variable("WEBHOOK_TIMEOUT_MS", "60000").variable("WEBHOOK_LEASE_MS", "3600000").variable("WEBHOOK_CONCURRENCY_MAX", "4")
}

#[test]
fn a_target_that_hangs_holds_up_no_other_of_its_tenant() {
    each_own(
        |setup| patient(setup).variable("WEBHOOK_CONCURRENCY_MAX", "8"),
        |server| {
            let api = admin_of(server);
            let (slow, fast) = (Target::start(), Target::start());
            slow.reply(Reply::Never);
            create(&api, &slow, &["*"]);
            create(&api, &fast, &["*"]);
            create_flags(&api, 30);
            fast.wait_for(30);
            assert_eq!(slow.received().len(), 1, "one attempt at a time, and it hangs");
        },
    );
}

#[test]
fn a_tenant_whose_targets_all_hang_leaves_room_for_the_others() {
    each_own(patient, |server| {
        let api = admin_of(server);
        let (slow, fast) = (Target::start(), Target::start());
        slow.reply(Reply::Never);
        (0..10).for_each(|_| drop(create(&api, &slow, &["*"])));
        create_flags(&api, 1);
        slow.wait_for(1);
        let other = api.tenant(&fresh_tenant());
        create(&other, &fast, &["*"]);
        create_flags(&other, 30);
        fast.wait_for(30);
        assert_eq!(slow.received().len(), 1, "a quarter of four places");
    });
}

#[test]
fn targets_that_send_garbage_drip_or_never_end_harm_nobody() {
    each_own(
        |setup| persistent(impatient(setup)),
        |server| {
            let api = admin_of(server);
            let fast = Target::start();
            let bad: Vec<Target> = [Reply::Garbage, Reply::Drip, Reply::Endless, Reply::Close, Reply::Never]
                .into_iter()
                .map(|reply| {
                    let target = Target::start();
                    target.reply(reply);
                    create(&api, &target, &["*"]);
                    target
                })
                .collect();
            create(&api, &fast, &["*"]);
            create_flags(&api, 20);
            fast.wait_for(20);
            bad.iter().for_each(|target| drop(target.wait_for(2)));
            // The one that never ends has answered 200, and that is what counts.
            bad[2].wait_for(20);
            api.post("/v1/evaluate", &serde_json::json!({"flag_key": "f0", "user": {"id": "u"}})).ok();
            api.post("/v1/flags", &boolean("more")).created();
            fast.wait_for(21);
        },
    );
}
