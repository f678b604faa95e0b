//! What a client does with a response by itself: goes where it sends it, keeps its cookies, unpacks its body.

use std::sync::Arc;

use net::{Client, Config, Encoding, Error, Request};
use tokio::io::AsyncWriteExt;

use crate::peer::{EMPTY, answering, client, error, exchange, finish, get, head, peer};

/// A peer that answers each path as `answer` says of the request's head.
async fn site(answer: impl Fn(&str) -> Vec<u8> + Clone + Send + 'static) -> String {
    peer(move |_, mut stream| {
        let answer = answer.clone();
        async move {
            while let Some(head) = head(&mut stream).await {
                if stream.write_all(&answer(&head)).await.is_err() {
                    break;
                }
            }
        }
    })
    .await
}

fn empty(status: u16, header: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} x\r\n{header}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn each_hop_is_an_exchange_and_the_last_one_is_what_comes_of_it() {
    let url = site(|head| match head.split(' ').nth(1) {
        Some("/") => empty(302, "location: /next"),
        Some("/next") => empty(307, "location: last"),
        _ => empty(200, "x: y"),
    })
    .await;
    let mut client = client();
    let id = client.start(get(&url));
    let finished = finish(&mut client).await;
    let told: Vec<_> = finished
        .iter()
        .map(|(ended, exchange)| {
            assert_eq!(*ended, id);
            assert!(exchange.sent > 0 && exchange.received > 0);
            let to = exchange.redirected.as_ref().map(|to| to.as_str().replace(&url, "/"));
            (exchange.result.as_ref().expect("a response").status.as_u16(), to, exchange.reused)
        })
        .collect();
    let to = |path: &str| Some(path.to_owned());
    assert_eq!(told, [(302, to("/next"), false), (307, to("/last"), true), (200, None, true)]);
}

#[tokio::test]
async fn a_redirect_in_a_circle_ends_at_the_limit() {
    let url = site(|_| empty(302, "location: /")).await;
    for (limit, hops) in [(Some(3), 4), (Some(0), 1), (None, 11)] {
        let mut client = client();
        client.start(Request { redirects: limit, ..get(&url) });
        let finished = finish(&mut client).await;
        assert_eq!(finished.len(), hops, "{limit:?}");
        let (_, last) = finished.last().expect("one at least");
        assert_eq!(last.result.as_ref().expect("a response").status, 302, "{limit:?}");
        assert_eq!(last.redirected, None);
    }
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_is_an_error() {
    let url = site(|_| empty(302, "location: ftp://a.test/")).await;
    let ended = exchange(&mut client(), get(&url)).await;
    assert_eq!(ended.redirected, None);
    assert!(matches!(error(&ended), Error::MalformedResponse(_)), "{ended:?}");
}

#[tokio::test]
async fn cookies_are_sent_back_until_they_are_forgotten() {
    let url = site(|head| {
        let sent = head.lines().find_map(|line| line.strip_prefix("cookie: ")).unwrap_or("none");
        let set = if head.contains("/login") { "set-cookie: id=7; Path=/" } else { "x: y" };
        empty(200, &format!("x-sent: {sent}\r\n{set}"))
    })
    .await;
    let mut client = client();
    let login = format!("{url}login");
    let mut cookies = Vec::new();
    for step in ["", "login", "", "mark", "reset", "", "clear", ""] {
        match step {
            "mark" => client.mark_cookies(),
            "reset" => client.reset_cookies(),
            "clear" => client.clear_cookies(),
            step => {
                let request = get(if step == "login" { &login } else { &url });
                let response = exchange(&mut client, request).await.result.expect("a response");
                let sent = response.headers.get("x-sent").expect("it says").to_vec();
                cookies.push(String::from_utf8(sent).expect("text"));
            }
        }
    }
    assert_eq!(cookies, ["none", "none", "id=7", "id=7", "none"]);
}

#[tokio::test]
async fn a_redirect_carries_each_cookie_once_and_a_scripts_own_only_to_its_host() {
    let other = site(|head| empty(200, &told(head))).await;
    let to_other = other.clone();
    let url = site(move |head| match head.split(' ').nth(1) {
        Some("/") => empty(302, "set-cookie: a=1\r\nlocation: /2"),
        Some("/2") => empty(302, &format!("{}\r\nlocation: /3", told(head))),
        _ => empty(302, &format!("{}\r\nlocation: {to_other}", told(head))),
    })
    .await;
    fn told(head: &str) -> String {
        let sent = head.lines().find_map(|line| line.strip_prefix("cookie: ")).unwrap_or("none");
        format!("x-sent: {sent}")
    }
    let mut request = get(&url);
    request.headers.insert("cookie", http::HeaderValue::from_static("own=1"));
    let mut client = client();
    client.start(request);
    let sent: Vec<String> = finish(&mut client)
        .await
        .iter()
        .filter_map(|(_, hop)| hop.result.as_ref().ok()?.headers.get("x-sent"))
        .map(|sent| String::from_utf8_lossy(sent).into_owned())
        .collect();
    // Cookies know no ports: the jar's goes to the other server of the same address.
    assert_eq!(sent, ["own=1; a=1", "own=1; a=1", "a=1"]);
}

#[tokio::test]
async fn a_packed_body_arrives_unpacked_and_is_counted_as_it_was_sent() {
    let body = b"hello ".repeat(1_000);
    let packed = Encoding::Gzip.pack(&body);
    let length = packed.len();
    let url = site(move |_| {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n"
        );
        [head.as_bytes(), &packed].concat()
    })
    .await;
    let mut usual = client();
    let ended = exchange(&mut usual, get(&url)).await;
    assert!(ended.received < 500, "{}", ended.received);
    assert_eq!(ended.result.expect("a response").body, body);

    let limited = Config { body_limit: 1_000, ..Config::default() };
    let mut limited = Client::new(Arc::new(limited));
    let ended = exchange(&mut limited, get(&url)).await;
    assert_eq!(error(&ended), &Error::BodyTooLarge(1_000), "packed it would have fitted");
}

#[tokio::test]
async fn a_body_that_is_not_packed_as_it_says_is_an_error() {
    let url =
        answering(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello")
            .await;
    let ended = exchange(&mut client(), get(&url)).await;
    assert!(error(&ended).to_string().contains("its body is not gzip"), "{ended:?}");
}

#[tokio::test]
async fn a_challenge_is_answered_and_the_next_request_answers_it_at_once() {
    let url = peer(|_, mut stream| async move {
        while let Some(head) = head(&mut stream).await {
            let answer: &[u8] = match head.contains("\r\nauthorization: Digest username=\"ada\", ") {
                true => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nin",
                false => {
                    b"HTTP/1.1 401 No\r\nwww-authenticate: Digest realm=r, nonce=n\r\ncontent-length: 3\r\n\r\nout"
                }
            };
            stream.write_all(answer).await.expect("an answer");
        }
    })
    .await;
    let mut client = client();
    let request = |url: &str| {
        let digest = Some(net::Digest::new("ada".to_owned(), "secret".to_owned()));
        Request { digest, ..get(url) }
    };
    for statuses in [&[401, 200][..], &[200]] {
        client.start(request(&url));
        let finished = finish(&mut client).await;
        let found: Vec<_> = finished
            .iter()
            .map(|(_, exchange)| exchange.result.as_ref().expect("a response").status.as_u16())
            .collect();
        assert_eq!(found, statuses);
        assert!(finished.iter().rev().skip(1).all(|(_, exchange)| exchange.redirected.is_some()));
    }
    // Who is read as it comes is read when the answer was right.
    let download = net::Download::default();
    let body_policy = net::BodyPolicy::Stream(download.clone());
    let mut fresh = crate::peer::client();
    fresh.start(Request { body_policy, ..request(&url) });
    assert_eq!(finish(&mut fresh).await.len(), 2);
    assert_eq!(download.head().expect("a head").response.status, 200);
}

#[tokio::test]
async fn a_verbatim_request_gets_what_the_peer_said_and_leaves_nothing_behind() {
    let packed = Encoding::Gzip.pack(b"hello");
    let body = packed.clone();
    let url = site(move |head| {
        let sent = head.lines().find_map(|line| line.strip_prefix("cookie: ")).unwrap_or("none");
        let head = format!(
            "HTTP/1.1 302 x\r\nlocation: /next\r\nset-cookie: seen=1\r\nx-sent: {sent}\r\n\
             content-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), &body].concat()
    })
    .await;
    let mut client = client();
    // The cookie of a verbatim response is not kept; one that is kept is not sent with a verbatim request.
    for (verbatim, redirects, sent) in [
        (true, Some(3), "none"),
        (false, Some(0), "none"),
        (true, None, "none"),
        (false, Some(0), "seen=1"),
    ] {
        let request = Request { verbatim, redirects, ..get(&url) };
        let response = exchange(&mut client, request).await.result.expect("a response");
        assert_eq!(response.status, 302);
        assert_eq!(response.headers.get("x-sent"), Some(sent.as_bytes()));
        assert_eq!(response.body, if verbatim { &packed[..] } else { b"hello" });
    }
}

#[tokio::test]
async fn a_number_that_is_reserved_is_that_of_the_exchange_that_begins_later() {
    let url = answering(EMPTY).await;
    let mut client = client();
    let (reserved, never) = (client.reserve(), client.reserve());
    let started = client.start(get(&url));
    assert_eq!(client.running(), 1, "nothing has begun that was only reserved");
    client.begin(reserved, get(&url));
    let mut ended: Vec<_> = finish(&mut client).await.into_iter().map(|(id, _)| id).collect();
    ended.sort();
    assert_eq!(ended, [reserved, started]);
    assert!(!ended.contains(&never));
}

#[tokio::test]
async fn each_hop_tells_its_peer_the_span_that_it_is_and_stays_in_one_trace() {
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let hear = Arc::clone(&heard);
    let url = site(move |head| {
        let said = head.lines().filter_map(|line| line.strip_prefix("traceparent: "));
        hear.lock().expect("nobody failed").push(said.collect::<Vec<_>>().join(","));
        match head.split(' ').nth(1) {
            Some("/") => empty(302, "location: /next"),
            _ => empty(200, "x: y"),
        }
    })
    .await;
    let config = Config { traced_share: 1.0, ..Config::default() };
    let mut client = Client::new(Arc::new(config));
    client.start(get(&url));
    let finished = finish(&mut client).await;
    let contexts: Vec<_> = finished
        .iter()
        .map(|(_, exchange)| exchange.request.as_ref().and_then(|it| it.trace).expect("chosen"))
        .collect();
    let expected: Vec<_> =
        contexts.iter().map(|it| format!("00-{:032x}-{:016x}-01", it.trace, it.span)).collect();
    assert_eq!(*heard.lock().expect("nobody failed"), expected);
    assert_eq!(contexts[0].trace, contexts[1].trace);
    assert_ne!(contexts[0].span, contexts[1].span);

    let mut client = Client::new(Arc::new(Config::default()));
    let untraced = exchange(&mut client, get(&format!("{url}last"))).await;
    assert!(untraced.request.is_none());
    assert_eq!(heard.lock().expect("nobody failed").last().map(String::as_str), Some(""));
}
