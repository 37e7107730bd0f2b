//! Who may do what with member events: the roles of the pipes and the webhook, and what the queues
//! and the bus say themselves.

use saphyr::Yaml;

use crate::events::STREAM;
use crate::stack::{of_type, shown};
use crate::yaml::{actions, at, choice, items, parse, source, statements, string};

/// The one call for which IAM knows no resource.
const WITHOUT_RESOURCE: &str = "dynamodb:ListStreams";

/// What a statement allows or denies, on one line.
fn said(statement: &Yaml<'_>) -> String {
    let actions = shown(at(statement, &["Action"]));
    let resource = shown(at(statement, &["Resource"]));
    format!("{actions} on {resource}").replace(STREAM, "the stream")
}

pub fn policy(role: &Yaml<'_>) -> Vec<String> {
    for property in ["ManagedPolicyArns", "PermissionsBoundary", "RoleName"] {
        assert!(!role.contains_mapping_key(property), "{property}");
    }
    let policies: Vec<_> = items(at(role, &["Policies"])).collect();
    let [policy] = policies[..] else {
        panic!("one policy has it all: {policies:?}");
    };
    let statements = items(at(policy, &["PolicyDocument", "Statement"]));
    statements
        .map(|statement| {
            assert_eq!(string(at(statement, &["Effect"])), "Allow");
            said(statement)
        })
        .collect()
}

#[test]
fn each_pipe_may_do_exactly_what_it_does() {
    let text = source("template.yaml");
    let template = parse(&text);
    let roles = of_type(&template, "AWS::IAM::Role");
    for (pipe, target) in [
        (
            "QueuePipe",
            "sqs:SendMessage on !GetAtt MemberEventQueue.Arn",
        ),
        ("BusPipe", "events:PutEvents on !GetAtt MemberEventBus.Arn"),
    ] {
        let role = format!("{pipe}Role");
        let of_pipe = shown(at(&template, &["Resources", pipe, "Properties", "RoleArn"]));
        assert_eq!(of_pipe, format!("!GetAtt {role}.Arn"));
        let wanted = [
            "[dynamodb:DescribeStream, dynamodb:GetRecords, dynamodb:GetShardIterator] on the stream",
            "dynamodb:ListStreams on *",
            "lambda:InvokeFunction on !GetAtt EventFunction.Arn",
            target,
            "sqs:SendMessage on !GetAtt PipeDeadQueue.Arn",
        ];
        assert_eq!(policy(roles[&role]), wanted, "{role}");
    }
    let wanted = ["events:InvokeApiDestination on !GetAtt WebhookDestination.Arn"];
    assert_eq!(policy(roles["WebhookRole"]), wanted);
    // That of `pending`, besides, and one of each function.
    let functions = of_type(&template, "AWS::Serverless::Function");
    assert_eq!(roles.len(), 4 + functions.len());
}

#[test]
fn a_role_is_for_its_service_in_this_account() {
    let text = source("template.yaml");
    let template = parse(&text);
    for (name, role) in of_type(&template, "AWS::IAM::Role") {
        let trust = at(role, &["AssumeRolePolicyDocument", "Statement"]);
        let trust: Vec<_> = items(trust).map(shown).collect();
        let account = "StringEquals: {aws:SourceAccount: !Ref AWS::AccountId}";
        let (service, condition) = match name.as_str() {
            // Lambda takes a role of the function's own account alone.
            _ if name.ends_with("FunctionRole") => ("lambda", String::new()),
            "WebhookRole" => ("events", account.to_owned()),
            "PendingScheduleRole" => ("scheduler", account.to_owned()),
            _ => {
                let pipes =
                    "!Sub arn:${AWS::Partition}:pipes:${AWS::Region}:${AWS::AccountId}:pipe/*";
                let pipes = format!("ArnLike: {{aws:SourceArn: {pipes}}}");
                ("pipes", format!("{account}, {pipes}"))
            }
        };
        let condition = match condition.is_empty() {
            true => condition,
            false => format!(", Condition: {{{condition}}}"),
        };
        let wanted = format!(
            "{{Effect: Allow, Principal: {{Service: {service}.amazonaws.com}}, \
             Action: sts:AssumeRole{condition}}}"
        );
        assert_eq!(trust, [wanted], "{name}");
    }
}

#[test]
fn no_role_may_do_something_with_everything() {
    let text = source("template.yaml");
    let template = parse(&text);
    let mut all = Vec::new();
    for role in of_type(&template, "AWS::IAM::Role").values() {
        for policy in items(at(role, &["Policies"])) {
            all.extend(statements(at(policy, &["PolicyDocument"])));
        }
    }
    for policy in of_type(&template, "AWS::IAM::ManagedPolicy").values() {
        all.extend(statements(at(policy, &["PolicyDocument"])));
    }
    for (_, statement) in all {
        let actions = actions(statement);
        assert!(!actions.concat().contains('*'), "{actions:?}");
        let resource = shown(at(statement, &["Resource"]));
        assert!(
            !resource.contains('*') || actions == [WITHOUT_RESOURCE],
            "{actions:?} on {resource}"
        );
    }
}

/// IAM policies of the account let its own roles in; a queue's policy adds nobody but whom the
/// parameter names, and, for the webhook, the rule whose dead letters it takes.
#[test]
fn queues_let_nobody_in_but_the_named_consumer() {
    let text = source("template.yaml");
    let template = parse(&text);
    let policies = of_type(&template, "AWS::SQS::QueuePolicy");
    for queue in of_type(&template, "AWS::SQS::Queue").into_keys() {
        let policy = policies[&format!("{queue}Policy")];
        assert_eq!(shown(at(policy, &["Queues"])), format!("[!Ref {queue}]"));
        let mut statements = items(at(policy, &["PolicyDocument", "Statement"]));
        assert_eq!(
            shown(statements.next().unwrap()),
            format!(
                "{{Sid: OnlyEncrypted, Effect: Deny, Principal: *, Action: sqs:*, \
                 Resource: !GetAtt {queue}.Arn, Condition: {{Bool: {{aws:SecureTransport: false}}}}}}"
            )
        );
        let others: Vec<_> = statements.collect();
        match (queue.as_str(), &others[..]) {
            ("MemberEventQueue", [consumer]) => {
                let (condition, then, otherwise) = choice(consumer);
                assert_eq!(condition, "HasEventConsumer");
                assert_eq!(shown(otherwise), "!Ref AWS::NoValue");
                assert_eq!(
                    shown(then),
                    "{Sid: Consumer, Effect: Allow, Principal: {AWS: !Ref EventConsumerArn}, \
                     Action: [sqs:ChangeMessageVisibility, sqs:DeleteMessage, \
                     sqs:GetQueueAttributes, sqs:GetQueueUrl, sqs:ReceiveMessage], \
                     Resource: !GetAtt MemberEventQueue.Arn}"
                );
            }
            ("WebhookDeadQueue", [rule]) => assert_eq!(
                shown(rule),
                "{Sid: DeadLetters, Effect: Allow, Principal: {Service: events.amazonaws.com}, \
                 Action: sqs:SendMessage, Resource: !GetAtt WebhookDeadQueue.Arn, \
                 Condition: {ArnEquals: {aws:SourceArn: !GetAtt WebhookRule.Arn}}}"
            ),
            (_, others) => assert!(others.is_empty(), "{queue}: {others:?}"),
        }
    }
}

#[test]
fn the_bus_lets_the_named_consumer_make_rules_and_send_nothing() {
    let text = source("template.yaml");
    let template = parse(&text);
    let policies = of_type(&template, "AWS::Events::EventBusPolicy");
    assert_eq!(policies.len(), 1);
    let statement = at(policies["MemberEventBusPolicy"], &["Statement"]);
    assert_eq!(
        shown(at(statement, &["Principal"])),
        "{AWS: !Ref EventConsumerArn}"
    );
    assert_eq!(
        said(statement),
        "[events:DeleteRule, events:DescribeRule, events:DisableRule, events:EnableRule, \
         events:PutRule, events:PutTargets, events:RemoveTargets] on \
         !Sub arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/${MemberEventBus}/*"
    );
    assert_eq!(
        shown(at(statement, &["Condition"])),
        "{StringEqualsIfExists: {events:creatorAccount: ${aws:PrincipalAccount}}}"
    );
}
