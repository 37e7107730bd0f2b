//! The tables: the deployed ones equal the local engines'.

use saphyr::Yaml;
use store::client::tables::{DIRECTORY, IndexDefinition, SECRETS, SESSIONS, TableDefinition};

use crate::queues::watched;
use crate::stack::{of_type, shown};
use crate::values::{boolean, number};
use crate::yaml::{at, items, parse, source, string, table_by, tagged};

#[test]
fn the_secrets_table_is_as_the_code_defines_it() {
    assert_table("SecretsTable", &SECRETS);
}

#[test]
fn the_directory_table_is_as_the_code_defines_it() {
    assert_table("DirectoryTable", &DIRECTORY);
}

#[test]
fn the_sessions_table_is_as_the_code_defines_it() {
    assert_table("SessionsTable", &SESSIONS);
}

/// After a restore the functions, their policies (`permissions`) and the operator use another
/// table: all of them, or none.
#[test]
fn another_table_takes_the_place_of_the_stack_s_own_everywhere() {
    let text = source("template.yaml");
    let template = parse(&text);
    let variable = |function: &str, name: &str| {
        let path = [
            "Resources",
            function,
            "Properties",
            "Environment",
            "Variables",
        ];
        at(at(&template, &path), &[name])
    };
    for (table, name) in [
        ("SecretsTable", "SCIM_SECRETS_TABLE"),
        ("DirectoryTable", "SCIM_DIRECTORY_TABLE"),
    ] {
        let parameter = format!("{table}Name");
        let output = at(&template, &["Outputs", &parameter, "Value"]);
        let parameter = at(&template, &["Parameters", &parameter]);
        assert_eq!(string(at(parameter, &["Type"])), "String");
        assert_eq!(string(at(parameter, &["Default"])), "");
        for value in [
            variable("Function", name),
            variable("SettingsFunction", name),
            variable("PendingFunction", name),
            output,
        ] {
            assert_eq!(table_by(value, "Ref", str::to_owned), table);
        }
        // The stack's own stays, whatever is used.
        let own = at(&template, &["Resources", table]);
        assert!(!own.contains_mapping_key("Condition"), "{table}");
    }
    // The index is the table's, so it is named in one policy, with the other table's beside it.
    for of in ["${DirectoryTable.Arn}", "${DirectoryTableName}/index/"] {
        assert_eq!(text.matches(of).count(), 1, "{of}");
    }
    // `Ref` and `GetAtt` of a table are nowhere else: beside the functions', each policy for
    // operators has one in each of its statements, and their tests read those. What is watched, the
    // test below reads. Nightly copies have one each (`deploy`).
    let (first, rest) = text.split_once("  # ---- What is watched").unwrap();
    let (_, last) = rest.split_once("\nOutputs:\n").unwrap();
    let text = format!("{first}{last}");
    for (table, uses) in [("SecretsTable", 13), ("DirectoryTable", 11)] {
        let refs = [format!("!Ref {table}]"), format!("!GetAtt {table}.Arn")];
        let found: usize = refs
            .iter()
            .map(|of| text.matches(of.as_str()).count())
            .sum();
        assert_eq!(found, uses, "{table}");
        let condition = format!("Has{table}Name: !Not [!Equals [!Ref {table}Name, \"\"]]");
        assert!(text.contains(&condition), "{condition}");
    }
}

/// An alarm that went on watching the table that is not used any more would see nothing.
#[test]
fn what_is_watched_is_the_table_in_use() {
    let text = source("template.yaml");
    let template = parse(&text);
    let mut found = 0;
    for (name, alarm) in of_type(&template, "AWS::CloudWatch::Alarm") {
        for metric in watched(alarm) {
            let dimensions = metric.as_mapping_get("Dimensions");
            for dimension in dimensions.into_iter().flat_map(items) {
                if string(at(dimension, &["Name"])) == "TableName" {
                    let value = at(dimension, &["Value"]);
                    assert_eq!(shown(value).get(..4), Some("!If "), "{name}");
                    table_by(value, "Ref", str::to_owned);
                    found += 1;
                }
            }
        }
    }
    assert!(found >= 8, "{found}");
    let dashboard = of_type(&template, "AWS::CloudWatch::Dashboard")["Dashboard"];
    let Yaml::Tagged(_, body) = at(dashboard, &["DashboardBody"]) else {
        panic!("no values by name");
    };
    let values = items(body).nth(1).expect("values by name");
    for (name, table) in [("Directory", "DirectoryTable"), ("Secrets", "SecretsTable")] {
        let value = at(values, &[name]);
        assert_eq!(shown(value).get(..4), Some("!If "), "{name}");
        assert_eq!(table_by(value, "Ref", str::to_owned), table);
    }
}

/// Nobody restores it, so it is always the stack's own.
#[test]
fn nothing_takes_the_place_of_the_sessions_table() {
    let text = source("template.yaml");
    let template = parse(&text);
    let variables = ["Properties", "Environment", "Variables"];
    let page = at(&template, &["Resources", "SettingsFunction"]);
    let variable = at(at(page, &variables), &["SCIM_SESSIONS_TABLE"]);
    let output = at(&template, &["Outputs", "SessionsTableName", "Value"]);
    for value in [variable, output] {
        assert_eq!(
            tagged(value),
            ("Ref".to_owned(), "SessionsTable".to_owned())
        );
    }
    let parameters = at(&template, &["Parameters"]);
    assert!(!parameters.contains_mapping_key("SessionsTableName"));
    // The page's role and the three policies for operators have it once each.
    assert_eq!(text.matches("!GetAtt SessionsTable.Arn").count(), 4);
}

fn assert_table(name: &str, definition: &TableDefinition) {
    let text = source("template.yaml");
    let template = parse(&text);
    let table = at(&template, &["Resources", name]);
    let properties = at(table, &["Properties"]);
    assert_eq!(string(at(table, &["Type"])), "AWS::DynamoDB::GlobalTable");
    let replicas: Vec<_> = items(at(properties, &["Replicas"])).collect();
    let [replica] = replicas[..] else {
        panic!("{name}: the code knows of one region");
    };
    let region = tagged(at(replica, &["Region"]));
    assert_eq!(region, ("Ref".to_owned(), "AWS::Region".to_owned()));

    let pairs = |list: &str, first: &str, second: &str| -> Vec<(String, String)> {
        items(at(properties, &[list]))
            .map(|entry| (string(at(entry, &[first])), string(at(entry, &[second]))))
            .collect()
    };
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    assert_eq!(
        pairs("KeySchema", "AttributeName", "KeyType"),
        owned(&definition.key_schema),
        "{name}: primary key"
    );
    // Those of the keys alone, which are the table's and its index's: DynamoDB takes no others.
    let of_index = definition.index.iter().map(|index| (index.key, "S"));
    let attributes = definition.attribute_definitions.into_iter();
    let attributes: Vec<_> = attributes.chain(of_index).collect();
    assert_eq!(
        pairs("AttributeDefinitions", "AttributeName", "AttributeType"),
        owned(&attributes),
        "{name}: attribute types"
    );
    assert_eq!(
        string(at(properties, &["BillingMode"])),
        definition.billing_mode,
        "{name}"
    );
    assert_eq!(
        boolean(at(replica, &["DeletionProtectionEnabled"])),
        definition.deletion_protection,
        "{name}: deletion protection"
    );
    assert_eq!(
        boolean(at(
            replica,
            &[
                "PointInTimeRecoverySpecification",
                "PointInTimeRecoveryEnabled"
            ]
        )),
        definition.point_in_time_recovery,
        "{name}: point-in-time recovery"
    );
    let recovery = at(replica, &["PointInTimeRecoverySpecification"]);
    let period = recovery.as_mapping_get("RecoveryPeriodInDays").map(tagged);
    let days = ("Ref".to_owned(), "RecoveryDays".to_owned());
    assert_eq!(
        period,
        definition.point_in_time_recovery.then_some(days),
        "{name}: days of recovery"
    );
    let days = at(&template, &["Parameters", "RecoveryDays"]);
    let days = ["MinValue", "Default", "MaxValue"].map(|bound| number(at(days, &[bound])));
    assert_eq!(days, [1, 35, 35], "{name}: days of recovery");
    let time_to_live = properties
        .as_mapping_get("TimeToLiveSpecification")
        .map(|specification| {
            assert!(
                boolean(at(specification, &["Enabled"])),
                "{name}: time to live is off"
            );
            string(at(specification, &["AttributeName"]))
        });
    assert_eq!(
        time_to_live.as_deref(),
        definition.time_to_live,
        "{name}: time to live"
    );
    let stream = properties
        .as_mapping_get("StreamSpecification")
        .map(|specification| string(at(specification, &["StreamViewType"])));
    assert_eq!(stream.as_deref(), definition.stream, "{name}: stream");
    let index = properties
        .as_mapping_get("GlobalSecondaryIndexes")
        .map(shown);
    assert_eq!(index, definition.index.map(shown_index), "{name}: index");
    let local = "LocalSecondaryIndexes";
    assert!(!properties.contains_mapping_key(local), "{name}: {local}");

    assert!(
        boolean(at(properties, &["SSESpecification", "SSEEnabled"])),
        "{name}: encryption"
    );
    assert_eq!(
        string(at(properties, &["SSESpecification", "SSEType"])),
        definition.encryption,
        "{name}: encryption"
    );
    // What only a deployment has: a table that no call may delete stays when the stack goes.
    let fate = match definition.deletion_protection {
        true => "Retain",
        false => "Delete",
    };
    for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
        assert_eq!(string(at(table, &[policy])), fate, "{name}: {policy}");
    }
}

/// The only index of a table, as `stack::shown` shows it: of a text, with the keys of items alone.
fn shown_index(index: IndexDefinition) -> String {
    let IndexDefinition { name, key } = index;
    format!(
        "[{{IndexName: {name}, KeySchema: [{{AttributeName: {key}, KeyType: HASH}}], \
         Projection: {{ProjectionType: KEYS_ONLY}}}}]"
    )
}

/// Its key is the attribute of pending changes that says where their records are, and no attribute
/// that every item has. It is the index that the function's policy names (`permissions`).
#[test]
fn the_index_is_of_pending_changes() {
    let index = DIRECTORY.index.expect("an index");
    assert_eq!((index.name, index.key), ("pending", "record"));
    assert_eq!((SECRETS.index, SESSIONS.index), (None, None));
    let keys = DIRECTORY.key_schema.map(|(name, _)| name);
    assert!(!keys.contains(&index.key), "every item would be in it");
    let pending = source("crates/store/src/directory/members/pending.rs");
    let named = format!("const RECORD: &str = \"{}\";", index.key);
    assert!(pending.contains(&named), "{named}");
}
