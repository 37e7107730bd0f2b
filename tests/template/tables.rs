//! The tables: the deployed ones equal the local engines'.

use store::client::tables::{DIRECTORY, SECRETS, TableDefinition};

use crate::yaml::{at, boolean, items, parse, source, string};

#[test]
fn the_secrets_table_is_as_the_code_defines_it() {
    assert_table("SecretsTable", &SECRETS);
}

#[test]
fn the_directory_table_is_as_the_code_defines_it() {
    assert_table("DirectoryTable", &DIRECTORY);
}

fn assert_table(name: &str, definition: &TableDefinition) {
    let text = source("template.yaml");
    let template = parse(&text);
    let table = at(&template, &["Resources", name]);
    let properties = at(table, &["Properties"]);

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
        boolean(at(properties, &["DeletionProtectionEnabled"])),
        definition.deletion_protection,
        "{name}: deletion protection"
    );
    assert_eq!(
        boolean(at(
            properties,
            &[
                "PointInTimeRecoverySpecification",
                "PointInTimeRecoveryEnabled"
            ]
        )),
        definition.point_in_time_recovery,
        "{name}: point-in-time recovery"
    );
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
    for index in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        assert!(
            !properties.contains_mapping_key(index),
            "{name}: the code defines no {index}"
        );
    }

    // What only a deployment has.
    assert!(
        boolean(at(properties, &["SSESpecification", "SSEEnabled"])),
        "{name}: encryption"
    );
    for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
        assert_eq!(string(at(table, &[policy])), "Retain", "{name}: {policy}");
    }
}
