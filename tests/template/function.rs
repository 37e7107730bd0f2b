//! The functions' settings.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::Yaml;

use crate::values::{identifier, number};
use crate::yaml::{at, parse, source, string, tagged};

/// The functions, and the folder of the package of each: where its manifest is, and the file in
/// which its variables are read.
const FUNCTIONS: [(&str, &str); 4] = [
    ("Function", ""),
    ("SettingsFunction", "crates/settings/"),
    ("EventFunction", "crates/member-events/"),
    ("PendingFunction", "crates/pending-changes/"),
];

#[test]
fn the_functions_get_the_variables_that_they_read() {
    let text = source("template.yaml");
    let template = parse(&text);
    for (function, folder) in FUNCTIONS {
        let config = format!("{folder}src/config.rs");
        let variables = environment(&template, function);
        assert!(variables.contains_key("RUST_LOG"), "{function}");
        let given: BTreeSet<String> = variables
            .into_keys()
            .filter(|name| name.starts_with("SCIM_"))
            .collect();
        let code = source(&config);
        let read: BTreeSet<String> = code
            .match_indices("\"SCIM_")
            .map(|(position, _)| identifier(&code[position + 1..]).to_owned())
            .collect();
        assert_eq!(
            given, read,
            "{function} in template.yaml (left) and {config} (right) differ"
        );
    }
}

/// Those of events and of pending changes are not among these: no gateway waits for them.
#[test]
fn each_time_limit_leaves_room_for_the_one_inside_it() {
    let text = source("template.yaml");
    let template = parse(&text);
    let deadline = source("crates/settings/src/lib.rs");
    let (_, deadline) = deadline
        .split_once("const DEADLINE: Duration = Duration::from_secs(")
        .expect("the deadline of the settings page");
    let deadline: u64 = identifier(deadline).parse().unwrap();
    let request = &environment(&template, "Function")["SCIM_REQUEST_DEADLINE_MS"];
    let requests = [request.parse().unwrap(), deadline * 1000];
    for ((function, _), request) in FUNCTIONS.into_iter().zip(requests) {
        let function = at(&template, &["Resources", function, "Properties"]);
        let run = number(at(function, &["Timeout"])) * 1000;
        assert!(
            request + 5_000 <= run,
            "a cold start and the answer need a few seconds"
        );
        let events = at(function, &["Events"]).as_mapping().expect("a mapping");
        for event in events.values() {
            let gateway = number(at(event, &["Properties", "TimeoutInMillis"]));
            assert!(
                run + 1_000 <= gateway,
                "the gateway would answer in the function's place"
            );
            assert!(gateway <= 30_000, "an HTTP API waits 30 seconds at most");
        }
    }
}

/// None sees another's lines, and each is the binary of its own package.
#[test]
fn each_function_is_its_own_binary_with_its_own_log() {
    let text = source("template.yaml");
    let template = parse(&text);
    let mut groups = BTreeSet::new();
    for (function, folder) in FUNCTIONS {
        let manifest = format!("{folder}Cargo.toml");
        let function = at(&template, &["Resources", function]);
        let binary = string(at(function, &["Metadata", "BuildProperties", "Binary"]));
        let name = format!("\nname = \"{binary}\"\n");
        assert!(source(&manifest).contains(&name), "{manifest}: {name}");
        let (_, group) = tagged(at(function, &["Properties", "LoggingConfig", "LogGroup"]));
        at(&template, &["Resources", &group]);
        assert!(groups.insert(group), "two functions have one log group");
    }
}

/// Plain values unchanged; values computed by CloudFormation become an empty text.
fn environment(template: &Yaml<'_>, function: &str) -> BTreeMap<String, String> {
    let path = [
        "Resources",
        function,
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
