use std::net::SocketAddr;
use std::time::Duration;

use ff_test_support::{Authority, Certificate, Reply, Target, Validity};
use socket2::{Domain, Socket, Type};

use super::*;

/// For attempts that end by themselves: it is not reached, however busy the machine is.
const PATIENT: Duration = Duration::from_secs(60);

/// For those that nothing else ends.
const SHORT: Duration = Duration::from_millis(400);

fn message() -> Message {
    Message { id: "evt_1".to_owned(), body: b"{\"type\":\"x\"}".to_vec() }
}

fn attempt(networks: &str, url: &str) -> Attempt {
    attempt_trusting(&TrustedRoots::default(), networks, url)
}

fn attempt_trusting(roots: &TrustedRoots, networks: &str, url: &str) -> Attempt {
    attempt_within(PATIENT, roots, networks, url)
}

fn attempt_within(timeout: Duration, roots: &TrustedRoots, networks: &str, url: &str) -> Attempt {
    let sender = Sender::new(networks.parse().unwrap(), roots, timeout);
    sender.send(url, &message(), &[WebhookSecret::from_base64("c2VjcmV0")]).unwrap()
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
        (Reply::With(200, "X", "x".repeat(100_000)), None, Some("the answer's head is too long")),
    ] {
        target.reply(reply.clone());
        let timeout = if matches!(reply, Reply::Never | Reply::Drip) { SHORT } else { PATIENT };
        let sent = attempt_within(timeout, &TrustedRoots::default(), "127.0.0.0/8", &target.url());
        assert_eq!((sent.status, sent.error.as_deref()), (status, error), "{reply:?}");
        // The target would go on for longer.
        assert!(sent.duration < PATIENT, "{reply:?}: {sent:?}");
    }
}

#[test]
fn what_cannot_be_reached_is_told_without_the_url() {
    // Bound, so that nobody else gets the port, and nobody listens on it.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let refused = socket.local_addr().unwrap().as_socket().unwrap().port();
    let sent = attempt("127.0.0.0/8", &format!("http://127.0.0.1:{refused}/secret"));
    assert_eq!(sent.error.as_deref(), Some("the connection was refused"));
    let sent = attempt("127.0.0.0/8", "http://no-such-host.invalid/secret");
    assert!(
        ["the host's name leads nowhere", "the host's name was not resolved in time"].contains(&sent.error.as_deref().unwrap()),
        "{sent:?}"
    );
}

/// What a target that is connected to as `localhost` comes to, by a sender that trusts `authority`, and what it was sent.
fn secured(authority: &Authority, target: &Target) -> (Attempt, usize) {
    let roots = TrustedRoots::with_bundle(authority.pem().as_bytes()).unwrap();
    let sent = attempt_trusting(&roots, "127.0.0.0/8", &target.url_of("localhost"));
    (sent, target.received().len())
}

#[test]
fn a_message_arrives_by_tls_where_the_authority_is_trusted() {
    let authority = Authority::new("ours");
    let target = Target::start_tls(&authority.issue(&["localhost", "127.0.0.1"], Validity::Now).served());
    let roots = TrustedRoots::with_bundle(format!("{}{}", Authority::new("other").pem(), authority.pem()).as_bytes()).unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let sent = attempt_trusting(&roots, "127.0.0.0/8", &target.url_of(host));
        assert!(sent.is_success() && sent.status == Some(200), "{host}: {sent:?}");
    }
    let received = &target.wait_for(2)[0];
    assert_eq!((received.path.as_str(), received.body.as_slice()), ("/hook?x=1", message().body.as_slice()));
    // Trust opens no network.
    let sent = attempt_trusting(&roots, "", &target.url_of("localhost"));
    assert_eq!(sent.error.as_deref(), Some("the host's address is not one that webhooks may be sent to"));
    assert_eq!(target.received().len(), 2);
}

#[test]
fn a_redirect_is_not_followed_by_tls_either() {
    let authority = Authority::new("ours");
    let target = Target::start_tls(&authority.issue(&["localhost"], Validity::Now).served());
    let elsewhere = Target::start();
    target.reply(Reply::With(307, "Location", elsewhere.url()));
    assert_eq!(secured(&authority, &target).0.error.unwrap(), "answered 307; redirects are not followed");
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn a_certificate_that_does_not_hold_is_told_of_without_what_it_says_and_nothing_is_sent() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("ours"));
    let ours = |hosts: &[&str], validity| authority.issue(hosts, validity).served();
    let good = authority.issue(&["localhost"], Validity::Now);
    for (config, why) in [
        (
            stranger.issue(&["localhost"], Validity::Now).served(),
            "the target's certificate is not from an authority that this server trusts",
        ),
        (ours(&["secret.internal", "127.0.0.1"], Validity::Now), "the target's certificate is for another host"),
        (ours(&[], Validity::Now), "the target's certificate is for another host"),
        (ours(&["localhost"], Validity::Past), "the target's certificate has expired"),
        (ours(&["localhost"], Validity::Future), "the target's certificate is not valid yet"),
        (
            Certificate::self_signed(&["localhost"]).served(),
            "the target's certificate is not one that a server may show, such as an authority's own",
        ),
        (authority.served_to_clients_of_its_own(&good), "the target asks for a certificate of this server, which has none"),
    ] {
        let (sent, received) = secured(&authority, &Target::start_tls(&config));
        let told = format!("the connection could not be secured: {why}");
        assert_eq!((sent.status, sent.error.as_deref(), received), (None, Some(told.as_str()), 0));
    }
    // Nor is one believed that is good where its authority is trusted.
    let sent = attempt("127.0.0.0/8", &Target::start_tls(&good.served()).url_of("localhost"));
    let told = "the connection could not be secured: the target's certificate is not from an authority that this server trusts";
    assert_eq!(sent.error.as_deref(), Some(told));
}

#[test]
fn a_target_that_speaks_no_tls_or_hangs_in_its_beginning_is_told_of() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for (port, why) in [
        (silent.local_addr().unwrap().port(), "no answer came in time"),
        (answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "the connection could not be secured: the target does not speak TLS"),
        (answering(b""), "the connection was closed before an answer came"),
    ] {
        let timeout = if why == "no answer came in time" { SHORT } else { PATIENT };
        let sent = attempt_within(timeout, &TrustedRoots::default(), "127.0.0.0/8", &format!("https://localhost:{port}/"));
        assert_eq!((sent.status, sent.error.as_deref()), (None, Some(why)));
        assert!(sent.duration < PATIENT, "{sent:?}");
    }
}

/// A port where whoever comes is told these bytes, once their first record of TLS is there, and no more.
fn answering(bytes: &'static [u8]) -> u16 {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            // All of it: what is left unread resets the connection.
            let mut head = [0; 5];
            connection.read_exact(&mut head).unwrap();
            let length = u16::from_be_bytes([head[3], head[4]]);
            connection.read_exact(&mut vec![0; usize::from(length)]).unwrap();
            connection.write_all(bytes).unwrap();
        }
    });
    port
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
    for (value, least, most) in [("7".to_owned(), 7, 7), (date(100), 40, 100), ("99999999999999999999".to_owned(), 1_000_000, u64::MAX)] {
        target.reply(Reply::With(503, "Retry-After", value.clone()));
        let asked = local(&target).retry_after.unwrap().as_secs();
        assert!((least..=most).contains(&asked), "{value}: {asked}");
    }
    for value in ["", "soon", "-1", "1.5"] {
        target.reply(Reply::With(429, "Retry-After", value.to_owned()));
        assert_eq!(local(&target).retry_after, None, "{value}");
    }
}
