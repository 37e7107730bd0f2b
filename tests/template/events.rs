//! Member events: what goes from the stream to the queue, the bus and the webhook.

use std::collections::BTreeSet;

use saphyr::Yaml;
use serde_json::{Value, json};

use crate::deploy::{OF_DEPLOY, policy_of_function};
use crate::stack::{Stack, of_type, shown};
use crate::values::number;
use crate::yaml::{at, items, parse, source, statements, string};

const PIPES: [(&str, &str); 2] = [
    ("QueuePipe", "MemberEventQueue"),
    ("BusPipe", "MemberEventBus"),
];

/// The stream of the stack's own table, or that of the table in its place.
pub const STREAM: &str = "!If [HasDirectoryTableName, \
     !Sub arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${DirectoryTableName}\
     /stream/${DirectoryStreamLabel}, !GetAtt DirectoryTable.StreamArn]";

/// What is there with queue and bus.
const OF_BOTH: &[&str] = &[
    "PipeDeadAlarm",
    "PipeDeadQueue",
    "PipeDeadQueuePolicy",
    "PipeLogGroup",
];
const OF_QUEUE: &[&str] = &[
    "MemberDeadAlarm",
    "MemberDeadQueue",
    "MemberDeadQueuePolicy",
    "MemberEventQueue",
    "MemberEventQueuePolicy",
    "MemberQueueAlarm",
];
const OF_QUEUE_PIPE: &[&str] = &["QueuePipe", "QueuePipeAlarm", "QueuePipeRole"];
const OF_BUS: &[&str] = &[
    "EventSchemaRegistry",
    "MemberEventArchive",
    "MemberEventBus",
    "MemberEventSchema",
];
const OF_BUS_PIPE: &[&str] = &["BusPipe", "BusPipeAlarm", "BusPipeRole"];
const OF_WEBHOOK: &[&str] = &[
    "WebhookConnection",
    "WebhookDeadAlarm",
    "WebhookDeadQueue",
    "WebhookDeadQueuePolicy",
    "WebhookDestination",
    "WebhookRole",
    "WebhookRule",
];

/// What other parameters turn on: see `watch`.
const OF_OTHERS: &[&str] = &["ConcurrencyAlarm", "ExpiryAlarm", "SilenceAlarm"];

const QUEUE_OFF: (&str, &str) = ("MemberQueue", "off");
const BUS_OFF: (&str, &str) = ("MemberBus", "off");
const OTHER_TABLE: (&str, &str) = ("DirectoryTableName", "restored");
const ITS_STREAM: (&str, &str) = ("DirectoryStreamLabel", "2026-11-26T20:00:00.123");
const WEBHOOK: (&str, &str) = ("WebhookUrl", "https://product.example/events");
const CONSUMER: (&str, &str) = ("EventConsumerArn", "arn:aws:iam::111122223333:role/product");

#[test]
fn change_records_pass_the_filter_of_both_pipes_and_nothing_else_does() {
    let text = source("template.yaml");
    let template = parse(&text);
    let keys = source("crates/store/src/directory/keys/mod.rs");
    let (_, changes) = keys
        .split_once("const CHANGES: &str = \"")
        .expect("how their keys begin");
    let (changes, _) = changes.split_once('"').unwrap();
    let wanted = json!({
        "eventName": ["INSERT"],
        "dynamodb": {"Keys": {"sk": {"S": [{"prefix": changes}]}}},
    });
    for (pipe, _) in PIPES {
        let path = ["SourceParameters", "FilterCriteria", "Filters"];
        let filters: Vec<_> = items(at(pipe_of(&template, pipe), &path)).collect();
        assert_eq!(filters.len(), 1, "{pipe}: any filter lets pass");
        let pattern = string(at(filters[0], &["Pattern"]));
        assert!(pattern.len() <= 4096, "{pipe}");
        let pattern: Value = serde_json::from_str(&pattern).expect("a pattern is JSON");
        assert_eq!(pattern, wanted, "{pipe}");
    }
}

#[test]
fn both_pipes_read_the_stream_in_order_and_give_up_no_record_early() {
    let text = source("template.yaml");
    let template = parse(&text);
    let pipes: BTreeSet<_> = of_type(&template, "AWS::Pipes::Pipe").into_keys().collect();
    let two = PIPES.map(|(pipe, _)| pipe.to_owned());
    assert_eq!(pipes, two.into(), "a shard bears two readers");
    for (pipe, target) in PIPES {
        let pipe = pipe_of(&template, pipe);
        assert_eq!(shown(at(pipe, &["Source"])), STREAM);
        let own = [("Enrichment", "EventFunction"), ("Target", target)];
        for (property, name) in own {
            assert_eq!(shown(at(pipe, &[property])), format!("!GetAtt {name}.Arn"));
        }
        let reads = at(pipe, &["SourceParameters", "DynamoDBStreamParameters"]);
        assert_eq!(
            shown(reads),
            "{StartingPosition: TRIM_HORIZON, BatchSize: 5, MaximumBatchingWindowInSeconds: 0, \
             ParallelizationFactor: 1, OnPartialBatchItemFailure: AUTOMATIC_BISECT, \
             MaximumRetryAttempts: -1, MaximumRecordAgeInSeconds: 72000, \
             DeadLetterConfig: {Arn: !GetAtt PipeDeadQueue.Arn}}"
        );
        assert!(
            !pipe.contains_mapping_key("Name"),
            "it could not be replaced"
        );
        assert_eq!(
            shown(at(pipe, &["LogConfiguration"])),
            "{Level: ERROR, CloudwatchLogsLogDestination: {LogGroupArn: !GetAtt PipeLogGroup.Arn}}",
            "execution data is personal data"
        );
    }
}

/// The paths are into the event, whose members `schemas/member-event-1.json` names.
#[test]
fn what_a_target_needs_is_in_every_event() {
    let text = source("template.yaml");
    let template = parse(&text);
    let schema: Value = serde_json::from_str(&source("schemas/member-event-1.json")).unwrap();
    let queue = at(
        pipe_of(&template, "QueuePipe"),
        &["TargetParameters", "SqsQueueParameters"],
    );
    let bus = at(
        pipe_of(&template, "BusPipe"),
        &["TargetParameters", "EventBridgeEventBusParameters"],
    );
    assert_eq!(
        shown(queue),
        "{MessageGroupId: $.subject, MessageDeduplicationId: $.id}"
    );
    assert_eq!(
        shown(bus),
        "{Source: hellotracks.scim, DetailType: $.type, Time: $.time}"
    );
    let required = schema["required"].as_array().unwrap();
    for name in ["subject", "id", "type", "time"] {
        assert!(required.contains(&json!(name)), "{name}");
    }
    // Whoever listens to the bus does so by the source that the pipe gives.
    let patterns = [
        at(
            &template,
            &["Resources", "MemberEventArchive", "Properties"],
        ),
        at(&template, &["Resources", "WebhookRule", "Properties"]),
    ];
    for properties in patterns {
        let pattern = shown(at(properties, &["EventPattern"]));
        assert_eq!(pattern, "{source: [hellotracks.scim]}");
    }
    let targets: Vec<_> = items(at(patterns[1], &["Targets"])).collect();
    assert_eq!(targets.len(), 1);
    assert_eq!(string(at(targets[0], &["InputPath"])), "$.detail");
    let tries = at(targets[0], &["RetryPolicy", "MaximumEventAgeInSeconds"]);
    assert_eq!(number(tries), 24 * 3600);
}

/// A record may become two events, and a target takes ten.
#[test]
fn a_batch_of_records_is_a_batch_of_events() {
    let text = source("template.yaml");
    let template = parse(&text);
    for (pipe, _) in PIPES {
        let path = ["SourceParameters", "DynamoDBStreamParameters", "BatchSize"];
        let records = number(at(pipe_of(&template, pipe), &path));
        assert!((1..=5).contains(&records), "{pipe}: {records}");
    }
}

#[test]
fn the_event_function_may_write_logs_and_nothing_else() {
    let text = source("template.yaml");
    let template = parse(&text);
    let function = at(&template, &["Resources", "EventFunction"]);
    assert_eq!(string(at(function, &["Type"])), "AWS::Serverless::Function");
    let function = at(function, &["Properties"]);
    let policy = statements(policy_of_function(&template, "EventFunction"));
    assert_eq!(policy.len(), 1, "its log, which `deploy` has more about");
    // A pipe invokes the function with its own role, so nothing else does: no event, no URL.
    for property in ["Policies", "Events", "FunctionUrlConfig", "Connectors"] {
        assert!(!function.contains_mapping_key(property), "{property}");
    }
    let globals = template.contains_mapping_key("Globals");
    assert!(!globals, "they would add to every function");
}

#[test]
fn the_directory_has_a_stream_of_new_images() {
    let text = source("template.yaml");
    let template = parse(&text);
    let tables = of_type(&template, "AWS::DynamoDB::GlobalTable");
    for (name, table) in tables {
        let stream = table.as_mapping_get("StreamSpecification").map(shown);
        let wanted = (name == "DirectoryTable").then(|| "{StreamViewType: NEW_IMAGE}".to_owned());
        assert_eq!(stream, wanted, "{name}");
    }
}

#[test]
fn what_is_off_is_not_there() {
    let text = source("template.yaml");
    let template = parse(&text);
    let optional: BTreeSet<&str> = [
        OF_BOTH,
        OF_QUEUE,
        OF_QUEUE_PIPE,
        OF_BUS,
        OF_BUS_PIPE,
        OF_WEBHOOK,
    ]
    .concat()
    .into_iter()
    .chain(["MemberEventBusPolicy"])
    .collect();
    let with = |parameters: &[(&'static str, &'static str)], parts: &[&[&'static str]]| {
        let stack = Stack::new(&template, parameters.iter().copied());
        let names = stack.names("Resources");
        let there: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let there: BTreeSet<&str> = there.intersection(&optional).copied().collect();
        let wanted: BTreeSet<&str> = parts.concat().into_iter().collect();
        assert_eq!(there, wanted, "{parameters:?}");
    };
    let both = [OF_BOTH, OF_QUEUE, OF_QUEUE_PIPE, OF_BUS, OF_BUS_PIPE];
    with(&[], &both);
    with(&[QUEUE_OFF, BUS_OFF], &[]);
    with(&[BUS_OFF], &[OF_BOTH, OF_QUEUE, OF_QUEUE_PIPE]);
    with(&[QUEUE_OFF], &[OF_BOTH, OF_BUS, OF_BUS_PIPE]);
    // The queue and what is in it stay while the functions use a table whose stream is not named.
    with(&[OTHER_TABLE], &[OF_BOTH, OF_QUEUE, OF_BUS]);
    with(&[OTHER_TABLE, ITS_STREAM], &both);
    with(&[WEBHOOK], &[&both[..], &[OF_WEBHOOK]].concat());
    with(&[WEBHOOK, BUS_OFF], &[OF_BOTH, OF_QUEUE, OF_QUEUE_PIPE]);
    with(
        &[CONSUMER],
        &[&both[..], &[&["MemberEventBusPolicy"]]].concat(),
    );
    with(&[CONSUMER, BUS_OFF], &[OF_BOTH, OF_QUEUE, OF_QUEUE_PIPE]);
    // The rest is always there.
    let conditional = at(&template, &["Resources"]).as_mapping().unwrap().iter();
    let conditional: BTreeSet<String> = conditional
        .filter(|(_, resource)| resource.contains_mapping_key("Condition"))
        .map(|(name, _)| string(name))
        .collect();
    let optional = optional.iter().chain(OF_OTHERS).chain(OF_DEPLOY);
    let optional = optional.map(|name| (*name).to_owned()).collect();
    assert_eq!(conditional, optional);
}

/// CloudFormation refuses a stack in which something names what is not there.
#[test]
fn whatever_is_there_names_only_what_is_there() {
    let text = source("template.yaml");
    let template = parse(&text);
    let switches = [
        QUEUE_OFF,
        BUS_OFF,
        OTHER_TABLE,
        ITS_STREAM,
        WEBHOOK,
        CONSUMER,
        ("ReservedConcurrency", "200"),
        ("SteadyTraffic", "true"),
    ];
    names_only_what_is_there(&template, &switches);
}

/// With each set of other values of parameters.
pub fn names_only_what_is_there(template: &Yaml<'_>, switches: &[(&'static str, &'static str)]) {
    let parameters = Stack::new(template, []).names("Parameters");
    for set in 0..1_usize << switches.len() {
        let on = (0..switches.len()).filter(|switch| set & (1 << switch) != 0);
        let on: Vec<_> = on.map(|switch| switches[switch]).collect();
        let stack = Stack::new(template, on.iter().copied());
        let resources = stack.names("Resources");
        for section in ["Resources", "Outputs"] {
            for name in stack.names(section) {
                for named in stack.named_by(at(template, &[section, &name])) {
                    assert!(
                        named.starts_with("AWS::")
                            || parameters.contains(&named)
                            || resources.contains(&named),
                        "{name} names {named}, with {on:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_parameter_and_every_condition_is_used() {
    let text = source("template.yaml");
    let template = parse(&text);
    let stack = Stack::new(&template, []);
    for name in stack.names("Parameters") {
        let ways = [format!("!Ref {name}"), format!("${{{name}}}")];
        let is_used = ways.iter().any(|way| {
            text.match_indices(way.as_str())
                .any(|(at, _)| !text[at + way.len()..].starts_with(char::is_alphanumeric))
        });
        assert!(is_used, "{name}");
    }
    for condition in at(&template, &["Conditions"]).as_mapping().unwrap().keys() {
        let name = string(condition);
        let ways = ["[", "Condition: ", "!Condition ", "- "];
        let is_used = ways
            .iter()
            .any(|way| text.contains(&format!("{way}{name}")));
        assert!(is_used, "{name}");
    }
}

/// `on` without quotes is a truth value to readers of YAML 1.1, of which SAM is one.
#[test]
fn switches_are_texts() {
    let text = source("template.yaml");
    let template = parse(&text);
    for name in ["MemberQueue", "MemberBus"] {
        let parameter = at(&template, &["Parameters", name]);
        assert_eq!(shown(at(parameter, &["AllowedValues"])), "[on, off]");
        assert_eq!(string(at(parameter, &["Default"])), "on");
    }
    for unquoted in [
        "Default: on",
        "Default: off",
        "[on",
        "[off",
        ", on]",
        ", off]",
    ] {
        assert!(!text.contains(unquoted), "{unquoted}");
    }
}

/// The secret is in no parameter, and CloudFormation says it when none is named.
#[test]
fn a_webhook_has_a_secret_that_the_template_does_not_see() {
    let text = source("template.yaml");
    let template = parse(&text);
    let rule = at(&template, &["Rules", "WebhookHasSecret"]);
    let condition = shown(at(rule, &["RuleCondition"]));
    assert_eq!(condition, "!Not [!Equals [!Ref WebhookUrl, ]]");
    let asserted: Vec<_> = items(at(rule, &["Assertions"]))
        .map(|assertion| shown(at(assertion, &["Assert"])))
        .collect();
    let secret = "!Not [!Equals [!Ref WebhookSecretArn, ]]";
    assert_eq!(asserted, [secret, "!Equals [!Ref MemberBus, on]"]);
    let connection = of_type(&template, "AWS::Events::Connection")["WebhookConnection"];
    assert_eq!(
        shown(at(connection, &["AuthParameters"])),
        "{ApiKeyAuthParameters: {ApiKeyName: !Ref WebhookKeyName, \
         ApiKeyValue: !If [HasWebhookSecretVersion, \
         !Sub {{resolve:secretsmanager:${WebhookSecretArn}:SecretString:::${WebhookSecretVersion}}}, \
         !Sub {{resolve:secretsmanager:${WebhookSecretArn}:SecretString}}]}}"
    );
    let url = string(at(
        &template,
        &["Parameters", "WebhookUrl", "AllowedPattern"],
    ));
    assert!(url.starts_with("^$|^https://"), "{url}");
}

#[test]
fn the_archive_is_kept_as_long_as_change_records() {
    let text = source("template.yaml");
    let template = parse(&text);
    let archive = of_type(&template, "AWS::Events::Archive")["MemberEventArchive"];
    let days = shown(at(archive, &["RetentionDays"]));
    assert_eq!(days, "!Ref HistoryRetentionDays");
}

fn pipe_of<'y, 't>(template: &'y Yaml<'t>, name: &str) -> &'y Yaml<'t> {
    at(template, &["Resources", name, "Properties"])
}
