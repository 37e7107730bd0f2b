//! The measured cases: what the pure core does for one request, on the bodies of `events/`.

use std::hint::black_box;

use scim::filter::Filter;
use scim::patch::{self, PatchRequest};
use scim::project::Projection;
use scim::schema::USERS;
use scim::schema::check::check;
use scim::work::Budget;
use scim::{Meta, Resource, ResourceId, Stored};
use serde_json::{Map, Value};
use time::OffsetDateTime;

const BASE: &str = "https://scim.hellotracks.example/scim/v2";

/// Entra's match query.
const MATCH: &str = r#"userName eq "lena.ortiz@fieldcrew.example""#;

/// Every kind of node and most types of values; every term must be evaluated.
const LONG: &str = r#"(emails[type eq "work" and value co "@FIELDCREW."] or phoneNumbers.value sw "+34")
    and active eq true and not (userType eq "Contractor") and meta.lastModified gt "2026-01-31T08:00:00Z"
    and urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "fibre""#;

/// Measures one operation. Neither `set_up`, which creates its input, nor dropping its output is
/// included.
pub trait Measure {
    /// Measures `operation` on the result of `set_up`.
    fn operation<I, O>(
        &mut self,
        name: &'static str,
        set_up: impl Fn() -> I,
        operation: impl Fn(I) -> O,
    );
}

/// Passes every operation to `measure`.
pub fn all(measure: &mut impl Measure) {
    let user = user();
    let object = user.clone().represent(&USERS, BASE);
    let bind = |text: &'static str| Filter::compile(black_box(text), &USERS).unwrap();

    measure.operation("filter: parse and bind, match query", || MATCH, bind);
    measure.operation("filter: parse and bind, long", || LONG, bind);
    for (name, text) in [
        ("filter: match, match query", MATCH),
        ("filter: match, long", LONG),
    ] {
        let filter = bind(text);
        assert!(filter.matches(&object), "{text}");
        measure.operation(name, || &object, |object| filter.matches(black_box(object)));
    }

    let post = body(include_str!("../../../events/create-default-mapping.json"));
    measure.operation("POST: parse the JSON", || post.as_str(), json);
    measure.operation(
        "POST: check the body",
        || json(&post),
        |body| check(&USERS, body).unwrap().resource,
    );

    let patch = body(include_str!("../../../events/patch-verbose-replace.json"));
    let request = || PatchRequest::parse(json(&patch)).unwrap();
    measure.operation("PATCH: parse the JSON", || patch.as_str(), json);
    measure.operation(
        "PATCH: parse 36 operations",
        || json(&patch),
        |body| PatchRequest::parse(body).unwrap(),
    );
    let before = created();
    measure.operation("PATCH: apply 36 operations", request, |request| {
        patch::apply(&USERS, &before, &request, &Budget::default())
            .unwrap()
            .resource
            .unwrap()
    });
    measure.operation("PATCH: apply them again", request, |request| {
        assert_eq!(
            patch::apply(&USERS, &user.resource, &request, &Budget::default())
                .unwrap()
                .resource,
            None
        );
    });

    let everything = Projection::default();
    let excluded = Projection::parse(&USERS, None, Some("roles,name.formatted,manager")).unwrap();
    for (name, projection) in [
        ("render: represent, project, write JSON", &everything),
        ("render: the same, excludedAttributes", &excluded),
    ] {
        measure.operation(
            name,
            || user.clone(),
            |user| {
                let projected = projection.apply(&USERS, user.represent(&USERS, BASE));
                serde_json::to_string(&projected).unwrap()
            },
        );
    }
}

/// A user as created by Entra's default mapping, with what other clients add.
fn created() -> Resource {
    let post = body(include_str!("../../../events/create-default-mapping.json"));
    let mut user = json(&post);
    user.extend(json(
        r#"{"emails": [{"type": "work", "value": "lena.ortiz@fieldcrew.example", "primary": true},
                       {"type": "home", "value": "lena.ortiz@home.example"}],
            "roles": [{"value": "Dispatcher", "display": "Dispatcher", "primary": true},
                      {"value": "Timekeeper", "display": "Timekeeper"}],
            "ims": [{"type": "xmpp", "value": "lena@chat.fieldcrew.example"}],
            "photos": [{"type": "thumbnail", "value": "https://fieldcrew.example/photos/lena.jpg"}],
            "addresses": [{"type": "work", "streetAddress": "12 Dock Rd", "locality": "Bilbao", "country": "ES"},
                          {"type": "home", "streetAddress": "7 Quay St", "locality": "Getxo", "country": "ES"}],
            "entitlements": [{"value": "vehicle"}, {"value": "warehouse"}]}"#,
    ));
    check(&USERS, user).unwrap().resource
}

/// The same user after a PATCH of every attribute that Entra can map: 2 KB as clients see it.
fn user() -> Stored {
    let patch = body(include_str!("../../../events/patch-verbose-replace.json"));
    let request = PatchRequest::parse(json(&patch)).unwrap();
    let user = Stored {
        id: ResourceId::parse("2819c223-7f76-453a-919d-413861904646").unwrap(),
        meta: Meta::new(OffsetDateTime::from_unix_timestamp(1_795_500_000).unwrap()),
        resource: patch::apply(&USERS, &created(), &request, &Budget::default())
            .unwrap()
            .resource
            .unwrap(),
        reserved: None,
    };
    let text = serde_json::to_string(&user.clone().represent(&USERS, BASE)).unwrap();
    assert!((1900..2200).contains(&text.len()), "{} bytes", text.len());
    user
}

/// The body of an API Gateway event.
fn body(event: &str) -> String {
    match json(event).remove("body") {
        Some(Value::String(body)) => body,
        _ => panic!("the event has no body"),
    }
}

fn json(text: &str) -> Map<String, Value> {
    serde_json::from_str(black_box(text)).unwrap()
}
