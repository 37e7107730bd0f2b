//! The tables: the deployed ones equal the local engines'.

use store::client::tables::{DIRECTORY, SECRETS, SESSIONS, TableDefinition};

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
            output,
        ] {
            assert_eq!(table_by(value, "Ref", str::to_owned), table);
        }
        // The stack's own stays, whatever is used.
        let own = at(&template, &["Resources", table]);
        assert!(!own.contains_mapping_key("Condition"), "{table}");
    }
    // `Ref` and `GetAtt` of a table are nowhere else: beside the functions', each policy for
    // operators has one in each of its statements, and their tests read those.
    for (table, uses) in [("SecretsTable", 10), ("DirectoryTable", 8)] {
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
    let owned =
        |pairs: [(&str, &str); 2]| pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec();
    assert_eq!(
        pairs("KeySchema", "AttributeName", "KeyType"),
        owned(definition.key_schema),
        "{name}: primary key"
    );
    assert_eq!(
        pairs("AttributeDefinitions", "AttributeName", "AttributeType"),
        owned(definition.attribute_definitions),
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
    for index in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        assert!(
            !properties.contains_mapping_key(index),
            "{name}: the code defines no {index}"
        );
    }

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
