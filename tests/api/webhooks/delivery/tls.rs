//! Deliveries by TLS: to whom a certificate of a trusted authority is shown, and to nobody else.

use std::io::Write;

use ff_test_support::{Authority, Certificate, Client, Setup, Target, Validity};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::harness::{admin_of, each_own};
use crate::webhooks::steps::{Hook, create_at, create_flags, hasty, revisions, verifies};

/// A server that trusts `authority`, too, and says all that it can.
fn trusting(setup: Setup, authority: &NamedTempFile) -> Setup {
    hasty(setup).variable("WEBHOOK_CA_FILE", authority.path().to_str().unwrap()).variable("LOG_LEVEL", "trace")
}

fn file_of(authority: &Authority) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(authority.pem().as_bytes()).unwrap();
    file
}

fn hook_of(api: &Client, target: &Target) -> Hook {
    create_at(api, &target.url_of("localhost"), &["flag.*"])
}

#[test]
fn changes_arrive_signed_where_the_operators_authority_vouches_for_the_target() {
    let authority = Authority::new("ours");
    let file = file_of(&authority);
    each_own(
        |setup| trusting(setup, &file),
        |server| {
            let api = admin_of(server);
            let target = Target::start_tls(&authority.issue(&["localhost"], Validity::Now).served());
            let hook = hook_of(&api, &target);
            let sent = api.post(&format!("{}/test", hook.path()), &json!({})).ok();
            assert_eq!((&sent["delivered"], &sent["status"], &sent["error"]), (&json!(true), &json!(200), &Value::Null));
            create_flags(&api, 3);
            let received = target.wait_for(4);
            assert_eq!(revisions(&received[1..]), [2, 3, 4]);
            assert!(received.iter().all(|request| verifies(request, &hook.secret)));
            hook.wait_for(&api, 2, "delivered");
            assert!(!server.output().text().contains("hook?x=1"), "the URL may be a secret, also of who reads the log");
        },
    );
}

#[test]
fn a_target_whose_certificate_does_not_hold_is_sent_nothing_and_the_delivery_says_why() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("theirs"));
    let file = file_of(&authority);
    each_own(
        |setup| trusting(setup, &file).variable("WEBHOOK_RETRY_MS", "10"),
        |server| {
            let api = admin_of(server);
            let cases: [(Certificate, &str); 4] = [
                (stranger.issue(&["localhost"], Validity::Now), "is not from an authority that this server trusts"),
                (authority.issue(&["secret.internal"], Validity::Now), "is for another host"),
                (authority.issue(&["localhost"], Validity::Past), "has expired"),
                (Certificate::self_signed(&["localhost"]), "is not one that a server may show, such as an authority's own"),
            ];
            let cases = cases.map(|(certificate, why)| (Target::start_tls(&certificate.served()), why));
            let hooks = cases.each_ref().map(|(target, _)| hook_of(&api, target));
            create_flags(&api, 1);
            for (hook, (target, why)) in hooks.iter().zip(&cases) {
                let error = json!(format!("the connection could not be secured: the target's certificate {why}"));
                let parked = hook.wait_for(&api, 0, "parked");
                assert_eq!((&parked["status"], &parked["error"]), (&Value::Null, &error));
                let sent = api.post(&format!("{}/test", hook.path()), &json!({})).ok();
                assert_eq!((&sent["delivered"], &sent["error"]), (&json!(false), &error));
                assert!(target.connections() >= 2 && target.received().is_empty(), "{why}");
            }
            let said = server.output().text();
            assert!(!said.contains("secret.internal") && !said.contains("hook?x=1"), "{said}");
        },
    );
}

#[test]
fn without_the_operators_word_only_the_authorities_of_browsers_are_trusted() {
    each_own(hasty, |server| {
        let api = admin_of(server);
        let target = Target::start_tls(&Authority::new("ours").issue(&["localhost"], Validity::Now).served());
        let sent = api.post(&format!("{}/test", hook_of(&api, &target).path()), &json!({})).ok();
        let error = "the connection could not be secured: the target's certificate is not from an authority that this server trusts";
        assert_eq!((&sent["delivered"], &sent["error"], target.received().len()), (&json!(false), &json!(error), 0));
    });
}
