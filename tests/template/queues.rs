//! The queues of member events, and the alarms about them and about pending changes.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::Yaml;

use crate::stack::{of_type, shown};
use crate::values::{boolean, number};
use crate::yaml::{at, items, parse, source, string};

const FORTNIGHT: u64 = 14 * 24 * 3600;
const VISIBLE: &str = "ApproximateNumberOfMessagesVisible";

/// Executions of a pipe that did not come to their end: each kind is counted for itself.
const NOT_COMPLETED: [&str; 4] = [
    "ExecutionFailed",
    "ExecutionPartiallyFailed",
    "ExecutionThrottled",
    "ExecutionTimeout",
];

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

/// What every alarm has, `watch` says, and `.ci/check-template`.
#[test]
fn alarms_about_events_and_pending_changes_go_off_at_once() {
    let text = source("template.yaml");
    let template = parse(&text);
    let metrics: BTreeMap<&str, &[&str]> = [
        ("AWS/SQS", &[VISIBLE, "ApproximateAgeOfOldestMessage"][..]),
        ("AWS/EventBridge/Pipes", &NOT_COMPLETED[..]),
        ("AWS/Lambda", &["Errors"][..]),
    ]
    .into();
    let alarms = of_type(&template, "AWS::CloudWatch::Alarm");
    let stems = ["Queue", "Pipe", "Dead", "Pending"];
    // The one that rings when nothing happens is another (`pending.rs`).
    let is_of_these = |name: &&String| {
        *name != "PendingSilenceAlarm" && stems.iter().any(|stem| name.contains(stem))
    };
    let names: Vec<_> = alarms.keys().filter(is_of_these).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    for name in names {
        let alarm = alarms[name];
        let missing = string(at(alarm, &["TreatMissingData"]));
        assert_eq!(missing, "notBreaching", "{name}");
        let above = string(at(alarm, &["ComparisonOperator"]));
        assert_eq!(above, "GreaterThanThreshold", "{name}");
        let is_of_age = name == "MemberQueueAlarm";
        let threshold = number(at(alarm, &["Threshold"]));
        assert_eq!(threshold > 0, is_of_age, "{name}: one is one");
        for metric in watched(alarm) {
            let namespace = string(at(metric, &["Namespace"]));
            let metric = string(at(metric, &["MetricName"]));
            assert!(
                metrics[namespace.as_str()].contains(&metric.as_str()),
                "{name}: {metric}"
            );
        }
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
        let faults = faults_of_pipe_alarm(alarm, &pipe);
        assert!(faults.is_empty(), "{pipe}: {faults:?}");
    }
}

#[test]
fn an_alarm_that_overlooks_what_holds_a_pipe_up_is_seen() {
    let text = source("template.yaml");
    let start = text.find("\n  QueuePipeAlarm:\n").unwrap();
    let (before, alarm) = text.split_at(start);
    for (right, planted) in [
        (
            "MetricName: ExecutionThrottled",
            "MetricName: ExecutionTimeout",
        ),
        ("FILL(late, 0)", "FILL(partly, 0)"),
        (" + FILL(partly, 0)", ""),
        ("FILL(throttled, 0)", "throttled"),
        ("ReturnData: false", "ReturnData: true"),
        ("Value: !Ref QueuePipe", "Value: !Ref BusPipe"),
        ("Stat: Sum", "Stat: SampleCount"),
        ("Period: 300", "Period: 60"),
        ("DatapointsToAlarm: 3", "DatapointsToAlarm: 2"),
    ] {
        assert!(alarm.contains(right), "{right}");
        let text = format!("{before}{}", alarm.replacen(right, planted, 1));
        let template = parse(&text);
        let alarm = at(&template, &["Resources", "QueuePipeAlarm", "Properties"]);
        let faults = faults_of_pipe_alarm(alarm, "QueuePipe");
        assert!(!faults.is_empty(), "{planted}");
    }
}

/// The metrics that an alarm watches: one, or several of which it watches a sum.
pub fn watched<'y, 't>(alarm: &'y Yaml<'t>) -> Vec<&'y Yaml<'t>> {
    let Some(metrics) = alarm.as_mapping_get("Metrics") else {
        return vec![alarm];
    };
    let metrics = items(metrics).filter_map(|metric| metric.as_mapping_get("MetricStat"));
    metrics.map(|metric| at(metric, &["Metric"])).collect()
}

/// What keeps an alarm from seeing every kind of execution that did not come to its end, in each of
/// three periods. A kind without data is none of them.
fn faults_of_pipe_alarm(alarm: &Yaml<'_>, pipe: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let (mut ids, mut names) = (Vec::new(), BTreeSet::new());
    let mut sums = Vec::new();
    for metric in items(at(alarm, &["Metrics"])) {
        let Some(one) = metric.as_mapping_get("MetricStat") else {
            sums.push(metric);
            continue;
        };
        let name = string(at(one, &["Metric", "MetricName"]));
        let wanted = format!(
            "{{Metric: {{Namespace: AWS/EventBridge/Pipes, MetricName: {name}, \
             Dimensions: [{{Name: PipeName, Value: !Ref {pipe}}}]}}, Period: 300, Stat: Sum}}"
        );
        if shown(one) != wanted || boolean(at(metric, &["ReturnData"])) {
            faults.push(shown(metric));
        }
        ids.push(string(at(metric, &["Id"])));
        names.insert(name);
    }
    if names != NOT_COMPLETED.map(str::to_owned).into() {
        faults.push(format!("{names:?}"));
    }
    let filled: Vec<_> = ids.iter().map(|id| format!("FILL({id}, 0)")).collect();
    let sums: Vec<_> = sums
        .into_iter()
        .map(|sum| string(at(sum, &["Expression"])))
        .collect();
    if sums != [filled.join(" + ")] {
        faults.push(sums.join(", "));
    }
    let periods = number(at(alarm, &["DatapointsToAlarm"]));
    if periods != 3 {
        faults.push(format!("{periods} periods"));
    }
    faults
}
