//! Links to the settings page: issued, opened once, ended. Nothing of them is kept but a digest.

use account::entrance::{Opened, Why, look, open};
use futures_util::future::join_all;
use serde_json::Value;
use store::Meter;
use store::sessions::{IDLE, LONGEST, Scope, Sessions};
use tenant::{LinkToken, TenantId};
use time::{Duration, OffsetDateTime};

use crate::support::admin::Admin;
use crate::support::directory::DirectoryTable;

const BASE: &str = "https://scim.example/settings/open/";

async fn stage() -> (DirectoryTable, Admin, Sessions) {
    let (_, directory, admin) = Admin::with_service().await;
    let store = admin.store();
    let table = admin.sessions_table();
    store.create_sessions_table(&table).await.unwrap();
    let sessions = store.sessions(&table);
    (directory, admin, sessions)
}

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

async fn create(admin: &Admin, more: &str) -> (LinkToken, Value) {
    let command =
        format!("link create acme --for it@acme.example --public-url https://scim.example/ {more}");
    let (code, created) = admin.json(&command).await;
    assert_eq!(code, 0, "{created}");
    let secret = created["url"].as_str().unwrap().strip_prefix(BASE).unwrap();
    (LinkToken::parse(secret).unwrap(), created)
}

async fn opened(sessions: &Sessions, token: &LinkToken) -> Opened {
    let meter = Meter::default();
    open(sessions, token, "Firefox", &meter).await.unwrap()
}

#[tokio::test]
async fn a_link_opens_one_session_once() {
    let (directory, admin, sessions) = stage().await;
    let (token, created) = create(&admin, "").await;
    assert_eq!(created["id"], token.id().as_str());
    // Whoever looks at it, as mail scanners do, changes nothing.
    let meter = Meter::default();
    for _ in 0..20 {
        let (link, name) = look(&sessions, &token, &meter).await.unwrap().unwrap();
        assert_eq!(
            (link.issued_for.as_str(), name.as_str()),
            ("it@acme.example", "acme")
        );
        assert_eq!(link.scope, Scope::Setup);
    }
    let all = join_all((0..16).map(|_| opened(&sessions, &token))).await;
    let mut secrets = Vec::new();
    for outcome in all {
        match outcome {
            Opened::Session(secret, session) => secrets.push((secret, session)),
            Opened::Not(Why::Used(link)) => assert_eq!(link.used.unwrap().browser, "Firefox"),
            Opened::Not(why) => panic!("{why:?}"),
        }
    }
    let [(secret, session)] = secrets.try_into().unwrap();
    assert_eq!((&session.tenant, session.link), (&acme(), token.id()));

    // Only digests are kept, in any table, and nobody's name on the log.
    let (_, log) = admin.json("audit acme").await;
    let tables = directory.dump().await + &log.to_string();
    for kept in [token.expose(), secret.expose(), "it@acme.example"] {
        assert!(!tables.contains(kept), "{kept}");
    }
    let acts: Vec<&str> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["act"].as_str().unwrap())
        .collect();
    assert_eq!(acts[acts.len() - 2..], ["createLink", "openLink"]);
    let (_, listed) = admin.json("link list acme").await;
    let shown = listed.to_string();
    assert!(
        !shown.contains("htlink_") && !shown.contains("htsession_"),
        "{shown}"
    );
    assert_eq!(listed["links"][0]["state"], "opened");
    assert_eq!(listed["sessions"][0]["id"], secret.id().as_str());

    let (code, said) = admin.run("link revoke acme").await;
    assert_eq!(code, 0, "{said}");
    let now = OffsetDateTime::now_utc();
    assert_eq!(sessions.session(&secret, now, &meter).await.unwrap(), None);
    let (_, listed) = admin.json("link list acme").await;
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_link_that_opens_nothing_says_why() {
    let (directory, admin, sessions) = stage().await;
    let meter = Meter::default();
    let (first, _) = create(&admin, "").await;
    // One of another scope leaves it alone, and one of the same takes its place.
    let (view, _) = create(&admin, "--scope view").await;
    assert!(look(&sessions, &first, &meter).await.unwrap().is_ok());
    let (second, _) = create(&admin, "--lasts 1m").await;
    assert_eq!(
        look(&sessions, &first, &meter).await.unwrap(),
        Err(Why::Gone)
    );
    assert!(matches!(
        opened(&sessions, &first).await,
        Opened::Not(Why::Gone)
    ));
    let Opened::Session(_, session) = opened(&sessions, &view).await else {
        panic!("the link opens nothing");
    };
    assert_eq!(session.scope, Scope::View);

    // Of a tenant that is disabled, deleted, or another one of the same id.
    assert_eq!(admin.run("tenant disable acme --reason x").await.0, 0);
    assert!(matches!(
        opened(&sessions, &second).await,
        Opened::Not(Why::Closed)
    ));
    assert_eq!(admin.run("tenant enable acme").await.0, 0);
    assert_eq!(admin.run("link revoke acme").await.0, 0);
    assert!(matches!(
        opened(&sessions, &second).await,
        Opened::Not(Why::Ended(_))
    ));
    let beta = LinkToken::from_secret(&TenantId::parse("beta").unwrap(), [7; 32]);
    assert!(matches!(
        opened(&sessions, &beta).await,
        Opened::Not(Why::Gone)
    ));

    // What is left of a tenant goes with it.
    assert_eq!(admin.run("tenant disable acme --reason x").await.0, 0);
    directory
        .plant_disabled("acme", "2026-01-01T00:00:00Z")
        .await;
    let delete = "tenant delete acme --confirm acme --reason x";
    assert_eq!(admin.run(delete).await.0, 0);
    let left = sessions.links(&acme(), &meter).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(admin.run("tenant create acme --again").await.0, 0);

    for (command, told) in [
        (
            "link create beta --for x --public-url https://a.example",
            "does not exist",
        ),
        (
            "link create acme --for x --public-url a.example",
            "starts with https://",
        ),
        (
            "link create acme --for x --public-url https://a.example --lasts 8days",
            "7days",
        ),
        ("link list beta", "does not exist"),
    ] {
        let (code, said) = admin.run(command).await;
        assert_ne!(code, 0, "{command}");
        assert!(said.contains(told), "{said}");
    }
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it_and_in_any_case() {
    let (_, admin, sessions) = stage().await;
    let meter = Meter::default();
    let (token, _) = create(&admin, "").await;
    let Opened::Session(secret, session) = opened(&sessions, &token).await else {
        panic!("the link opens nothing");
    };
    let start = session.created;
    let at = async |after: Duration| {
        let found = sessions.session(&secret, start + after, &meter).await;
        found.unwrap()
    };
    // Requests keep it alive, at one write a minute at most.
    let before = meter.cost().write_units;
    for _ in 0..5 {
        assert!(at(Duration::seconds(30)).await.is_some());
    }
    assert_eq!(meter.cost().write_units, before);
    let mut after = Duration::ZERO;
    while after + IDLE / 2 < LONGEST {
        after += IDLE / 2;
        let session = at(after).await.unwrap();
        let ends = (start + after + IDLE).min(start + LONGEST);
        assert!((ends - session.ends()).whole_milliseconds() < 1);
    }
    assert_eq!(at(LONGEST).await, None);

    let (token, _) = create(&admin, "").await;
    let Opened::Session(secret, session) = opened(&sessions, &token).await else {
        panic!("the link opens nothing");
    };
    let later = session.created + IDLE;
    assert_eq!(
        sessions.session(&secret, later, &meter).await.unwrap(),
        None
    );
    // A form works once in a session, and the end of a session is the end.
    let now = OffsetDateTime::now_utc();
    let uses = join_all((0..8).map(|_| sessions.use_form(&secret, "one", now, &meter))).await;
    let worked = uses.into_iter().filter(|used| *used.as_ref().unwrap());
    assert_eq!(worked.count(), 1);
    assert!(
        sessions
            .use_form(&secret, "two", now, &meter)
            .await
            .unwrap()
    );
    for _ in 0..2 {
        sessions.end_session(&secret, &meter).await.unwrap();
        assert_eq!(sessions.session(&secret, now, &meter).await.unwrap(), None);
    }
}
