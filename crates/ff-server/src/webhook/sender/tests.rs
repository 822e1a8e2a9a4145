use std::time::Duration;

use ff_test_support::{Reply, Target};

use super::*;

const TIMEOUT: Duration = Duration::from_millis(400);

/// What an attempt took at most, on a machine that is busy.
const DONE: Duration = Duration::from_secs(10);

fn message() -> Message {
    Message { id: "evt_1".to_owned(), body: b"{\"type\":\"x\"}".to_vec() }
}

fn attempt(networks: &str, url: &str) -> Attempt {
    Sender::new(networks.parse().unwrap(), TIMEOUT).send(url, &message(), &[WebhookSecret::from_base64("c2VjcmV0")]).unwrap()
}

fn local(target: &Target) -> Attempt {
    attempt("127.0.0.0/8,::1", &target.url())
}

#[test]
fn a_message_arrives_as_it_is_with_its_headers() {
    let target = Target::start();
    let sent = local(&target);
    assert!(sent.is_success() && sent.status == Some(200), "{sent:?}");
    let received = &target.wait_for(1)[0];
    assert_eq!((received.path.as_str(), received.body.as_slice()), ("/hook?x=1", message().body.as_slice()));
    assert_eq!(received.header("content-type"), "application/json");
    assert!(received.header("user-agent").starts_with("ff-webhooks/"), "{received:?}");
    assert_eq!(received.id(), "evt_1");
    let at: u64 = received.header("webhook-timestamp").parse().unwrap();
    assert!(clock::now_s() - at < 60);
    assert_eq!(received.header("webhook-signature"), message().signatures(at, &[WebhookSecret::from_base64("c2VjcmV0")]).unwrap());
    assert!(received.headers.iter().all(|(name, _)| name != "cookie" && name != "authorization"), "{received:?}");
}

#[test]
fn only_2xx_is_success_and_no_redirect_is_followed() {
    let (target, elsewhere) = (Target::start(), Target::start());
    for (status, is_success) in
        [(200, true), (204, true), (299, true), (301, false), (302, false), (400, false), (410, false), (500, false)]
    {
        target.reply(Reply::With(status, "Location", elsewhere.url()));
        let sent = local(&target);
        assert_eq!((sent.status, sent.is_success(), sent.is_gone()), (Some(status), is_success, status == 410), "{sent:?}");
    }
    target.reply(Reply::With(307, "Location", elsewhere.url()));
    assert_eq!(local(&target).error.unwrap(), "answered 307; redirects are not followed");
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn a_target_that_hangs_drips_sends_garbage_or_gigabytes_ends_in_time() {
    let target = Target::start();
    for (reply, status, error) in [
        (Reply::Never, None, Some("no answer came in time")),
        (Reply::Drip, None, Some("no answer came in time")),
        (Reply::Garbage, None, Some("the answer is no HTTP")),
        (Reply::Close, None, Some("the connection was closed before an answer came")),
        (Reply::Endless, Some(200), None),
    ] {
        target.reply(reply.clone());
        let sent = local(&target);
        assert_eq!((sent.status, sent.error.as_deref()), (status, error), "{reply:?}");
        assert!(sent.duration < DONE, "{reply:?}: {sent:?}");
    }
}

#[test]
fn what_cannot_be_reached_is_told_without_the_url() {
    let refused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sent = attempt("127.0.0.0/8", &format!("http://127.0.0.1:{refused}/secret"));
    assert_eq!(sent.error.as_deref(), Some("the connection was refused"));
    let sent = attempt("127.0.0.0/8", "http://no-such-host.invalid/secret");
    assert!(
        ["the host's name leads nowhere", "the host's name was not resolved in time"].contains(&sent.error.as_deref().unwrap()),
        "{sent:?}"
    );
    let target = Target::start();
    let sent = attempt("127.0.0.0/8", &target.url().replace("http:", "https:"));
    assert!(sent.status.is_none() && !sent.is_success(), "what speaks no TLS is not spoken to: {sent:?}");
    assert_eq!(target.received().len(), 0);
}

#[test]
fn names_are_held_to_the_fence_by_the_address_that_they_lead_to() {
    let target = Target::start();
    for (networks, url) in [
        ("", format!("http://localhost:{}/", target.port())),
        ("", format!("https://localhost:{}/", target.port())),
        ("", target.url()),
        ("10.0.0.0/8", format!("http://localhost:{}/", target.port())),
        ("10.0.0.0/8", format!("https://[::ffff:127.0.0.1]:{}/", target.port())),
    ] {
        let sent = attempt(networks, &url);
        assert_eq!(sent.error.as_deref(), Some("the host's address is not one that webhooks may be sent to"), "{networks} {url}");
    }
    assert_eq!(target.connections(), 0, "nothing was connected to");
    assert!(attempt("127.0.0.1", &format!("http://localhost:{}/", target.port())).is_success());
}

#[test]
fn a_target_may_say_when_it_wants_to_be_asked_again() {
    let target = Target::start();
    let date = |seconds| HttpDate::from(SystemTime::now() + Duration::from_secs(seconds)).to_string();
    for (value, least, most) in [("7".to_owned(), 7, 7), (date(100), 90, 100), ("99999999999999999999".to_owned(), 1_000_000, u64::MAX)] {
        target.reply(Reply::With(503, "Retry-After", value.clone()));
        let asked = local(&target).retry_after.unwrap().as_secs();
        assert!((least..=most).contains(&asked), "{value}: {asked}");
    }
    for value in ["", "soon", "-1", "1.5"] {
        target.reply(Reply::With(429, "Retry-After", value.to_owned()));
        assert_eq!(local(&target).retry_after, None, "{value}");
    }
}
