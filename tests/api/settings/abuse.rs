//! Requests that no page makes: each gets an answer that is the client's fault, with every header,
//! and none changes anything.

use lambda_http::http::{Method, Uri};
use store::sessions::Scope;

use crate::support::settings::{Browser, Page};

/// How many requests are made.
const REQUESTS: usize = 1_500;

/// Parts of paths, of forms and of parameters, from the page's own and from attackers'.
const PARTS: &[&str] = &[
    "settings",
    "open",
    "links",
    "keys",
    "clients",
    "secret",
    "trust",
    "acme.0123456789ab",
    "htscs_acme_AAAA",
    "rotate",
    "revoke",
    "connect",
    "status",
    "people",
    "requests",
    "activity",
    "static",
    "safety",
    "language",
    "api",
    "end",
    "..",
    "%2e%2e",
    "%00",
    "%ff",
    "%",
    "htlink_acme_",
    "htsession_acme_AAAA",
    "htscim_acme_AAAA",
    "acme",
    "",
    "<script>",
    "\u{202e}",
    "00000000-0000-4000-8000-000000000000",
    "9999999999999999999999",
    "' OR 1=1",
    "{{7*7}}",
    "2026-11-01T00:00:00Z",
    "2026-11-01T00:00:00Z%23U%230",
    "-9999-01-01T00:00:00Z",
];

/// The fields of every form and parameter.
const FIELDS: &[&str] = &[
    "token", "form", "label", "days", "overlap", "confirm", "api", "sure", "back", "language",
    "name", "from", "tenant", "for", "years", "issuer", "jwks", "subject", "audience",
];

fn part(random: &mut fastrand::Rng) -> String {
    match random.u8(..20) {
        0 => "a".repeat(random.usize(1..5_000)),
        1 => std::iter::repeat_with(|| random.char(..))
            .take(20)
            .collect(),
        _ => (*random.choice(PARTS).unwrap()).to_owned(),
    }
}

fn pairs(random: &mut fastrand::Rng) -> String {
    let count = random.usize(..5);
    let pairs = (0..count).map(|_| {
        let name = random.choice(FIELDS).unwrap();
        format!("{name}={}", part(random))
    });
    pairs.collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn nothing_breaks_the_page_and_nothing_is_changed() {
    let page: Page = super::pages::stage().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let token = visitor.get("/settings").await.field("token");
    let before = (
        page.directory.items("acme").await,
        page.directory.secrets_of("acme").await,
    );
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut accepted = 0;
    for number in 0..REQUESTS {
        let depth = random.usize(..4);
        let path: String = (0..depth)
            .map(|_| format!("/{}", part(&mut random)))
            .collect();
        let path = format!("/settings{path}?{}", pairs(&mut random));
        // What no client can put into a request line is not sent.
        let path: String = path.chars().filter(char::is_ascii_graphic).collect();
        if path.parse::<Uri>().is_err() {
            continue;
        }
        let stranger = Browser::new(&page);
        let is_known = random.bool();
        let browser = if is_known { &visitor } else { &stranger };
        let methods = [Method::GET, Method::POST, Method::PUT, Method::HEAD];
        let method = random.choice(methods).unwrap();
        // The end of the session and its language are what this session may well change.
        if path.starts_with("/settings/end") || path.starts_with("/settings/language") {
            continue;
        }
        let mut body = pairs(&mut random);
        if random.bool() {
            body = format!("token={token}&{body}");
        }
        let kinds = [
            "application/x-www-form-urlencoded",
            "text/plain",
            "application/json",
        ];
        let headers = [
            (
                "sec-fetch-site",
                *random.choice(&["same-origin", "cross-site", "x"]).unwrap(),
            ),
            (
                "origin",
                *random
                    .choice(&["null", "https://evil.example", ""])
                    .unwrap(),
            ),
            ("content-type", *random.choice(&kinds).unwrap()),
            (
                "accept-language",
                *random.choice(&["de", "en", "\"", "xx;q=9"]).unwrap(),
            ),
        ];
        let reply = browser.send(method.clone(), &path, &headers, &body).await;
        let context = format!("seed {seed}, request {number}: {method} {path} {body}");
        assert!(reply.status < 500, "{context}: {}", reply.text);
        assert_ne!(reply.header("content-security-policy"), "", "{context}");
        assert_eq!(reply.key(), None, "{context}");
        assert!(
            !reply.text.contains("<script>"),
            "{context}: {}",
            reply.text
        );
        let is_shown = is_known || reply.status != 200 || path.contains("static");
        assert!(is_shown, "{context}: {}", reply.text);
        accepted += usize::from(reply.status == 200);
    }
    assert!(accepted > 0, "seed {seed}");
    let after = (
        page.directory.items("acme").await,
        page.directory.secrets_of("acme").await,
    );
    assert_eq!(before, after, "seed {seed}");
}
