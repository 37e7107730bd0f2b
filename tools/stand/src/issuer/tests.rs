//! The issuer does what tests and development rely on.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use federation::{FetchError, Fetched, Fetcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

async fn fetch(issuer: &Issuer) -> Result<Fetched, FetchError> {
    Fetcher::new().fetch(&issuer.keys_url(ENTRA_TENANT)).await
}

async fn published(issuer: &Issuer) -> Vec<Value> {
    let mut keys: Value = serde_json::from_slice(&fetch(issuer).await.unwrap().body).unwrap();
    serde_json::from_value(keys["keys"].take()).unwrap()
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Header and claims of an assertion, if it is signed with the published key that it names.
fn verified(assertion: &str, keys: &[Value]) -> Option<(Value, Value)> {
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let json = |text: &str| serde_json::from_slice::<Value>(&decode(text)).unwrap();
    let (header, claims) = (json(header), json(claims));
    let key = keys.iter().find(|key| key["kid"] == header["kid"])?;
    let part = |name: &str| decode(key[name].as_str().unwrap());
    let (n, e) = (part("n"), part("e"));
    assert_eq!((n.len(), e.as_slice()), (256, [1, 0, 1].as_slice()));
    RsaPublicKeyComponents { n, e }
        .verify(
            &RSA_PKCS1_2048_8192_SHA256,
            signed.as_bytes(),
            &decode(signature),
        )
        .ok()?;
    Some((header, claims))
}

fn minted(issuer: &Issuer) -> String {
    let now = OffsetDateTime::now_utc();
    issuer.assertion(issuer.claims(ENTRA_TENANT, SUBJECT, AUDIENCE, now))
}

#[tokio::test]
async fn what_is_minted_is_signed_with_the_published_key() {
    let issuer = Issuer::start().await;
    let now = OffsetDateTime::from_unix_timestamp(1_785_194_666).unwrap();
    let claims = issuer.claims(ENTRA_TENANT, SUBJECT, AUDIENCE, now);
    let assertion = issuer.assertion(claims.clone());
    assert_eq!(issuer.fetches(), 0);
    let keys = published(&issuer).await;
    assert_eq!(issuer.fetches(), 1);
    let key = &keys[0];
    for (member, value) in [("kty", "RSA"), ("use", "sig"), ("kid", &issuer.key_id())] {
        assert_eq!(key[member], value);
    }
    assert_eq!(key["x5t"], key["kid"]);
    let pattern = key["issuer"].as_str().unwrap();
    let expected = issuer.issuer(ENTRA_TENANT);
    assert_eq!(pattern.replace("{tenantid}", ENTRA_TENANT), expected);

    let (header, verified) = verified(&assertion, &keys).unwrap();
    let kid = issuer.key_id();
    assert_eq!(header, json!({ "typ": "JWT", "alg": "RS256", "kid": kid }));
    assert_eq!(verified, claims);
    assert_eq!(verified["iss"], expected);
    assert_eq!(verified["tid"], ENTRA_TENANT);
    assert_eq!(verified["exp"], 1_785_198_566);
    assert_eq!(verified["sub"], verified["oid"]);
}

#[tokio::test]
async fn keys_are_rotated_and_withdrawn() {
    let issuer = Issuer::start().await;
    let before = minted(&issuer);
    issuer.rotate();
    let after = minted(&issuer);
    let keys = published(&issuer).await;
    assert_eq!(keys.len(), 2);
    assert!(verified(&before, &keys).is_some());
    assert!(verified(&after, &keys).is_some());
    issuer.withdraw();
    let keys = published(&issuer).await;
    assert_eq!(keys.len(), 1);
    assert!(verified(&before, &keys).is_none());
    assert!(verified(&after, &keys).is_some());
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn another_key_s_signature_is_none() {
    let (issuer, other) = (Issuer::start().await, Issuer::start().await);
    let keys = published(&issuer).await;
    assert!(verified(&minted(&other), &keys).is_some());
    other.rotate();
    assert!(verified(&minted(&other), &keys).is_none());
    let header = json!({ "alg": "RS256", "kid": issuer.key_id() });
    let forged = other.assertion_with(header, json!({}));
    assert!(verified(&forged, &keys).is_none());
}

#[tokio::test]
async fn any_header_and_any_text_can_be_signed() {
    let issuer = Issuer::start().await;
    let keys = published(&issuer).await;
    let header = json!({ "alg": "none", "kid": issuer.key_id(), "jku": "https://a.example" });
    let assertion = issuer.assertion_with(header.clone(), json!([1]));
    assert_eq!(verified(&assertion, &keys), Some((header, json!([1]))));
    let twice = issuer.signed("{}", r#"{"sub":"a","sub":"b"}"#);
    let claims = twice.split('.').nth(1).unwrap();
    assert_eq!(decode(claims), br#"{"sub":"a","sub":"b"}"#);
}

#[tokio::test]
async fn a_key_outlives_its_issuer() {
    let first = Issuer::start().await;
    first.rotate();
    let (assertion, key) = (minted(&first), first.key_der());
    drop(first);
    let second = Issuer::with_key(0, &key).await.unwrap();
    assert!(verified(&assertion, &published(&second).await).is_some());
    assert_eq!(second.key_der(), key);
    second.rotate();
    assert_ne!(second.key_der(), key);
    let keys = published(&second).await;
    assert_eq!(keys.len(), 2);
    assert!(verified(&assertion, &keys).is_some());
    assert!(Issuer::with_key(0, b"none").await.is_err());
}

#[tokio::test]
async fn a_port_is_taken_once() {
    let first = Issuer::start().await;
    let port = first.state.address.port();
    assert_eq!(first.authority(), format!("http://127.0.0.1:{port}"));
    assert!(Issuer::start_at(port).await.is_err());
}

#[tokio::test]
async fn it_behaves_as_it_is_told() {
    let issuer = Issuer::start().await;
    issuer.behave(Behaviour::Status(503));
    assert_eq!(fetch(&issuer).await, Err(FetchError::Status(503)));
    issuer.behave(Behaviour::Redirect("https://a.example/keys".to_owned()));
    assert_eq!(fetch(&issuer).await, Err(FetchError::Status(302)));
    issuer.behave(Behaviour::Body(b"{\"keys\":".to_vec()));
    assert_eq!(fetch(&issuer).await.unwrap().body, b"{\"keys\":");
    issuer.behave(Behaviour::Body(vec![b' '; 2 * 1024 * 1024]));
    assert_eq!(fetch(&issuer).await, Err(FetchError::TooLarge));
    issuer.behave(Behaviour::CacheControl("no-store".to_owned()));
    let fetched = fetch(&issuer).await.unwrap();
    assert_eq!(fetched.cache_control.as_deref(), Some("no-store"));
    issuer.behave(Behaviour::Slow(Duration::from_millis(50)));
    assert_eq!(published(&issuer).await.len(), 1);
    issuer.behave(Behaviour::Slow(Duration::from_secs(60)));
    assert_eq!(fetch(&issuer).await, Err(FetchError::TimedOut));
    issuer.behave(Behaviour::Normal);
    assert_eq!(published(&issuer).await.len(), 1);
    assert_eq!(issuer.fetches(), 8);
}

/// Status and body of what `POST /assertion` answers.
async fn ask(issuer: &Issuer, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(issuer.state.address).await.unwrap();
    let length = body.len();
    let request = format!(
        "POST /assertion HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    (status.parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn assertions_are_minted_for_whoever_asks() {
    let issuer = Issuer::start().await;
    let keys = published(&issuer).await;
    let (status, assertion) = ask(&issuer, "").await;
    assert_eq!(status, 200);
    let (_, claims) = verified(&assertion, &keys).unwrap();
    assert_eq!(claims["sub"], SUBJECT);
    assert_eq!(claims["aud"], AUDIENCE);
    assert_eq!(claims["iss"], issuer.issuer(ENTRA_TENANT));

    let said = json!({
        "entraTenant": "other", "subject": "s", "audience": "a",
        "oid": "o", "exp": 7, "uti": null, "scp": "x",
    });
    let (_, assertion) = ask(&issuer, &said.to_string()).await;
    let (_, claims) = verified(&assertion, &keys).unwrap();
    assert_eq!(claims["iss"], issuer.issuer("other"));
    assert_eq!(claims["tid"], "other");
    assert_eq!((&claims["sub"], &claims["oid"]), (&json!("s"), &json!("o")));
    assert_eq!((&claims["aud"], &claims["exp"]), (&json!("a"), &json!(7)));
    assert_eq!(claims["scp"], "x");
    assert_eq!(claims.get("uti"), None);
    assert_eq!(claims.get("entraTenant"), None);

    for body in ["[]", "{", "sub=a"] {
        assert_eq!(ask(&issuer, body).await.0, 400);
    }
}
