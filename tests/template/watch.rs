//! Metrics of the log, alarms, rules by tenant, and the dashboard: none is about nothing, and each
//! says what to do. Whether a filter's pattern means the lines that it should, `alarms` among the
//! tests of the API says.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::Yaml;
use serde_json::Value;

use crate::queues::watched;
use crate::stack::{of_type, shown};
use crate::values::boolean;
use crate::yaml::{at, items, parse, source, string};

const ALARM: &str = "AWS::CloudWatch::Alarm";

/// The namespace of what filters count.
const OWN: &str = "!Ref AWS::StackName";

/// What AWS itself counts, of what this template watches or shows: the names of the dimensions.
const AWS: &[(&str, &str, &str)] = &[
    ("AWS/ApiGateway", "4xx", "ApiId"),
    ("AWS/ApiGateway", "5xx", "ApiId"),
    ("AWS/ApiGateway", "Count", "ApiId"),
    ("AWS/ApiGateway", "Latency", "ApiId"),
    ("AWS/CertificateManager", "DaysToExpiry", "CertificateArn"),
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName"),
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName"),
    ("AWS/DynamoDB", "ReadThrottleEvents", "TableName"),
    ("AWS/DynamoDB", "SystemErrors", "Operation TableName"),
    ("AWS/DynamoDB", "TimeToLiveDeletedItemCount", "TableName"),
    ("AWS/DynamoDB", "TransactionConflict", "TableName"),
    (
        "AWS/DynamoDB",
        "WriteThrottleEvents",
        "GlobalSecondaryIndexName TableName",
    ),
    ("AWS/DynamoDB", "WriteThrottleEvents", "TableName"),
    ("AWS/EventBridge/Pipes", "ExecutionFailed", "PipeName"),
    (
        "AWS/EventBridge/Pipes",
        "ExecutionPartiallyFailed",
        "PipeName",
    ),
    ("AWS/EventBridge/Pipes", "ExecutionThrottled", "PipeName"),
    ("AWS/EventBridge/Pipes", "ExecutionTimeout", "PipeName"),
    ("AWS/Lambda", "ConcurrentExecutions", "FunctionName"),
    ("AWS/Lambda", "Duration", "FunctionName"),
    ("AWS/Lambda", "Errors", "FunctionName"),
    ("AWS/Lambda", "Errors", "FunctionName Resource"),
    ("AWS/Lambda", "Invocations", "FunctionName"),
    ("AWS/Lambda", "Throttles", "FunctionName"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName"),
];

/// A metric: its namespace, its name, and the names of its dimensions in order.
type Metric = (String, String, String);

/// What filters count: each of them one thing, of all tenants together.
fn counted(template: &Yaml<'_>) -> BTreeSet<String> {
    let mut counted = BTreeSet::new();
    for (name, filter) in of_type(template, "AWS::Logs::MetricFilter") {
        let transformations: Vec<_> = items(at(filter, &["MetricTransformations"])).collect();
        assert_eq!(transformations.len(), 1, "{name}");
        let transformation = transformations[0];
        let metric = string(at(transformation, &["MetricName"]));
        let namespace = shown(at(transformation, &["MetricNamespace"]));
        assert_eq!(namespace, OWN, "{name}");
        let value = shown(at(transformation, &["MetricValue"]));
        assert_eq!(value, "1", "{name}");
        let has_dimensions = transformation.contains_mapping_key("Dimensions");
        assert!(!has_dimensions, "{name}: a metric for each value");
        let pattern = string(at(filter, &["FilterPattern"]));
        assert!(pattern.len() <= 1024, "{name}: CloudWatch takes no more");
        counted.insert(metric);
    }
    counted
}

fn metrics_of(alarm: &Yaml<'_>) -> Vec<Metric> {
    let metrics = watched(alarm).into_iter().map(|metric| {
        let dimensions = metric.as_mapping_get("Dimensions");
        let names = dimensions.into_iter().flat_map(items);
        let names: BTreeSet<_> = names.map(|one| string(at(one, &["Name"]))).collect();
        let names: Vec<_> = names.into_iter().collect();
        let name = string(at(metric, &["MetricName"]));
        (shown(at(metric, &["Namespace"])), name, names.join(" "))
    });
    metrics.collect()
}

/// A metric that nobody counts: an alarm about it never goes off, and a graph of it is empty.
fn is_unknown(metric: &Metric, counted: &BTreeSet<String>) -> bool {
    let (namespace, name, dimensions) = metric;
    match namespace.as_str() {
        OWN => !dimensions.is_empty() || !counted.contains(name),
        _ => !AWS.contains(&(namespace, name, dimensions)),
    }
}

/// The alarm without what would keep it from being heard, or from going off.
fn faults(name: &str, alarm: &Yaml<'_>, counted: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: String| faults.push(format!("{name}: {what}"));
    let property = |name: &str| alarm.as_mapping_get(name).map(shown).unwrap_or_default();
    let action = "!If [HasAlarmTopic, [!Ref AlarmTopicArn], !Ref AWS::NoValue]";
    if property("AlarmActions") != action {
        fault("tells nobody".to_owned());
    }
    let said = property("AlarmDescription");
    if said.split_whitespace().count() < 10 || said.len() > 1024 {
        fault(format!("does not say what to do: {said}"));
    }
    let missing = property("TreatMissingData");
    // What is not there is the alarm of some.
    let wanted = match property("ComparisonOperator").as_str() {
        "LessThanThreshold" => "breaching",
        _ => "notBreaching",
    };
    if missing != wanted {
        fault(format!("missing data are {missing}"));
    }
    for metric in metrics_of(alarm) {
        if is_unknown(&metric, counted) {
            fault(format!("nobody counts {metric:?}"));
        }
    }
    if let Some(metrics) = alarm.as_mapping_get("Metrics") {
        let hidden = |metric: &&Yaml<'_>| {
            let shown = metric.as_mapping_get("ReturnData");
            shown.is_some_and(|shown| !boolean(shown))
        };
        let (hidden, results): (Vec<_>, Vec<_>) = items(metrics).partition(hidden);
        if results.len() != 1 {
            fault("is about one result of several metrics".to_owned());
        }
        for result in results {
            let expression = result.as_mapping_get("Expression").map(shown);
            let expression = expression.unwrap_or_default();
            // Metrics come late: the newest period is filled, and so never one that counts.
            let [of, all] = ["DatapointsToAlarm", "EvaluationPeriods"].map(|name| {
                let periods = property(name);
                periods.parse::<u32>().unwrap_or_default()
            });
            if expression.contains("FILL") && (of == 0 || of >= all) {
                fault(format!("waits for a period that is filled: {of} of {all}"));
            }
            let words: Vec<_> = expression.split(|c: char| !c.is_alphanumeric()).collect();
            for metric in &hidden {
                let id = string(at(metric, &["Id"]));
                if !words.contains(&id.as_str()) {
                    fault(format!("does not use {id}"));
                }
            }
        }
    }
    faults
}

fn all_faults(text: &str) -> Vec<String> {
    let template = parse(text);
    let counted = counted(&template);
    let alarms = of_type(&template, ALARM).into_iter();
    alarms
        .flat_map(|(name, alarm)| faults(&name, alarm, &counted))
        .collect()
}

#[test]
fn every_alarm_is_about_something_and_is_heard() {
    assert_eq!(all_faults(&source("template.yaml")), [""; 0]);
}

#[test]
fn an_alarm_that_is_not_heard_or_about_nothing_is_seen() {
    let text = source("template.yaml");
    let start = text.find("\n  BreakerOpenAlarm:\n").unwrap();
    let (before, after) = text.split_at(start);
    for (right, planted) in [
        ("AlarmActions:", "OKActions:"),
        ("AlarmDescription:", "AlarmName:"),
        ("MetricName: BreakerOpen", "MetricName: BreakerOpened"),
        ("Namespace: !Ref AWS::StackName", "Namespace: AWS/Lambda"),
        (
            "TreatMissingData: notBreaching",
            "TreatMissingData: breaching",
        ),
        ("FILL(scim, 0) + ", ""),
        ("      DatapointsToAlarm: 1\n", ""),
        ("MetricName: Throttles", "MetricName: Throttled"),
        ("Name: Operation", "Name: Operations"),
        ("TreatMissingData: breaching", "TreatMissingData: missing"),
    ] {
        assert!(after.contains(right), "{right}");
        let text = format!("{before}{}", after.replacen(right, planted, 1));
        assert!(!all_faults(&text).is_empty(), "{planted}");
    }
}

/// All of them need somebody to act, and say how soon.
fn alarms_with_a_section<'y, 't>(template: &'y Yaml<'t>) -> BTreeMap<String, &'y Yaml<'t>> {
    let alarms = of_type(template, ALARM);
    assert!(alarms.len() >= 30, "{:?}", alarms.keys());
    for (name, alarm) in &alarms {
        let said = string(at(alarm, &["AlarmDescription"]));
        let is_urgent = ["Page", "Ticket"].iter().any(|how| said.starts_with(how));
        assert!(is_urgent, "{name}: {said}");
    }
    alarms
}

/// The document and the anchor of the section that says the rest: the last word of the description.
fn section(name: &str, alarm: &Yaml<'_>) -> (String, String) {
    let said = string(at(alarm, &["AlarmDescription"]));
    let link = said
        .split_whitespace()
        .last()
        .and_then(|link| link.split_once('#'));
    let (document, anchor) = link.unwrap_or_else(|| panic!("{name}: {said}"));
    (document.to_owned(), anchor.to_owned())
}

/// The anchor that GitHub makes of a heading.
fn anchor_of(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c),
        _ => None,
    });
    kept.collect()
}

#[test]
fn each_alarm_leads_to_a_section_that_is_there() {
    let text = source("template.yaml");
    let template = parse(&text);
    for (name, alarm) in alarms_with_a_section(&template) {
        let (document, anchor) = section(&name, alarm);
        let document = source(&document);
        let mut headings = document.lines().filter(|line| line.starts_with("##"));
        let is_there = headings.any(|heading| anchor_of(heading) == anchor);
        assert!(is_there, "{name}: {anchor}");
    }
}

/// The words of a text that are names of alarms by their form.
fn alarms_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let names = words.filter(|word| {
        word.starts_with(|first: char| first.is_ascii_uppercase())
            && word.len() > "Alarm".len()
            && word.ends_with("Alarm")
    });
    names.map(str::to_owned).collect()
}

/// What each runbook says, in this order.
const PARTS: &[&str] = &[
    "Signal",
    "What the admin sees in Entra",
    "Look",
    "Decide",
    "Do",
    "Tell",
    "Proof that it is over",
];

/// What is wrong between the alarms and the runbooks.
fn faults_of_runbooks(template: &Yaml<'_>, runbooks: &str) -> Vec<String> {
    let alarms = alarms_with_a_section(template);
    let (table, runbooks) = runbooks.split_once("\n## ").expect("runbooks");
    let mut faults = Vec::new();
    for (name, alarm) in &alarms {
        let (document, anchor) = section(name, alarm);
        let link = match document.strip_prefix("docs/") {
            Some("RUNBOOKS.md") => format!("](#{anchor})"),
            Some(other) => format!("]({other}#{anchor})"),
            None => document,
        };
        // The table of what to do at which alarm leads where the alarm itself does.
        let named = format!("`{name}`");
        let mut rows = table.lines().filter(|line| line.starts_with('|'));
        if !rows.any(|row| row.contains(&named) && row.contains(&link)) {
            faults.push(format!("the table does not lead from {name} to {link}"));
        }
    }
    for name in alarms_in(table).union(&alarms_in(runbooks)) {
        if !alarms.contains_key(name) {
            faults.push(format!("{name} is no alarm"));
        }
    }
    for runbook in runbooks.split("\n## ") {
        let title = runbook.lines().next().unwrap_or_default();
        let mut from = 0;
        for part in PARTS {
            let label = format!("\n- **{part}.**");
            match runbook[from..].find(&label) {
                Some(place) => from += place + label.len(),
                None => faults.push(format!("{title}: no {part} in its place")),
            }
        }
        let signal = runbook
            .split_once("\n- **Signal.** ")
            .map(|(_, after)| after);
        let signal = signal.and_then(|after| after.split("\n- **").next());
        let signal = signal.unwrap_or_default();
        if !signal.starts_with("Symptom: ") && alarms_in(signal).is_empty() {
            faults.push(format!("{title}: how would one know"));
        }
    }
    faults
}

#[test]
fn each_alarm_has_a_runbook_and_each_runbook_a_signal() {
    let text = source("template.yaml");
    let template = parse(&text);
    let runbooks = source("docs/RUNBOOKS.md");
    assert!(runbooks.matches("\n## ").count() >= 19);
    assert_eq!(faults_of_runbooks(&template, &runbooks), [""; 0]);
    // Planted faults: each is seen.
    for (right, planted) in [
        ("`ConcurrencyAlarm`", "`ConcurrenceAlarm`"),
        ("](#a-breaker-is-open)", "](#a-key-has-leaked)"),
        ("Symptom: somebody, or a", "Somebody, or a"),
        ("- **Tell.** ", "- **Say.** "),
    ] {
        assert!(runbooks.contains(right), "{right}");
        let runbooks = runbooks.replacen(right, planted, 1);
        let faults = faults_of_runbooks(&template, &runbooks);
        assert!(!faults.is_empty(), "{planted}");
    }
}

#[test]
fn an_open_breaker_calls_somebody_at_once() {
    let text = source("template.yaml");
    let template = parse(&text);
    let alarm = of_type(&template, ALARM)["BreakerOpenAlarm"];
    assert!(string(at(alarm, &["AlarmDescription"])).starts_with("Page."));
    let times = ["Period", "EvaluationPeriods", "Threshold"].map(|name| shown(at(alarm, &[name])));
    assert_eq!(times, ["60", "1", "0"]);
}

#[test]
fn the_document_has_every_alarm() {
    let text = source("template.yaml");
    let template = parse(&text);
    let document = source("docs/OPERATING.md");
    for name in of_type(&template, ALARM).into_keys() {
        assert!(document.contains(&format!("`{name}`")), "{name}");
    }
}

/// An alarm that data of a day are missing for looks back as far as CloudWatch lets it.
#[test]
fn no_alarm_looks_back_further_than_cloudwatch_does() {
    let text = source("template.yaml");
    let template = parse(&text);
    for (name, alarm) in of_type(&template, ALARM) {
        let number = |node: &Yaml<'_>| u64::try_from(node.as_integer().unwrap()).unwrap();
        let mut periods: Vec<_> = alarm
            .as_mapping_get("Period")
            .map(number)
            .into_iter()
            .collect();
        for metric in alarm.as_mapping_get("Metrics").into_iter().flat_map(items) {
            let stat = metric.as_mapping_get("MetricStat");
            periods.extend(stat.map(|stat| number(at(stat, &["Period"]))));
        }
        let longest = periods.into_iter().max().unwrap();
        let back = longest * number(at(alarm, &["EvaluationPeriods"]));
        let most = if longest >= 3600 { 7 } else { 1 };
        assert!(back <= most * 86_400, "{name}: {back} s");
    }
}

/// The dashboard with names in the place of what CloudFormation puts there.
fn dashboard(template: &Yaml<'_>) -> Value {
    let dashboard = of_type(template, "AWS::CloudWatch::Dashboard")["Dashboard"];
    let Yaml::Tagged(tag, inner) = at(dashboard, &["DashboardBody"]) else {
        panic!("not a text with names in it");
    };
    assert_eq!(tag.suffix, "Sub");
    let body = string(items(inner).next().expect("a text"));
    let body = body.replace("${AWS::StackName}", OWN);
    serde_json::from_str(&body.replace("${", "{")).expect("a dashboard is JSON")
}

fn on_dashboard(dashboard: &Value) -> Vec<Metric> {
    let widgets = dashboard["widgets"].as_array().expect("widgets").iter();
    let metrics = widgets.filter_map(|widget| widget["properties"]["metrics"].as_array());
    let metrics = metrics.flatten().map(|metric| {
        let texts = metric.as_array().expect("a metric").iter();
        let texts: Vec<_> = texts.filter_map(Value::as_str).collect();
        let dimensions: BTreeSet<_> = texts[2..].iter().step_by(2).copied().collect();
        let dimensions: Vec<_> = dimensions.into_iter().collect();
        (
            texts[0].to_owned(),
            texts[1].to_owned(),
            dimensions.join(" "),
        )
    });
    metrics.collect()
}

/// `Failures` is what makes a deployment go back, and is shown whoever counts it.
#[test]
fn what_is_counted_has_an_alarm_or_is_shown_and_what_is_shown_is_counted() {
    let text = source("template.yaml");
    let template = parse(&text);
    let mut counted = counted(&template);
    let shown = on_dashboard(&dashboard(&template));
    let alarms = of_type(&template, ALARM).into_values();
    let mut seen: Vec<_> = alarms.flat_map(metrics_of).collect();
    for metric in &counted {
        let is_it = |other: &Metric| (other.0.as_str(), &other.1) == (OWN, metric);
        assert!(shown.iter().any(is_it), "{metric} is not on the dashboard");
    }
    seen.extend(shown);
    counted.insert("Failures".to_owned());
    for metric in seen {
        assert!(!is_unknown(&metric, &counted), "{metric:?}");
    }
}

#[test]
fn the_dashboard_has_every_alarm_that_is_always_there() {
    let text = source("template.yaml");
    let template = parse(&text);
    let dashboard = dashboard(&template);
    let alarms = &dashboard["widgets"][0]["properties"]["alarms"];
    for name in alarms_with_a_section(&template).into_keys() {
        let resource = at(&template, &["Resources", &name]);
        let is_always = !resource.contains_mapping_key("Condition");
        let arn = Value::from(format!("{{{name}.Arn}}"));
        let is_shown = alarms.as_array().unwrap().contains(&arn);
        assert_eq!(is_shown, is_always, "{name}");
    }
    // No two widgets lie over one another, and none reaches beyond the 24 columns.
    let mut taken = BTreeSet::new();
    for widget in dashboard["widgets"].as_array().unwrap() {
        let place = ["x", "y", "width", "height"].map(|name| widget[name].as_u64().unwrap());
        let [x, y, width, height] = place;
        assert!(x + width <= 24, "{widget}");
        for column in x..x + width {
            for row in y..y + height {
                assert!(taken.insert((column, row)), "{widget}");
            }
        }
    }
}

/// CloudWatch refuses a rule with more than four keys or filters, or more than ten values.
#[test]
fn rules_are_by_tenant_and_within_their_limits() {
    let text = source("template.yaml");
    let template = parse(&text);
    let rules = of_type(&template, "AWS::CloudWatch::InsightRule");
    assert_eq!(rules.len(), 3, "{:?}", rules.keys());
    for (name, rule) in rules {
        let Yaml::Tagged(_, body) = at(rule, &["RuleBody"]) else {
            panic!("{name}: no log group");
        };
        let body = string(body).replace("${", "{");
        let body: Value = serde_json::from_str(&body).expect("a rule is JSON");
        assert_eq!(body["LogGroupNames"][0], "{FunctionLogGroup}", "{name}");
        assert_eq!(body["LogFormat"], "JSON", "{name}");
        let contribution = &body["Contribution"];
        assert_eq!(contribution["Keys"][0], "$.tenant", "{name}");
        assert!(
            contribution["Keys"].as_array().unwrap().len() <= 4,
            "{name}"
        );
        let filters = contribution["Filters"].as_array().unwrap();
        assert!(filters.len() <= 4, "{name}");
        for filter in filters {
            let values = filter["In"].as_array();
            assert!(values.is_none_or(|values| values.len() <= 10), "{name}");
        }
        let sums = contribution["ValueOf"].is_string();
        let how = if sums { "Sum" } else { "Count" };
        assert_eq!(body["AggregateOn"], how, "{name}");
    }
}

/// DynamoDB's own Contributor Insights would show the keys of items, which have names in them.
#[test]
fn no_table_shows_its_keys() {
    let text = source("template.yaml");
    let template = parse(&text);
    for (name, table) in of_type(&template, "AWS::DynamoDB::GlobalTable") {
        let table = shown(table);
        assert!(!table.contains("ContributorInsights"), "{name}: {table}");
    }
}

#[test]
fn a_line_of_the_access_log_is_json_whatever_is_missing() {
    let text = source("template.yaml");
    let template = parse(&text);
    let path = [
        "Resources",
        "Api",
        "Properties",
        "AccessLogSettings",
        "Format",
    ];
    let format = string(at(&template, &path));
    let mut line = format.clone();
    let mut variables: Vec<&str> = format
        .split('$')
        .skip(1)
        .map(|rest| {
            &rest[..rest
                .find(|c: char| !c.is_alphanumeric() && c != '.')
                .unwrap()]
        })
        .collect();
    // The longest first: one may begin with another.
    variables.sort_by_key(|variable| std::cmp::Reverse(variable.len()));
    for variable in &variables {
        // What is missing is a dash. A status is there whenever there was an answer.
        let value = match *variable {
            "context.status" => "200",
            _ => "-",
        };
        line = line.replace(&format!("${variable}"), value);
    }
    let line: Value = serde_json::from_str(&line).expect("JSON");
    assert!(line["status"].is_number(), "{line}");
    for name in ["requestId", "integrationRequestId", "integrationStatus"] {
        assert_eq!(line[name], "-", "{line}");
    }
    // Filters name people, and the path of a link is a secret.
    for personal in ["path", "queryString", "sourceIp", "userAgent", "routeKey"] {
        let has = variables.iter().any(|it| it.ends_with(personal));
        assert!(!has, "{personal}");
    }
}

/// What the document says that it costs, in cents: AWS bills each metric, each metric of an alarm,
/// a dashboard and a rule.
#[test]
fn the_document_counts_what_is_billed() {
    let text = source("template.yaml");
    let template = parse(&text);
    let own = alarms_with_a_section(&template);
    let watched: usize = own.values().map(|alarm| metrics_of(alarm).len()).sum();
    let (counted, alarms) = (counted(&template), own.len());
    let metrics = counted.len();
    let cents = 30 * metrics + 10 * watched + 300 + 3 * 50;
    let document = source("docs/OPERATING.md");
    let document = document.split_whitespace().collect::<Vec<_>>().join(" ");
    for stated in [
        format!("{metrics} metrics"),
        format!("{alarms} alarms, which look at {watched} metrics"),
        format!("about ${} a month", (cents + 50) / 100),
    ] {
        assert!(document.contains(&stated), "it should say `{stated}`");
    }
}
