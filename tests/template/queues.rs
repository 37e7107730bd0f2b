//! The queues of member events, and the alarms about them.

use std::collections::{BTreeMap, BTreeSet};

use crate::stack::{of_type, shown};
use crate::values::{boolean, number};
use crate::yaml::{at, items, parse, source, string};

const FORTNIGHT: u64 = 14 * 24 * 3600;
const VISIBLE: &str = "ApproximateNumberOfMessagesVisible";

#[test]
fn queues_are_encrypted_and_keep_what_they_have_for_a_fortnight() {
    let text = source("template.yaml");
    let template = parse(&text);
    let fifo = ["MemberDeadQueue", "MemberEventQueue"];
    for (name, queue) in of_type(&template, "AWS::SQS::Queue") {
        assert!(boolean(at(queue, &["SqsManagedSseEnabled"])), "{name}");
        let kept = number(at(queue, &["MessageRetentionPeriod"]));
        assert_eq!(kept, FORTNIGHT, "{name}");
        let is_fifo = queue.as_mapping_get("FifoQueue").is_some_and(boolean);
        // Pipes and rules take a standard queue for dead letters; a FIFO queue takes a FIFO queue.
        assert_eq!(is_fifo, fifo.contains(&name.as_str()), "{name}");
        if is_fifo {
            let limits = ["DeduplicationScope", "FifoThroughputLimit"];
            let limits = limits.map(|limit| string(at(queue, &[limit])));
            assert_eq!(limits, ["messageGroup", "perMessageGroupId"], "{name}");
            // The pipe says which id it is; the body is different with each delivery's `eventID`.
            assert!(!queue.contains_mapping_key("ContentBasedDeduplication"));
        }
        // What is in it goes with the stack, and with its switch.
        let resource = at(&template, &["Resources", &name]);
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(string(at(resource, &[policy])), "Delete", "{name}");
        }
    }
    let queue = at(&template, &["Resources", "MemberEventQueue", "Properties"]);
    assert_eq!(
        shown(at(queue, &["RedrivePolicy"])),
        "{deadLetterTargetArn: !GetAtt MemberDeadQueue.Arn, maxReceiveCount: 10}"
    );
}

#[test]
fn every_queue_of_dead_letters_has_an_alarm() {
    let text = source("template.yaml");
    let template = parse(&text);
    let queues = of_type(&template, "AWS::SQS::Queue");
    let alarms = of_type(&template, "AWS::CloudWatch::Alarm");
    let is_dead = |name: &&String| name.contains("Dead");
    let dead: BTreeSet<_> = queues.keys().filter(is_dead).collect();
    // Where dead letters go is such a queue.
    let arns = text.split("deadLetterTargetArn: !GetAtt ").skip(1);
    let configs = text.split("DeadLetterConfig:").skip(1);
    let configs = configs.map(|rest| rest.split("Arn: !GetAtt ").nth(1).unwrap());
    let targets: BTreeSet<String> = arns
        .chain(configs)
        .map(|rest| rest.split('.').next().unwrap().to_owned())
        .collect();
    assert_eq!(targets.iter().collect::<BTreeSet<_>>(), dead);
    for queue in dead {
        let alarm = alarms[&queue.replace("Queue", "Alarm")];
        let value = format!("[{{Name: QueueName, Value: !GetAtt {queue}.QueueName}}]");
        assert_eq!(shown(at(alarm, &["Dimensions"])), value);
        assert_eq!(string(at(alarm, &["MetricName"])), VISIBLE, "{queue}");
        assert_eq!(number(at(alarm, &["Threshold"])), 0, "{queue}: one is one");
        let condition = |name: &str| string(at(&template, &["Resources", name, "Condition"]));
        let name = queue.replace("Queue", "Alarm");
        assert_eq!(condition(&name), condition(queue), "{queue}");
    }
}

#[test]
fn alarms_tell_the_topic_that_the_parameter_names() {
    let text = source("template.yaml");
    let template = parse(&text);
    let metrics: BTreeMap<&str, &[&str]> = [
        ("AWS/SQS", &[VISIBLE, "ApproximateAgeOfOldestMessage"][..]),
        ("AWS/EventBridge/Pipes", &["ExecutionFailed"][..]),
    ]
    .into();
    for (name, alarm) in of_type(&template, "AWS::CloudWatch::Alarm") {
        assert_eq!(
            shown(at(alarm, &["AlarmActions"])),
            "!If [HasAlarmTopic, [!Ref AlarmTopicArn], !Ref AWS::NoValue]",
            "{name}"
        );
        let missing = string(at(alarm, &["TreatMissingData"]));
        assert_eq!(missing, "notBreaching", "{name}");
        let above = string(at(alarm, &["ComparisonOperator"]));
        assert_eq!(above, "GreaterThanThreshold", "{name}");
        assert!(alarm.contains_mapping_key("AlarmDescription"), "{name}");
        let namespace = string(at(alarm, &["Namespace"]));
        let metric = string(at(alarm, &["MetricName"]));
        assert!(
            metrics[namespace.as_str()].contains(&metric.as_str()),
            "{name}: {metric}"
        );
    }
}

/// Each of two alarms about the queue says something else: an event that cannot be done is among
/// the dead letters before it is old enough to look like a consumer that has stopped.
#[test]
fn an_event_that_fails_is_a_dead_letter_before_the_queue_is_late() {
    let text = source("template.yaml");
    let template = parse(&text);
    let queue = at(&template, &["Resources", "MemberEventQueue", "Properties"]);
    let hidden = number(at(queue, &["VisibilityTimeout"]));
    let receives = number(at(queue, &["RedrivePolicy", "maxReceiveCount"]));
    let alarm = at(&template, &["Resources", "MemberQueueAlarm", "Properties"]);
    assert!(hidden * receives < number(at(alarm, &["Threshold"])));
    let dimensions = items(at(alarm, &["Dimensions"])).map(shown);
    let wanted = "{Name: QueueName, Value: !GetAtt MemberEventQueue.QueueName}";
    assert_eq!(dimensions.collect::<Vec<_>>(), [wanted]);
}

#[test]
fn each_pipe_has_an_alarm() {
    let text = source("template.yaml");
    let template = parse(&text);
    let alarms = of_type(&template, "AWS::CloudWatch::Alarm");
    for pipe in of_type(&template, "AWS::Pipes::Pipe").into_keys() {
        let alarm = alarms[&format!("{pipe}Alarm")];
        let value = format!("[{{Name: PipeName, Value: !Ref {pipe}}}]");
        assert_eq!(shown(at(alarm, &["Dimensions"])), value);
    }
}
