//! The routes of the HTTP API: which function answers them, who is let in, and how often.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::Yaml;

use crate::values::{boolean, number};
use crate::yaml::{at, parse, source, string, tagged};

/// The route with which the product issues links.
const LINKS: &str = "POST /settings/links";

/// A route as API Gateway names it, with the event that it is declared by.
fn routes<'y, 't>(template: &'y Yaml<'t>, function: &str) -> BTreeMap<String, &'y Yaml<'t>> {
    let events = at(template, &["Resources", function, "Properties", "Events"]);
    let events = events.as_mapping().expect("a mapping").values();
    events
        .map(|event| {
            assert_eq!(string(at(event, &["Type"])), "HttpApi");
            let event = at(event, &["Properties"]);
            assert_eq!(tagged(at(event, &["ApiId"])).1, "Api");
            let (method, path) = (string(at(event, &["Method"])), string(at(event, &["Path"])));
            let name = match path.as_str() {
                "$default" => path,
                _ => format!("{method} {path}"),
            };
            (name, event)
        })
        .collect()
}

#[test]
fn the_settings_page_has_its_paths_and_scim_has_all_others() {
    let text = source("template.yaml");
    let template = parse(&text);
    let of = |function| routes(&template, function).into_keys().collect::<Vec<_>>();
    assert_eq!(of("Function"), ["$default"]);
    let page = ["ANY /settings", "ANY /settings/{proxy+}", LINKS];
    assert_eq!(of("SettingsFunction"), page);
    // The path has the same name in the function's log.
    let path = LINKS.split_once(' ').unwrap().1;
    let routes = source("crates/settings/src/route.rs");
    assert!(routes.contains(&format!("Self::Links => \"{path}\"")));
}

#[test]
fn a_signature_is_asked_for_links_and_for_nothing_else() {
    let text = source("template.yaml");
    let template = parse(&text);
    let auth = at(&template, &["Resources", "Api", "Properties", "Auth"]);
    assert!(boolean(at(auth, &["EnableIamAuthorizer"])));
    assert_eq!(auth.as_mapping().unwrap().len(), 1, "no default authorizer");
    for function in ["Function", "SettingsFunction"] {
        for (name, event) in routes(&template, function) {
            let authorizer = event
                .as_mapping_get("Auth")
                .map(|auth| string(at(auth, &["Authorizer"])));
            let wanted = (name == LINKS).then(|| "AWS_IAM".to_owned());
            assert_eq!(authorizer, wanted, "{name}");
        }
    }
    let output = at(&template, &["Outputs", "SettingsLinksArn", "Value"]);
    let (tag, arn) = tagged(output);
    assert_eq!(tag, "Sub");
    let stage = string(at(
        &template,
        &["Resources", "Api", "Properties", "StageName"],
    ));
    let route = LINKS.replacen(" /", "/", 1);
    assert!(
        arn.ends_with(&format!(":${{Api}}/{stage}/{route}")),
        "{arn}"
    );
}

/// API Gateway refuses a stage with settings of a route that does not exist.
#[test]
fn each_route_of_the_settings_page_has_a_limit_of_its_own() {
    let text = source("template.yaml");
    let template = parse(&text);
    let api = at(&template, &["Resources", "Api", "Properties"]);
    let settings = at(api, &["RouteSettings"]).as_mapping().expect("a mapping");
    let limited: BTreeSet<String> = settings.keys().map(string).collect();
    let page = routes(&template, "SettingsFunction").into_keys().collect();
    assert_eq!(limited, page);
    for name in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
        let of_all = number(at(api, &["DefaultRouteSettings", name]));
        for of_route in settings.values() {
            let of_route = number(at(of_route, &[name]));
            assert!((1..=of_all / 10).contains(&of_route), "{name}: {of_route}");
        }
    }
}
