//! The function that carries out large changes of groups which a request has decided and left: when
//! it is called, by whom, and what is told of its failures. What it may do is in `permissions`.

use saphyr::Yaml;

use crate::event_roles::policy;
use crate::stack::{Stack, of_type, shown};
use crate::values::{identifier, number};
use crate::yaml::{at, parse, source, string};

const FUNCTION: &str = "PendingFunction";

fn function<'y, 't>(template: &'y Yaml<'t>) -> &'y Yaml<'t> {
    at(template, &["Resources", FUNCTION, "Properties"])
}

/// Nobody else calls it, and what fails is not called again: the next minute comes anyway.
#[test]
fn it_is_called_every_minute_and_not_again_for_a_failure() {
    let text = source("template.yaml");
    let template = parse(&text);
    let function = function(&template);
    let again = shown(at(function, &["EventInvokeConfig"]));
    assert_eq!(
        again,
        "{MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0}"
    );
    assert_eq!(
        shown(at(function, &["Events"])),
        "{EveryMinute: {Type: ScheduleV2, Properties: {\
         Description: Has what is pending carried out, ScheduleExpression: rate(1 minute), \
         OmitName: true, RoleArn: !GetAtt PendingScheduleRole.Arn, \
         RetryPolicy: {MaximumRetryAttempts: 0}}}}"
    );
    for property in ["FunctionUrlConfig", "Connectors"] {
        assert!(!function.contains_mapping_key(property), "{property}");
    }
    let role = of_type(&template, "AWS::IAM::Role")["PendingScheduleRole"];
    let wanted = format!("lambda:InvokeFunction on !GetAtt {FUNCTION}.Arn");
    assert_eq!(policy(role), [wanted]);
}

/// Each run ends by itself before Lambda ends it, which would count as a failure.
#[test]
fn a_run_ends_before_lambda_ends_it() {
    let text = source("template.yaml");
    let template = parse(&text);
    let code = source("crates/pending-changes/src/lib.rs");
    let (_, most) = code
        .split_once("const AT_MOST: Duration = Duration::from_secs(")
        .expect("how long a run takes at most");
    let most: u64 = identifier(most).parse().unwrap();
    let timeout = number(at(function(&template), &["Timeout"]));
    assert!(
        most + 10 <= timeout,
        "what it has begun takes a few seconds"
    );
}

#[test]
fn a_function_that_keeps_failing_is_told_of_and_says_what_to_do() {
    let text = source("template.yaml");
    let template = parse(&text);
    let alarm = of_type(&template, "AWS::CloudWatch::Alarm")["PendingAlarm"];
    let watched = ["Namespace", "MetricName", "Statistic", "Dimensions"];
    let watched = watched.map(|property| shown(at(alarm, &[property])));
    let of_function = format!("[{{Name: FunctionName, Value: !Ref {FUNCTION}}}]");
    assert_eq!(watched, ["AWS/Lambda", "Errors", "Sum", &of_function]);
    // Three of five runs.
    let times = [
        "Period",
        "EvaluationPeriods",
        "DatapointsToAlarm",
        "Threshold",
    ];
    let times = times.map(|property| number(at(alarm, &[property])));
    assert_eq!(times, [60, 5, 3, 0]);
    let said = string(at(alarm, &["AlarmDescription"]));
    for named in ["PendingLogGroup", "directory check TENANT --repair"] {
        assert!(said.contains(named), "{said}");
    }
}

/// Nobody else would say that it is not called.
#[test]
fn a_function_that_is_not_called_is_told_of() {
    let text = source("template.yaml");
    let template = parse(&text);
    let alarm = of_type(&template, "AWS::CloudWatch::Alarm")["PendingSilenceAlarm"];
    let watched = ["Namespace", "MetricName", "Dimensions", "TreatMissingData"];
    let watched = watched.map(|property| shown(at(alarm, &[property])));
    let of_function = format!("[{{Name: FunctionName, Value: !Ref {FUNCTION}}}]");
    assert_eq!(
        watched,
        ["AWS/Lambda", "Invocations", &of_function, "breaching"]
    );
    let times = ["Period", "EvaluationPeriods", "Threshold"];
    let times = times.map(|property| number(at(alarm, &[property])));
    assert_eq!(times, [300, 3, 1]);
    let comparison = string(at(alarm, &["ComparisonOperator"]));
    assert_eq!(comparison, "LessThanThreshold");
}

/// Changes are carried out whoever hears of them, so no switch turns it off.
#[test]
fn it_is_always_there() {
    let text = source("template.yaml");
    let template = parse(&text);
    let off = [("MemberQueue", "off"), ("MemberBus", "off")];
    let stack = Stack::new(&template, off);
    let resources = stack.names("Resources");
    let names = [
        FUNCTION,
        "PendingAlarm",
        "PendingSilenceAlarm",
        "PendingLogGroup",
        "PendingScheduleRole",
    ];
    for name in names {
        assert!(resources.contains(name), "{name}");
    }
    let outputs = stack.names("Outputs");
    for (output, resource) in [
        ("PendingFunctionName", FUNCTION),
        ("PendingLogGroupName", "PendingLogGroup"),
    ] {
        assert!(outputs.contains(output), "{output}");
        let value = shown(at(&template, &["Outputs", output, "Value"]));
        assert_eq!(value, format!("!Ref {resource}"));
    }
}
