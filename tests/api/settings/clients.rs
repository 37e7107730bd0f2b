//! OAuth 2.0 clients: what the page changes, and what becomes of their tokens.

use store::Meter;
use store::sessions::Scope;
use tenant::{ClientId, ClientSecret, TenantId};
use time::{Duration, OffsetDateTime};

use crate::support::capture::logged_text;
use crate::support::oauth::{secret_fields, token_call, token_of};
use crate::support::settings::{Browser, Page, Reply};

const LIST: &str = "/settings/clients";
const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const SUBJECT: &str = "3f9c1b7a-2d4e-4c11-9a55-0d5e8b7c6a21";
const APP: &str = "9b1f2c3d-0000-4c11-9a55-0d5e8b7c6a21";

/// Opens a form, and sends it with these fields.
async fn submit(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Reply {
    let asked = browser.get(path).await;
    assert_eq!(asked.status, 200, "{path}: {}", asked.text);
    let (token, form) = (asked.field("token"), asked.field("form"));
    let own = [("token", token.as_str()), ("form", &form)];
    let fields: Vec<_> = own.into_iter().chain(fields.iter().copied()).collect();
    browser.post(path, &fields).await
}

/// Sends a form that asks whether something is to be revoked.
async fn revoke(browser: &Browser<'_>, path: &str, confirm: &str) -> Reply {
    let asked = browser.get(path).await;
    assert_eq!(asked.status, 200, "{path}: {}", asked.text);
    let token = asked.field("token");
    let fields = [("token", token.as_str()), ("confirm", confirm)];
    browser.post(path, &fields).await
}

/// What is shown under a name.
fn shown(reply: &Reply, id: &str) -> String {
    let start = format!("<code id=\"{id}\"");
    let (_, rest) = reply.text.split_once(&start).expect(id);
    let (_, rest) = rest.split_once('>').unwrap();
    rest.split('<').next().unwrap().to_owned()
}

fn secret_id(secret: &str) -> String {
    let secret = ClientSecret::parse(secret.as_bytes()).unwrap();
    secret.digest().key_id().to_string()
}

/// Creates a client; its id and its secret.
async fn create(browser: &Browser<'_>, label: &str) -> [String; 2] {
    let fields = [("label", label), ("years", "2")];
    let reply = submit(browser, LIST, &fields).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    [shown(&reply, "client-id"), shown(&reply, "client-secret")]
}

/// Whether the token endpoint takes a secret.
async fn is_taken(page: &Page, client: &str, secret: &str) -> bool {
    let call = token_call(&page.service, &secret_fields(client, secret));
    call.send().await.status == 200
}

#[tokio::test]
async fn a_client_s_secret_is_in_one_answer_and_nowhere_else() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    assert!(
        visitor
            .get(LIST)
            .await
            .text
            .contains("There is no client yet.")
    );
    let asked = visitor.get(LIST).await;
    let (token, form) = (asked.field("token"), asked.field("form"));
    let fields = [
        ("token", token.as_str()),
        ("form", &form),
        ("label", "Entra <b>"),
        ("years", "1"),
    ];
    let (reply, log) = logged_text(visitor.post(LIST, &fields)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let (client, secret) = (shown(&reply, "client-id"), shown(&reply, "client-secret"));
    assert_eq!(
        shown(&reply, "tenant-url"),
        "https://scim.example/scim/v2?aadOptscim062020"
    );
    let url = "https://scim.example/oauth2/token";
    assert_eq!(shown(&reply, "token-url"), url);
    for said in [
        "OAuth 2.0 client credentials grant",
        "Copy the Client Secret now.",
    ] {
        assert!(reply.text.contains(said), "{said}: {}", reply.text);
    }
    // It gets a token, and the token opens the directory.
    let call = token_call(&page.service, &secret_fields(&client, &secret));
    let access = token_of(&call.send().await);
    let answer = page.service.call("GET", "/Users").key(&access).send().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    // The form works once.
    let before = page.directory.secrets_of("acme").await;
    let again = visitor.post(LIST, &fields).await;
    assert_eq!(again.status, 409);
    assert!(!again.text.contains("htscs_"), "{}", again.text);
    assert!(
        again
            .text
            .contains("if a Client Secret was made, it was shown once")
    );
    assert_eq!(page.directory.secrets_of("acme").await, before);
    let (_, audit) = page.admin.json("audit acme").await;
    let tables = page.directory.dump().await + &audit.to_string() + &log;
    assert!(!tables.contains(&secret));
    for path in super::pages::PAGES {
        let text = visitor.get(path).await.text;
        assert!(!text.contains("htscs_"), "{path}: {text}");
    }
    let listed = visitor.get(LIST).await.text;
    for said in [
        client.as_str(),
        &secret_id(&secret),
        "Entra &#60;b&#62;",
        url,
    ] {
        assert!(listed.contains(said), "{said}: {listed}");
    }
    // What no form of the page has.
    for (name, value) in [
        ("label", ""),
        ("label", "htscs_x"),
        ("years", "9"),
        ("form", "one"),
    ] {
        let asked = visitor.get(LIST).await;
        let (token, form) = (asked.field("token"), asked.field("form"));
        let mut fields = vec![
            ("token", token.as_str()),
            ("form", &form),
            ("label", "x"),
            ("years", "1"),
        ];
        fields.retain(|(known, _)| *known != name);
        fields.push((name, value));
        let reply = visitor.post(LIST, &fields).await;
        assert!(
            [400, 403].contains(&reply.status),
            "{name}: {}",
            reply.status
        );
    }
    assert_eq!(page.directory.secrets_of("acme").await, before);
}

#[tokio::test]
async fn a_secret_is_replaced_and_revoked() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let [client, first] = create(&visitor, "Entra").await;
    let old = secret_id(&first);
    let path = format!("{LIST}/{client}/{old}/rotate");
    let rotated = submit(&visitor, &path, &[("overlap", "7"), ("years", "3")]).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let second = shown(&rotated, "client-secret");
    assert_eq!(shown(&rotated, "client-id"), client);
    let said = format!("The secret <code><bdi>{old}</bdi></code> is accepted until");
    assert!(rotated.text.contains(&said), "{}", rotated.text);
    assert!(is_taken(&page, &client, &first).await && is_taken(&page, &client, &second).await);

    // The old one ends, and the other goes on.
    let gone = revoke(&visitor, &format!("{LIST}/{client}/{old}/revoke"), "acme").await;
    assert_eq!((gone.status, gone.header("location")), (303, LIST));
    assert!(!is_taken(&page, &client, &first).await && is_taken(&page, &client, &second).await);
    let again = visitor.get(&path).await;
    assert_eq!(again.status, 409);
    assert!(
        again.text.contains("This was revoked or has expired"),
        "{}",
        again.text
    );

    // What is used asks for the tenant's name.
    let token = token_of(
        &token_call(&page.service, &secret_fields(&client, &second))
            .send()
            .await,
    );
    let users = async || page.service.call("GET", "/Users").key(&token).send().await;
    assert_eq!(users().await.status, 200);
    let path = format!("{LIST}/{client}/{}/revoke", secret_id(&second));
    let asked = visitor.get(&path).await;
    assert!(
        asked.text.contains("A request came by it on"),
        "{}",
        asked.text
    );
    for wrong in ["", "beta"] {
        let reply = revoke(&visitor, &path, wrong).await;
        assert!(reply.text.contains("Nothing was revoked"), "{}", reply.text);
    }
    assert_eq!(users().await.status, 200);
    assert_eq!(revoke(&visitor, &path, "acme").await.status, 303);
    users().await.error(401, "");
    let listed = visitor.get(LIST).await.text;
    assert!(listed.contains("1 client that has ended"), "{listed}");
}

/// A client whose secret has expired keeps its id.
#[tokio::test]
async fn a_client_without_a_secret_gets_one() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let acme = TenantId::parse("acme").unwrap();
    let client = ClientId::from_random(&acme, [7; 6]);
    let (now, day) = (OffsetDateTime::now_utc(), Duration::DAY);
    let secret = ClientSecret::from_secret(&acme, [7; 32]);
    let (store, meter) = (page.admin.store(), Meter::default());
    let expired = store.create_secret(
        &client,
        &secret,
        "Old",
        now - day * 9,
        Some(now - day),
        &meter,
    );
    expired.await.unwrap();
    let listed = visitor.get(LIST).await.text;
    let path = format!("{LIST}/{client}/secret");
    for said in ["It has no client secret that works.", &path, "expired"] {
        assert!(listed.contains(said), "{said}: {listed}");
    }
    let made = submit(&visitor, &path, &[("years", "1")]).await;
    assert_eq!(shown(&made, "client-id"), client.as_str());
    assert!(is_taken(&page, client.as_str(), &shown(&made, "client-secret")).await);
    // Now it has one.
    let again = visitor.get(&path).await;
    assert_eq!((again.status, again.header("location")), (303, LIST));
}

#[tokio::test]
async fn a_client_is_revoked_as_a_whole() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let [client, secret] = create(&visitor, "Entra").await;
    let trusted = set_up(&visitor, &client, &[]).await;
    assert_eq!(trusted.status, 200, "{}", trusted.text);
    // The only thing that works is not revoked by mistake.
    let (_, keys) = page.admin.json("key list acme").await;
    let key = keys
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["label"] != "Entra");
    let key = key.unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/settings/keys/{key}/revoke");
    assert!(!visitor.get(&path).await.text.contains("Nothing else works"));
    assert_eq!(revoke(&visitor, &path, "acme").await.status, 303);
    let path = format!("{LIST}/{client}/revoke");
    let asked = visitor.get(&path).await;
    assert!(asked.text.contains("Nothing else works"), "{}", asked.text);
    let reply = revoke(&visitor, &path, "").await;
    assert!(reply.text.contains("Nothing was revoked"), "{}", reply.text);
    assert!(is_taken(&page, &client, &secret).await);
    assert_eq!(revoke(&visitor, &path, "acme").await.status, 303);
    assert!(!is_taken(&page, &client, &secret).await);
    for what in ["revoke", "trust", "secret"] {
        let reply = visitor.get(&format!("{LIST}/{client}/{what}")).await;
        assert_eq!(reply.status, 409, "{what}");
    }
    // What was done is told apart, and each end is on record.
    let safety = visitor.get("/settings/safety").await.text;
    for said in [
        format!("Client secret {} of", secret_id(&secret)),
        "Federation ".to_owned(),
        format!("Key {key} was revoked"),
    ] {
        assert!(safety.contains(&said), "{said}: {safety}");
    }
}

/// Sends the form of a trust: Entra's values, but for these.
async fn set_up(browser: &Browser<'_>, client: &str, but: &[(&str, &str)]) -> Reply {
    let issuer = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    let keys = format!("https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys");
    let audience = format!("api://{APP}/scim.example");
    let mut fields = vec![
        ("issuer", issuer.as_str()),
        ("jwks", &keys),
        ("subject", SUBJECT),
        ("audience", &audience),
    ];
    fields.retain(|(name, _)| !but.iter().any(|(other, _)| other == name));
    fields.extend(but);
    submit(browser, &format!("{LIST}/{client}/trust"), &fields).await
}

#[tokio::test]
async fn a_trust_is_set_up_from_what_entra_shows() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let [client, _] = create(&visitor, "Entra").await;
    let done = set_up(&visitor, &client, &[]).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(shown(&done, "client-id"), client);
    assert_eq!(
        shown(&done, "token-url"),
        "https://scim.example/oauth2/token"
    );
    assert!(done.text.contains("The audience names this service"));
    let listed = visitor.get(LIST).await.text;
    let bound = format!("api://{APP}/scim.example");
    let issuer = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    for said in [issuer.as_str(), SUBJECT, &bound, "names this service"] {
        assert!(listed.contains(said), "{said}: {listed}");
    }
    // Another audience of the same issuer takes its place, and is warned of.
    for (audience, said) in [
        (APP.to_owned(), "does not name this service"),
        (
            format!("api://{APP}/other.example"),
            "names another host than",
        ),
    ] {
        let done = set_up(&visitor, &client, &[("audience", &audience)]).await;
        assert!(done.text.contains(said), "{}", done.text);
        let listed = visitor.get(LIST).await.text;
        assert!(listed.contains(said), "{listed}");
        assert_eq!(listed.matches(SUBJECT).count(), 1, "{listed}");
    }
    // One that is revoked is folded away, and its client stays.
    let start = format!("{LIST}/{client}/");
    let id = listed.split(&start);
    let id = id.filter_map(|rest| rest.split_once("/revoke"));
    let ids: Vec<&str> = id.map(|(id, _)| id).filter(|id| id.len() == 12).collect();
    let trust = ids.last().unwrap();
    let gone = revoke(&visitor, &format!("{LIST}/{client}/{trust}/revoke"), "").await;
    assert_eq!(gone.status, 303, "{}", gone.text);
    let listed = visitor.get(LIST).await.text;
    assert!(
        listed.contains("1 secret or trust that has ended"),
        "{listed}"
    );
    assert!(!listed.contains(SUBJECT), "{listed}");
    // A trust has no successor.
    let reply = visitor
        .get(&format!("{LIST}/{client}/{trust}/rotate"))
        .await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn what_is_wrong_with_a_value_is_said_at_its_field() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let [client, _] = create(&visitor, "Entra").await;
    let before = page.directory.secrets_of("acme").await;
    let v1 = format!("https://sts.windows.net/{TENANT}/");
    let host = format!("https://login.example/{TENANT}/discovery/v2.0/keys");
    let other = TENANT.replace('1', "2");
    let other = format!("https://login.microsoftonline.com/{other}/discovery/v2.0/keys");
    let long = "x".repeat(401);
    for (name, value, said) in [
        (
            "issuer",
            "https://x.example/<b>",
            "This is not the issuer of an Entra tenant",
        ),
        (
            "issuer",
            "",
            "https://login.microsoftonline.com/, its tenant id",
        ),
        ("issuer", &v1, "tokens of version 1.0"),
        ("jwks", "", "not an address of Microsoft"),
        ("jwks", &host, "not an address of Microsoft"),
        ("jwks", &other, "another Entra tenant than the issuer"),
        ("subject", "Sync Fabric", "not an object id"),
        (
            "audience",
            "api://scim.example",
            "neither the id of an application",
        ),
        ("audience", &long, "at most 400 characters"),
        ("subject", &page.service.key, "This is a key or a secret"),
    ] {
        let reply = set_up(&visitor, &client, &[(name, value)]).await;
        assert_eq!(reply.status, 400, "{name} {value}: {}", reply.text);
        let (_, at) = reply
            .text
            .split_once(&format!("id=\"{name}-wrong\">"))
            .unwrap();
        let at = at.split("</span>").next().unwrap();
        assert!(at.contains(said), "{said}: {at}");
        assert_eq!(reply.text.matches("aria-invalid").count(), 1);
        assert!(
            reply
                .text
                .contains(&format!("aria-describedby=\"{name}-wrong\""))
        );
        // What was typed is there still, but no key and nothing endless; and never as markup.
        assert!(!reply.text.contains("<b>") && !reply.text.contains(&page.service.key));
        assert!(!reply.text.contains(&long));
        assert!(name == "subject" || reply.text.contains(SUBJECT));
    }
    assert_eq!(page.directory.secrets_of("acme").await, before);
}

#[tokio::test]
async fn forms_work_once_and_in_their_own_session() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let [client, secret] = create(&visitor, "Entra").await;
    let id = secret_id(&secret);
    let issuer = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    let keys = format!("https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys");
    for path in [
        format!("{LIST}/{client}/{id}/rotate"),
        format!("{LIST}/{client}/trust"),
    ] {
        let asked = visitor.get(&path).await;
        let (token, form) = (asked.field("token"), asked.field("form"));
        let fields = |token| {
            [
                ("token", token),
                ("form", form.as_str()),
                ("overlap", "7"),
                ("years", "2"),
                ("issuer", &issuer),
                ("jwks", &keys),
                ("subject", SUBJECT),
                ("audience", APP),
            ]
        };
        assert_eq!(
            visitor.post(&path, &fields("x")).await.status,
            403,
            "{path}"
        );
        assert_eq!(
            visitor.post(&path, &fields(&token)).await.status,
            200,
            "{path}"
        );
        let before = page.directory.secrets_of("acme").await;
        let again = visitor.post(&path, &fields(&token)).await;
        assert_eq!(again.status, 409, "{path}");
        assert!(!again.text.contains("htscs_"), "{}", again.text);
        assert_eq!(page.directory.secrets_of("acme").await, before);
    }
    // Who may only look sees it all, and changes nothing.
    let guest = page.visitor("acme", Scope::View).await;
    let listed = guest.get(LIST).await.text;
    assert!(
        listed.contains(&client) && !listed.contains("/rotate"),
        "{listed}"
    );
    for what in ["revoke", "trust", &format!("{id}/revoke")] {
        let reply = guest.get(&format!("{LIST}/{client}/{what}")).await;
        assert_eq!(reply.status, 403, "{what}");
    }
}

#[tokio::test]
async fn another_tenant_s_client_is_not_found() {
    let page = Page::new().await;
    let (code, said) = page.admin.run("tenant create beta").await;
    assert_eq!(code, 0, "{said}");
    let other = page.visitor("beta", Scope::Setup).await;
    let [theirs, secret] = create(&other, "Entra").await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let [own, own_secret] = create(&visitor, "Entra").await;
    assert!(!visitor.get(LIST).await.text.contains(&theirs));
    let (id, own_id) = (secret_id(&secret), secret_id(&own_secret));
    let token = visitor.get("/settings").await.field("token");
    for path in [
        format!("{LIST}/{theirs}/trust"),
        format!("{LIST}/{theirs}/secret"),
        format!("{LIST}/{theirs}/revoke"),
        format!("{LIST}/{theirs}/{id}/revoke"),
        format!("{LIST}/{theirs}/{id}/rotate"),
        format!("{LIST}/{theirs}/{own_id}/revoke"),
        format!("{LIST}/{own}/{id}/revoke"),
        format!("{LIST}/{own}/none/rotate"),
        format!("{LIST}/none/revoke"),
        // A secret is no key of the page of keys.
        format!("/settings/keys/{own_id}/revoke"),
        format!("/settings/keys/{own_id}/rotate"),
    ] {
        assert_eq!(visitor.get(&path).await.status, 404, "{path}");
        let fields = [
            ("token", token.as_str()),
            ("confirm", "acme"),
            ("overlap", "7"),
        ];
        assert_eq!(visitor.post(&path, &fields).await.status, 404, "{path}");
    }
    assert!(is_taken(&page, &theirs, &secret).await && is_taken(&page, &own, &own_secret).await);
}

/// Where there are only clients, no page says that there is nothing.
#[tokio::test]
async fn a_client_is_enough() {
    let page = Page::new().await;
    let (code, said) = page.admin.run("tenant create beta").await;
    assert_eq!(code, 0, "{said}");
    let visitor = page.visitor("beta", Scope::Setup).await;
    let connect = visitor.get("/settings/connect").await.text;
    assert!(connect.contains("Or with OAuth 2.0"), "{connect}");
    let [client, secret] = create(&visitor, "Entra").await;
    let connect = visitor.get("/settings/connect").await.text;
    for said in ["Active OAuth clients: 1.", "Entra needs nothing else."] {
        assert!(connect.contains(said), "{said}: {connect}");
    }
    assert!(!connect.contains("This creates an API-KEY"), "{connect}");
    let token = token_of(
        &token_call(&page.service, &secret_fields(&client, &secret))
            .send()
            .await,
    );
    let created = page.service.call("POST", "/Users").key(&token);
    let created = created
        .json(serde_json::json!({"userName": "lena"}))
        .send()
        .await;
    assert_eq!(created.status, 201, "{}", created.body);
    let status = visitor.get("/settings/connect/status").await.text;
    assert!(status.contains("\"connected\":true"), "{status}");
    assert!(
        visitor
            .get("/settings")
            .await
            .text
            .contains("Everything works")
    );
    let by = format!(
        "secret <bdi>{}</bdi> of <bdi>Entra</bdi>",
        secret_id(&secret)
    );
    let activity = visitor.get("/settings/activity").await.text;
    assert!(activity.contains(&by), "{activity}");
}

/// A secret that ends soon is named with its client, on the overview too.
#[tokio::test]
async fn secrets_that_need_somebody_are_named() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let acme = TenantId::parse("acme").unwrap();
    let client = ClientId::from_random(&acme, [9; 6]);
    let secret = ClientSecret::from_secret(&acme, [9; 32]);
    let (now, hour, day) = (OffsetDateTime::now_utc(), Duration::HOUR, Duration::DAY);
    let (store, meter) = (page.admin.store(), Meter::default());
    let ends = Some(now + day * 12 + hour);
    let created = store.create_secret(
        &client,
        &secret,
        "Soon",
        now - day * 40 - hour,
        ends,
        &meter,
    );
    created.await.unwrap();
    let named = format!(
        "Client secret <code><bdi>{}</bdi></code> of <bdi>Soon</bdi> <code><bdi>{client}",
        secret_id(secret.expose())
    );
    for path in ["/settings", LIST] {
        let text = visitor.get(path).await.text;
        for said in [
            "Credentials that need action",
            named.as_str(),
            "It expires in 12 days, and Entra gets no access token after that.",
            "Nothing came by it in the 40 days since it was created.",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
    let overview = visitor.get("/settings").await.text;
    assert!(overview.contains("href=\"/settings/clients\">See the OAuth clients"));
    let keys = visitor.get("/settings/keys").await.text;
    assert!(!keys.contains("need action"), "{keys}");
}
