//! Clients on the operator's command line: created, listed, rotated, revoked, and made to trust an
//! issuer.

use serde_json::{Value, json};
use stand::issuer::{AUDIENCE, ENTRA_TENANT, SUBJECT};
use store::secrets::MAX_ACTIVE_KEYS;
use tenant::ClientSecret;
use time::{Duration, OffsetDateTime};

use crate::support::admin::Admin;
use crate::support::directory::DirectoryTable;
use crate::support::oauth::{
    Federation, account, assertion_fields, refused, secret_fields, token_call, token_of,
};
use crate::support::service::{Answer, Service};

/// A text that a member has.
fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    let text = value[name].as_str();
    text.unwrap_or_else(|| panic!("{name} of {value}"))
}

fn names(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(|key| &**key)
        .collect()
}

/// A client of `acme` as a command makes it.
async fn created(admin: &Admin) -> Value {
    let (code, client) = admin.json("client create acme --label entra").await;
    assert_eq!(code, 0, "{client}");
    client
}

async fn ask(service: &Service, client: &Value) -> Answer {
    let fields = secret_fields(text(client, "clientId"), text(client, "clientSecret"));
    token_call(service, &fields).send().await
}

async fn status_with(service: &Service, token: &str) -> u16 {
    service.call("GET", "/Users").key(token).send().await.status
}

#[tokio::test]
async fn a_client_is_created_and_gets_tokens() {
    let (service, directory, admin) = Admin::with_service().await;
    let client = created(&admin).await;
    assert_eq!(
        names(&client),
        ["clientId", "clientSecret", "expires", "secretId"]
    );
    assert!(text(&client, "clientId").starts_with("acme."));
    let secret = text(&client, "clientSecret").to_owned();
    let parsed = ClientSecret::parse(secret.as_bytes()).unwrap();
    assert_eq!(text(&client, "secretId"), parsed.id().as_str());
    let token = token_of(&ask(&service, &client).await);
    assert_eq!(status_with(&service, &token).await, 200);

    // What goes into the identity provider, and what the operator has to know besides.
    let url = "--public-url https://scim.example.com/";
    let (code, next) = admin
        .json(&format!("client create acme --label next {url}"))
        .await;
    assert_eq!(code, 0);
    assert_eq!(
        text(&next, "tokenUrl"),
        "https://scim.example.com/oauth2/token"
    );
    let create = format!("client create acme --label third {url}");
    let (code, said, note) = admin.output(&create).await;
    assert_eq!(code, 0);
    for told in [
        "client id      acme.",
        "client secret  htscs_acme_",
        "token URL      https://scim.example.com/oauth2/token",
    ] {
        assert!(said.contains(told), "{said}");
    }
    assert!(note.contains("cannot be shown again"), "{note}");
    assert!(!note.contains("htscs_"), "{note}");

    // It is shown this once, and kept nowhere.
    for command in ["client list acme", "audit acme", "--json client list acme"] {
        let (code, said) = admin.run(command).await;
        assert_eq!(code, 0, "{command}: {said}");
        assert!(!said.contains("htscs_"), "{command}: {said}");
    }
    assert!(!directory.dump().await.contains(&secret));
}

#[tokio::test]
async fn a_secret_lives_for_one_to_three_years() {
    let (_, _, admin) = Admin::with_service().await;
    let start = OffsetDateTime::now_utc();
    for (days, argument) in [
        (730, String::new()),
        (365, "--expires-days 365".to_owned()),
        (1095, "--expires-days 1095".to_owned()),
    ] {
        let create = format!("client create acme --label entra {argument}");
        let (code, client) = admin.json(&create).await;
        assert_eq!(code, 0, "{client}");
        let format = &time::format_description::well_known::Rfc3339;
        let expires = OffsetDateTime::parse(text(&client, "expires"), format).unwrap();
        let end = start + Duration::days(days);
        assert!((expires - end).abs() < Duration::HOUR, "{expires}");
    }
    for days in ["364", "1096", "0", "-1", "never"] {
        let create = format!("client create acme --label entra --expires-days {days}");
        assert_eq!(admin.run(&create).await.0, 2, "{days}");
    }
    for command in [
        "client create acme",
        "client create acme --label htscs_acme_0a0a0a0a0a0a0a0a0a0a",
        "client create ACME --label entra",
        "client rotate acme acme.0123 --overlap-days 1",
        "client revoke acme 0123456789ab",
    ] {
        assert_eq!(admin.run(command).await.0, 2, "{command}");
    }
}

#[tokio::test]
async fn a_secret_goes_to_a_file_of_its_owner() {
    let (service, _, admin) = Admin::with_service().await;
    let folder = std::env::temp_dir().join(format!("scim-secret-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("secret");
    let create = format!(
        "client create acme --label file --to-file {}",
        file.display()
    );
    let (code, said) = admin.run(&format!("--json {create}")).await;
    assert!(code == 0 && !said.contains("htscs_"), "{said}");
    let (code, text) = admin.run(&create).await;
    assert_eq!(code, 1);
    assert!(text.contains("does not exist yet"), "{text}");
    let (_, listed) = admin.json("client list acme").await;
    assert_eq!(listed.as_array().unwrap().len(), 1, "none was made");
    let client = json!({
        "clientId": listed[0]["clientId"],
        "clientSecret": std::fs::read_to_string(&file).unwrap().trim(),
    });
    token_of(&ask(&service, &client).await);
    std::fs::remove_dir_all(folder).unwrap();
}

/// Both secrets give tokens for a while, then the old one is ended.
#[tokio::test]
async fn a_secret_is_rotated() {
    let (service, _, admin) = Admin::with_service().await;
    let old = created(&admin).await;
    let (id, old_id) = (text(&old, "clientId"), text(&old, "secretId"));
    let token = token_of(&ask(&service, &old).await);

    let (code, new) = admin
        .json(&format!("client rotate acme {id} --overlap-days 3"))
        .await;
    assert_eq!(code, 0, "{new}");
    assert_eq!(
        names(&new),
        [
            "clientId",
            "clientSecret",
            "expires",
            "replaces",
            "secretId"
        ]
    );
    assert_eq!(text(&new, "clientId"), id);
    let new_id = text(&new, "secretId");
    assert_eq!(new["replaces"]["id"], old_id);
    assert_eq!(new["replaces"]["replacedBy"], new_id);
    for secret in [&old, &new] {
        token_of(&ask(&service, secret).await);
    }

    let (_, listed) = admin.json("client list acme").await;
    let secrets = listed[0]["secrets"].as_array().unwrap();
    let old_one = secrets.iter().find(|secret| secret["id"] == old_id);
    assert_eq!(old_one.unwrap()["replacedBy"], new_id);
    let (_, said) = admin.run("client list acme").await;
    assert!(
        said.contains(&format!("replaced by {new_id}, ends")),
        "{said}"
    );

    // Which of the two?
    let (code, said) = admin
        .run(&format!("client rotate acme {id} --overlap-days 3"))
        .await;
    assert_eq!(code, 1);
    assert!(said.contains(old_id) && said.contains(new_id), "{said}");
    assert!(said.contains("2 active secrets"), "{said}");
    let rotate = format!("client rotate acme {id} {new_id} --overlap-days 0");
    let (code, said, note) = admin.output(&rotate).await;
    assert_eq!(code, 0, "{said}{note}");
    assert!(note.contains(&format!("the old secret {new_id}")), "{note}");

    let revoke = format!("client revoke acme {id} {old_id}");
    let (code, revoked) = admin.json(&revoke).await;
    assert_eq!(code, 0);
    assert_eq!(revoked["clientId"], id);
    assert_eq!(revoked["revoked"][0]["id"], old_id);
    refused(&ask(&service, &old).await, 401, "invalid_client");
    assert_eq!(status_with(&service, &token).await, 401);
    let (code, said) = admin
        .run(&format!("client rotate acme {id} {old_id}"))
        .await;
    assert_eq!(code, 1);
    assert!(said.contains("was revoked"), "{said}");
}

#[tokio::test]
async fn a_client_that_has_leaked_is_ended_and_goes_on_under_its_id() {
    let (service, _, admin) = Admin::with_service().await;
    let client = created(&admin).await;
    let id = text(&client, "clientId");
    let token = token_of(&ask(&service, &client).await);
    let (code, revoked) = admin.json(&format!("client revoke acme {id}")).await;
    assert_eq!(code, 0);
    assert_eq!(revoked["revoked"].as_array().unwrap().len(), 1);
    assert_eq!(status_with(&service, &token).await, 401);
    let (code, said) = admin.run(&format!("client revoke acme {id}")).await;
    assert_eq!(code, 0);
    assert!(said.contains("revoked already"), "{said}");
    let (_, listed) = admin.json("client list acme").await;
    assert_eq!(listed[0]["active"], false);

    let (code, new) = admin.json(&format!("client rotate acme {id}")).await;
    assert_eq!((code, &new["replaces"]), (0, &Value::Null));
    assert_eq!(text(&new, "clientId"), id);
    token_of(&ask(&service, &new).await);

    // Whoever has the id of what leaked, and not whose it is, ends it too.
    let secret_id = text(&new, "secretId");
    let (code, said) = admin.run(&format!("key rotate acme {secret_id}")).await;
    assert_eq!(code, 1);
    assert!(said.contains("has no key"), "{said}");
    let (code, key) = admin.json(&format!("key revoke acme {secret_id}")).await;
    assert_eq!((code, &key["clientId"]), (0, &json!(id)));
    refused(&ask(&service, &new).await, 401, "invalid_client");
}

/// The four values as Entra shows them.
fn trust(federation: &Federation, client: &str, audience: &str) -> String {
    let issuer = &federation.issuer;
    format!(
        "client trust acme {client} --issuer {} --jwks-url {} --subject {SUBJECT} --audience {audience} --entra-authority {}",
        issuer.issuer(ENTRA_TENANT),
        issuer.keys_url(ENTRA_TENANT),
        issuer.authority(),
    )
}

/// Admin and federation over the same tables.
async fn with_issuer() -> (Federation, DirectoryTable, Admin) {
    let (service, directory, admin) = Admin::with_service().await;
    (Federation::over(service).await, directory, admin)
}

#[tokio::test]
async fn an_issuer_is_trusted_by_what_was_pasted() {
    let (federation, _, admin) = with_issuer().await;
    let id = text(&created(&admin).await, "clientId").to_owned();
    let (code, trusted) = admin.json(&trust(&federation, &id, AUDIENCE)).await;
    assert_eq!(code, 0, "{trusted}");
    assert_eq!(names(&trusted), ["audiences", "hostBound", "trustId"]);
    let plain = json!([AUDIENCE, format!("api://{AUDIENCE}")]);
    assert_eq!(trusted["audiences"], plain);
    assert_eq!(trusted["hostBound"], false);
    let assert = async |claims: Value| {
        let assertion = federation.assertion(claims);
        let fields = assertion_fields(&id, &assertion);
        token_call(&federation.service, &fields).send().await
    };
    let token = token_of(&assert(json!({})).await);
    assert_eq!(status_with(&federation.service, &token).await, 200);

    // With the host, another vendor's assertions are refused; its own client's token goes too, as
    // the trust takes the place of the one before.
    let command = trust(&federation, &id, AUDIENCE);
    let known = format!("{command} --public-url https://www.scim.example.com:443/x");
    let (_, known) = admin.json(&known).await;
    assert_eq!(known["trustId"], trusted["trustId"]);
    let bound = format!("api://{AUDIENCE}/scim.example.com");
    assert_eq!(known["audiences"][2], bound);
    assert_eq!(known["hostBound"], false);
    let (code, _, note) = admin.output(&command).await;
    assert_eq!(code, 0);
    assert!(
        note.starts_with("warning: the audience names no host"),
        "{note}"
    );
    let (code, said, note) = admin.output(&trust(&federation, &id, &bound)).await;
    assert!(code == 0 && note.is_empty(), "{note}");
    assert!(said.contains(&format!("audience   {bound}")), "{said}");
    let (_, value) = admin.json(&trust(&federation, &id, &bound)).await;
    assert_eq!(value["hostBound"], true);
    refused(&assert(json!({})).await, 401, "invalid_client");
    token_of(&assert(json!({"aud": bound})).await);

    let (_, listed) = admin.json("client list acme").await;
    let of_client = listed.as_array().unwrap().iter();
    let of_client = of_client.filter(|listed| listed["clientId"] == id.as_str());
    let trusts: Vec<&Value> = of_client.map(|listed| &listed["trusts"]).collect();
    assert_eq!(trusts[0].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(trusts[0][0]["audiences"], json!([bound]));
    assert_eq!(trusts[0][0]["subject"], SUBJECT);
    let (_, said) = admin.run("client list acme").await;
    assert!(said.contains(&bound), "{said}");

    let trust_id = text(&trusted, "trustId");
    let (code, _) = admin
        .run(&format!("client revoke acme {id} {trust_id}"))
        .await;
    assert_eq!(code, 0);
    refused(&assert(json!({"aud": bound})).await, 401, "invalid_client");
}

#[tokio::test]
async fn values_that_entra_does_not_show_are_refused() {
    let (federation, directory, admin) = with_issuer().await;
    let id = text(&created(&admin).await, "clientId").to_owned();
    let before = directory.secrets().await;
    let good = trust(&federation, &id, AUDIENCE);
    let issuer = federation.issuer.issuer(ENTRA_TENANT);
    let elsewhere = "--issuer https://login.example/";
    for (from, to, told) in [
        (
            format!("--issuer {issuer}"),
            format!("{elsewhere}{SUBJECT}/v2.0"),
            "copy Issuer again",
        ),
        (
            format!("--jwks-url {}", federation.issuer.keys_url(ENTRA_TENANT)),
            "--jwks-url https://keys.example/keys".to_owned(),
            "copy JWKS URL again",
        ),
        (
            format!("--subject {SUBJECT}"),
            "--subject lena".to_owned(),
            "copy Subject again",
        ),
        (
            format!("--audience {AUDIENCE}"),
            "--audience htscs_acme_0a0a".to_owned(),
            "copy Audience again",
        ),
    ] {
        let (code, said) = admin.run(&good.replace(&from, &to)).await;
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(told), "{said}");
        assert!(!said.contains("htscs_"), "{said}");
    }
    // Without it, Microsoft's own issuers are those that can be trusted.
    let (start, _) = good.split_once(" --entra-authority").unwrap();
    let (code, said) = admin.run(start).await;
    assert_eq!(code, 1);
    assert!(said.contains("https://login.microsoftonline.com"), "{said}");
    for authority in ["http://login.example", "login.example", ""] {
        let (code, said) = admin
            .run(&format!("{start} --entra-authority={authority}"))
            .await;
        assert_eq!(code, 2, "{said}");
    }
    assert_eq!(directory.secrets().await, before);
}

#[tokio::test]
async fn a_client_is_its_own_tenant_s() {
    let (federation, directory, admin) = with_issuer().await;
    assert_eq!(admin.run("tenant create beta").await.0, 0);
    let (_, other) = admin.json("client create beta --label entra").await;
    let (id, secret_id) = (text(&other, "clientId"), text(&other, "secretId"));
    let nobody = "acme.0123456789ab".to_owned();
    let own = federation.client.id.to_string();
    let before = directory.secrets().await;
    for client in [id, &nobody] {
        for command in [
            format!("client rotate acme {client}"),
            format!("client revoke acme {client}"),
            format!("client revoke acme {client} {secret_id}"),
            trust(&federation, client, AUDIENCE),
        ] {
            let (code, said) = admin.run(&command).await;
            assert_eq!(code, 1, "{command}: {said}");
            let told = format!("has no client `{client}`; list its clients");
            assert!(said.contains(&told), "{command}: {said}");
        }
    }
    for command in [
        format!("client rotate acme {own} {secret_id}"),
        format!("client revoke acme {own} {secret_id}"),
    ] {
        let (code, said) = admin.run(&command).await;
        assert_eq!(code, 1, "{command}: {said}");
        let told = format!("client `{own}` has no secret or trust `{secret_id}`");
        assert!(said.contains(&told), "{command}: {said}");
    }
    for command in ["client create nobody --label x", "client list nobody"] {
        let (code, said) = admin.run(command).await;
        assert_eq!(code, 1);
        assert!(said.contains("does not exist"), "{said}");
    }
    assert_eq!(directory.secrets().await, before);
}

/// Keys, secrets and trusts of a tenant have one limit.
#[tokio::test]
async fn a_tenant_has_twenty_keys_secrets_and_trusts_in_all() {
    let (federation, _, admin) = with_issuer().await;
    let id = federation.client.id.to_string();
    // A key, and a client with a secret and a trust.
    let mut count = 3;
    while count < MAX_ACTIVE_KEYS {
        let command = match count % 2 {
            0 => "key create acme --label x".to_owned(),
            _ => "client create acme --label x".to_owned(),
        };
        let (code, said) = admin.run(&command).await;
        assert_eq!(code, 0, "{said}");
        count += 1;
    }
    for command in [
        "key create acme --label x".to_owned(),
        "client create acme --label x".to_owned(),
        format!("client rotate acme {id}"),
    ] {
        let (code, said) = admin.run(&command).await;
        assert_eq!(code, 1, "{command}: {said}");
        assert!(
            said.contains("20 keys") && said.contains("revoke one"),
            "{said}"
        );
    }
    let (_, tenants) = admin.json("tenant list").await;
    assert_eq!(tenants[0]["activeKeys"], MAX_ACTIVE_KEYS);
    assert_eq!(admin.run(&format!("client revoke acme {id}")).await.0, 0);
    assert_eq!(admin.run(&format!("client rotate acme {id}")).await.0, 0);
}

/// What is listed where, and what is said of a secret before its end.
#[tokio::test]
async fn keys_and_clients_are_listed_apart_and_warned_of_together() {
    let (federation, _, admin) = with_issuer().await;
    let (_, keys) = admin.json("key list acme").await;
    assert_eq!(keys.as_array().unwrap().len(), 1, "{keys}");
    assert_eq!(keys[0]["kind"], "apiKey");
    let (_, listed) = admin.json("client list acme").await;
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed[0]["secrets"].as_array().unwrap().len(), 1);
    assert_eq!(admin.json("key warnings").await, (0, json!([])));

    let life = Duration::days(12) + Duration::HOUR;
    let acme = account(&federation.service).await;
    let ending = acme.create_client("ending", life).await.unwrap();
    let (client, secret_id) = (ending.client, ending.record.id);
    let (code, warned) = admin.json("key warnings").await;
    assert_eq!((code, warned.as_array().unwrap().len()), (1, 1), "{warned}");
    assert_eq!(warned[0]["kind"], "clientSecret");
    assert_eq!(warned[0]["clientId"], client.as_str());
    assert_eq!(warned[0]["warnings"], json!(["expires in 12 days"]));
    let (_, text, note) = admin.output("key warnings").await;
    assert!(text.contains(&format!("secret of {client}")), "{text}");
    let command = format!("`scim-admin client rotate acme {client} {secret_id}`");
    assert!(note.contains(&command), "{note}");
    let (_, text) = admin.run("tenant status acme").await;
    let told = format!("secret {secret_id} of client {client}");
    assert!(text.contains(&told) && text.contains(&command), "{text}");
    let (_, status) = admin.json("tenant status acme").await;
    assert_eq!(status["keyWarnings"][0]["clientId"], client.as_str());
    assert_eq!(admin.run("tenant disable acme --reason drill").await.0, 0);
    assert_eq!(admin.json("key warnings").await, (0, json!([])));
}

/// Whose is this that somebody has found?
#[tokio::test]
async fn a_secret_that_somebody_reports() {
    let (federation, _, admin) = with_issuer().await;
    let client = &federation.client;
    let found = format!("{}\n", client.secret);
    let (code, said, note) = admin.fed("key identify", &found).await;
    assert_eq!(code, 1);
    assert!(said.contains("ALIVE"), "{said}");
    assert!(said.contains(&format!("secret of {}", client.id)), "{said}");
    let revoke = format!("client revoke acme {} {}", client.id, client.secret_id);
    assert!(note.contains(&format!("`scim-admin {revoke}`")), "{note}");
    assert!(!said.contains("htscs_") && !note.contains("htscs_"));
    assert_eq!(admin.run(&revoke).await.0, 0);
    let (code, said, _) = admin.fed("--json key identify", &found).await;
    let value: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &value["live"]), (0, &json!(false)));
    assert_eq!(names(&value), ["issued", "key", "live", "tenant"]);
    assert_eq!(value["key"]["clientId"], client.id.as_str());
    let acme = tenant::TenantId::parse("acme").unwrap();
    let nobody = tenant::TenantId::parse("nobody").unwrap();
    for (presented, told) in [
        (&client.secret[..40], "names tenant acme"),
        (
            ClientSecret::from_secret(&acme, [9; 32]).expose(),
            "never issued",
        ),
        (
            ClientSecret::from_secret(&nobody, [9; 32]).expose(),
            "never issued",
        ),
        ("htscs_", "no key of this service"),
    ] {
        let (code, said, _) = admin.fed("key identify", presented).await;
        assert_eq!(code, 0, "{said}");
        assert!(said.contains(told), "{said}");
    }
}

#[tokio::test]
async fn what_was_done_to_clients_is_on_the_operator_s_log() {
    let (federation, directory, admin) = with_issuer().await;
    let (_, entries) = admin.json("audit acme").await;
    let before = entries.as_array().unwrap().len();
    let client = created(&admin).await;
    let (id, secret_id) = (text(&client, "clientId"), text(&client, "secretId"));
    let (_, new) = admin
        .json(&format!("client rotate acme {id} {secret_id}"))
        .await;
    let (_, trusted) = admin.json(&trust(&federation, id, AUDIENCE)).await;
    let trust_id = text(&trusted, "trustId");
    let (_, _) = admin
        .json(&format!("client revoke acme {id} {trust_id}"))
        .await;
    // What only looks leaves no trace.
    assert_eq!(admin.run("client list acme").await.0, 0);
    let (_, entries) = admin.json("audit acme").await;
    let told: Vec<String> = entries.as_array().unwrap()[before..]
        .iter()
        .map(|entry| {
            assert_eq!(entry["caller"], "local user lena");
            let words = entry["arguments"].as_array().unwrap().iter();
            let words: Vec<&str> = words.map(|word| word.as_str().unwrap()).collect();
            format!("{} {}", text(entry, "command"), words.join(" "))
        })
        .collect();
    let issuer = federation.issuer.issuer(ENTRA_TENANT);
    assert_eq!(
        told,
        [
            "client create --label entra --expires-days 730".to_owned(),
            format!("client rotate {id} {secret_id} --overlap-days 7 --expires-days 730"),
            format!(
                "client trust {id} --issuer {issuer} --subject {SUBJECT} --audience {AUDIENCE}"
            ),
            format!("client revoke {id} {trust_id}"),
        ]
    );
    let all = directory.dump().await;
    for secret in [&client, &new] {
        assert!(!all.contains(text(secret, "clientSecret")));
    }
    assert!(!entries.to_string().contains("htscs_"));
}
