//! The function's settings.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::Yaml;

use crate::values::{identifier, number};
use crate::yaml::{at, parse, source, string};

#[test]
fn the_function_gets_the_variables_that_it_reads() {
    let text = source("template.yaml");
    let template = parse(&text);
    let given: BTreeSet<String> = environment(&template)
        .keys()
        .filter(|name| name.starts_with("SCIM_"))
        .cloned()
        .collect();
    let config = source("src/config.rs");
    let read: BTreeSet<String> = config
        .match_indices("\"SCIM_")
        .map(|(position, _)| identifier(&config[position + 1..]).to_owned())
        .collect();
    assert_eq!(
        given, read,
        "template.yaml (left) and src/config.rs (right) differ"
    );
}

#[test]
fn each_time_limit_leaves_room_for_the_one_inside_it() {
    let text = source("template.yaml");
    let template = parse(&text);
    let function = at(&template, &["Resources", "Function", "Properties"]);
    let request: u64 = environment(&template)["SCIM_REQUEST_DEADLINE_MS"]
        .parse()
        .unwrap();
    let run = number(at(function, &["Timeout"])) * 1000;
    let gateway = number(at(
        function,
        &["Events", "EveryRequest", "Properties", "TimeoutInMillis"],
    ));
    assert!(
        request + 5_000 <= run,
        "a cold start and the answer need a few seconds"
    );
    assert!(
        run + 1_000 <= gateway,
        "the gateway would answer in the function's place"
    );
    assert!(gateway <= 30_000, "an HTTP API waits 30 seconds at most");
}

/// Plain values unchanged; values computed by CloudFormation become an empty text.
fn environment(template: &Yaml<'_>) -> BTreeMap<String, String> {
    let path = [
        "Resources",
        "Function",
        "Properties",
        "Environment",
        "Variables",
    ];
    let variables = at(template, &path).as_mapping().expect("a mapping");
    variables
        .iter()
        .map(|(name, value)| (string(name), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}
