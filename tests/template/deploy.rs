//! How a release gets to AWS: a role for each function, aliases and what takes them back, the
//! domain, keys of one's own, and the firewall in front. `.ci/check-template` has what only shows
//! in the template as SAM expands it.

use std::collections::BTreeSet;

use saphyr::Yaml;

use crate::events::names_only_what_is_there;
use crate::queues::watched;
use crate::stack::{Stack, of_type, shown};
use crate::values::{boolean, number};
use crate::yaml::{at, items, parse, source, string, table_or_index, tagged};

/// What is there with a domain, and with nightly copies.
pub const OF_DEPLOY: &[&str] = &[
    "BackupPlan",
    "BackupSelection",
    "CertificateAlarm",
    "Domain",
    "DomainMapping",
    "DomainRecords",
];
/// The conditions are these: rules of the template have a name with the certificate, and a vault
/// with the role, or neither.
const DOMAIN: (&str, &str) = (
    "CertificateArn",
    "arn:aws:acm:eu-central-1:111122223333:certificate/1",
);
const ZONE: (&str, &str) = ("HostedZoneId", "Z1");
const BACKUP: (&str, &str) = ("BackupRoleArn", "arn:aws:iam::111122223333:role/backup");

const FUNCTION: &str = "AWS::Serverless::Function";

/// What a function may do: the only policy of its own role.
pub fn policy_of_function<'y, 't>(template: &'y Yaml<'t>, name: &str) -> &'y Yaml<'t> {
    let function = at(template, &["Resources", name, "Properties"]);
    let role = format!("{name}Role");
    let of_function = shown(at(function, &["Role"]));
    assert_eq!(of_function, format!("!GetAtt {role}.Arn"), "{name}");
    // Beside a role SAM passes them over without a word.
    assert!(!function.contains_mapping_key("Policies"), "{name}");
    let role = at(template, &["Resources", &role, "Properties"]);
    for property in ["ManagedPolicyArns", "PermissionsBoundary", "RoleName"] {
        assert!(!role.contains_mapping_key(property), "{name}: {property}");
    }
    let policies: Vec<_> = items(at(role, &["Policies"])).collect();
    let [policy] = policies[..] else {
        panic!("{name}: one policy has it all: {policies:?}");
    };
    at(policy, &["PolicyDocument"])
}

/// The statement with which a function writes into its log group, and into no other, in the words
/// of `permissions`.
pub fn writes_its_log(template: &Yaml<'_>, name: &str) -> String {
    let path = ["Resources", name, "Properties", "LoggingConfig", "LogGroup"];
    let (tag, group) = tagged(at(template, &path));
    assert_eq!(tag, "Ref", "{name}");
    format!("logs:CreateLogStream, logs:PutLogEvents on !GetAtt {group}.Arn: always")
}

/// Whether a route of the API leads to a function.
fn answers_requests(function: &Yaml<'_>) -> bool {
    let Some(events) = function.as_mapping_get("Events") else {
        return false;
    };
    let mut events = events.as_mapping().expect("a mapping").values();
    events.any(|event| string(at(event, &["Type"])) == "HttpApi")
}

#[test]
fn functions_that_answer_requests_go_over_by_and_by() {
    let text = source("template.yaml");
    let template = parse(&text);
    let mut with_alias = BTreeSet::new();
    for (name, function) in of_type(&template, FUNCTION) {
        let properties = [
            "AutoPublishAlias",
            "AutoPublishCodeSha256",
            "DeploymentPreference",
        ];
        let said = properties.map(|property| function.as_mapping_get(property).map(shown));
        if answers_requests(function) {
            // What the settings page fails at is counted by itself.
            let own = match name.as_str() {
                "Function" => "",
                _ => ", !Ref SettingsFailuresAlarm",
            };
            let alarms = format!("!Ref FailuresAlarm, !Ref CrashesAlarm{own}");
            let preference = format!("{{Type: !Ref Deployment, Alarms: [{alarms}]}}");
            let wanted = ["live", "!Ref ReleaseId", &preference];
            assert_eq!(said, wanted.map(|text| Some(text.to_owned())), "{name}");
            // Or Lambda makes no version of a release that changes no more than a parameter.
            let (tag, description) = tagged(at(function, &["Description"]));
            let is_of_release = description.ends_with(", release ${ReleaseId}");
            assert!(tag == "Sub" && is_of_release, "{name}: {description}");
            with_alias.insert(name);
        } else {
            assert_eq!(said, [None, None, None], "{name}");
        }
    }
    assert_eq!(
        with_alias,
        ["Function", "SettingsFunction"].map(str::to_owned).into()
    );
    let deployment = at(&template, &["Parameters", "Deployment"]);
    let default = string(at(deployment, &["Default"]));
    assert_eq!(default, "Canary10Percent5Minutes");
}

/// Whoever deploys without `make deploy` is told so, and does not deploy a release that no alias
/// gets.
#[test]
fn a_release_has_no_default_id_and_everything_else_has_a_default() {
    let text = source("template.yaml");
    let template = parse(&text);
    let parameters = at(&template, &["Parameters"]).as_mapping().unwrap().iter();
    let without: Vec<_> = parameters
        .filter(|(_, parameter)| !parameter.contains_mapping_key("Default"))
        .map(|(name, _)| string(name))
        .collect();
    assert_eq!(without, ["ReleaseId"]);
}

/// By what the service itself says, and by what Lambda says of the two functions.
#[test]
fn a_deployment_goes_back_for_failures_and_crashes() {
    let text = source("template.yaml");
    let template = parse(&text);
    let filter = at(&template, &["Resources", "FailuresFilter", "Properties"]);
    assert_eq!(
        shown(filter),
        "{LogGroupName: !Ref FunctionLogGroup, FilterPattern: { $.level = \"ERROR\" }, \
         MetricTransformations: [{MetricNamespace: !Ref AWS::StackName, MetricName: Failures, \
         MetricValue: 1, DefaultValue: 0}]}"
    );
    let alarms = of_type(&template, "AWS::CloudWatch::Alarm");
    let failures = alarms["FailuresAlarm"];
    let metric = ["Namespace", "MetricName", "Statistic"];
    let metric = metric.map(|property| shown(at(failures, &[property])));
    assert_eq!(metric, ["!Ref AWS::StackName", "Failures", "Sum"]);
    let crashes: Vec<_> = watched(alarms["CrashesAlarm"])
        .into_iter()
        .map(shown)
        .collect();
    let wanted = ["Function", "SettingsFunction"].map(|function| {
        format!(
            "{{Namespace: AWS/Lambda, MetricName: Errors, Dimensions: [\
             {{Name: FunctionName, Value: !Ref {function}}}, \
             {{Name: Resource, Value: !Sub ${{{function}}}:live}}]}}"
        )
    });
    assert_eq!(crashes, wanted);
    // One minute is enough: in five a canary has become everybody's.
    assert_eq!(number(at(failures, &["Period"])), 60);
    let metrics = items(at(alarms["CrashesAlarm"], &["Metrics"]));
    let stats = metrics.filter_map(|metric| metric.as_mapping_get("MetricStat"));
    for stat in stats {
        assert_eq!(number(at(stat, &["Period"])), 60);
    }
    assert_eq!(number(at(failures, &["EvaluationPeriods"])), 1);
    assert_eq!(
        number(at(alarms["CrashesAlarm"], &["DatapointsToAlarm"])),
        1
    );
    for name in ["FailuresAlarm", "CrashesAlarm"] {
        let alarm = alarms[name];
        assert_eq!(string(at(alarm, &["TreatMissingData"])), "notBreaching");
        let actions = shown(at(alarm, &["AlarmActions"]));
        let wanted = "!If [HasAlarmTopic, [!Ref AlarmTopicArn], !Ref AWS::NoValue]";
        assert_eq!(actions, wanted, "{name}");
    }
}

#[test]
fn a_domain_is_the_name_in_every_link_and_the_only_one() {
    let text = source("template.yaml");
    let template = parse(&text);
    let api = at(&template, &["Resources", "Api", "Properties"]);
    let endpoint = shown(at(api, &["DisableExecuteApiEndpoint"]));
    assert_eq!(endpoint, "!If [HasDomain, true, false]");
    for function in ["Function", "SettingsFunction", "EventFunction"] {
        let path = [
            "Resources",
            function,
            "Properties",
            "Environment",
            "Variables",
            "SCIM_PUBLIC_URL",
        ];
        assert_eq!(
            shown(at(&template, &path)),
            "!If [HasPublicUrl, !Ref PublicUrl, \
             !If [HasDomain, !Sub https://${DomainName}, !Ref AWS::NoValue]]",
            "{function}"
        );
    }
    for (output, path) in [
        ("TenantUrl", "/scim/v2"),
        ("TenantUrlForEntra", "/scim/v2?aadOptscim062020"),
        ("SettingsUrl", "/settings"),
    ] {
        let host = "${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}";
        assert_eq!(
            shown(at(&template, &["Outputs", output, "Value"])),
            format!(
                "!If [HasPublicUrl, !Sub ${{PublicUrl}}{path}, \
                 !If [HasDomain, !Sub https://${{DomainName}}{path}, !Sub https://{host}{path}]]"
            )
        );
    }
    let domain = at(&template, &["Resources", "Domain", "Properties"]);
    assert_eq!(
        shown(domain),
        "{DomainName: !Ref DomainName, DomainNameConfigurations: [{\
         CertificateArn: !Ref CertificateArn, EndpointType: REGIONAL, SecurityPolicy: TLS_1_2, \
         IpAddressType: dualstack}]}"
    );
    let mapping = at(&template, &["Resources", "DomainMapping", "Properties"]);
    assert_eq!(
        shown(mapping),
        "{ApiId: !Ref Api, DomainName: !Ref Domain, Stage: !Ref Api.Stage}"
    );
}

#[test]
fn a_key_of_one_s_own_is_for_every_table_and_every_log() {
    let text = source("template.yaml");
    let template = parse(&text);
    for (name, table) in of_type(&template, "AWS::DynamoDB::GlobalTable") {
        for replica in items(at(table, &["Replicas"])) {
            assert_eq!(
                shown(at(replica, &["SSESpecification"])),
                "!If [HasKmsKey, {KMSMasterKeyId: !Ref KmsKeyArn}, !Ref AWS::NoValue]",
                "{name}"
            );
        }
    }
    for (name, group) in of_type(&template, "AWS::Logs::LogGroup") {
        assert_eq!(
            shown(at(group, &["KmsKeyId"])),
            "!If [HasKmsKey, !Ref KmsKeyArn, !Ref AWS::NoValue]",
            "{name}"
        );
    }
}

#[test]
fn nightly_copies_are_of_the_tables_that_are_used() {
    let text = source("template.yaml");
    let template = parse(&text);
    let path = ["Resources", "BackupSelection", "Properties"];
    let selection = at(at(&template, &path), &["BackupSelection"]);
    let tables: Vec<_> = items(at(selection, &["Resources"]))
        .map(table_or_index)
        .collect();
    let wanted = ["SecretsTable", "DirectoryTable"].map(|table| (table.to_owned(), None));
    assert_eq!(tables, wanted);
    for (given, is_there) in [(Some(BACKUP), true), (None, false)] {
        let names = Stack::new(&template, given).names("Resources");
        for name in ["BackupPlan", "BackupSelection"] {
            assert_eq!(names.contains(name), is_there, "{name}");
        }
    }
}

/// CloudFormation refuses a stack in which something names what is not there.
#[test]
fn what_is_there_names_only_what_is_there() {
    let text = source("template.yaml");
    names_only_what_is_there(&parse(&text), &[DOMAIN, ZONE, BACKUP]);
}

/// Entra sends no User-Agent, its bodies are larger than 8 KB, all its tenants come from the same
/// addresses, and it must not get a page of HTML.
#[test]
fn the_firewall_in_front_lets_entra_through() {
    let text = source("edge.yaml");
    let edge = parse(&text);
    let firewall = at(&edge, &["Resources", "Firewall", "Properties"]);
    let rule = |name: &str| {
        items(at(firewall, &["Rules"]))
            .find(|rule| string(at(rule, &["Name"])) == name)
            .unwrap_or_else(|| panic!("edge.yaml: no rule {name}"))
    };
    let path = [
        "Statement",
        "ManagedRuleGroupStatement",
        "RuleActionOverrides",
    ];
    let counted: BTreeSet<_> = items(at(rule("common"), &path))
        .map(|rule| {
            assert_eq!(shown(at(rule, &["ActionToUse"])), "{Count: {}}");
            string(at(rule, &["Name"]))
        })
        .collect();
    for name in ["NoUserAgent_HEADER", "SizeRestrictions_BODY"] {
        assert!(counted.contains(name), "{name}");
    }
    // Azure is a hosting provider, and those are what that list has.
    assert!(!text.contains("AWSManagedRulesAnonymousIpList"));
    let rate = at(rule("credential"), &["Statement", "RateBasedStatement"]);
    let kind = string(at(rate, &["AggregateKeyType"]));
    assert_eq!(kind, "CUSTOM_KEYS");
    let keys = shown(at(rate, &["CustomKeys"]));
    assert!(keys.contains("Header: {Name: authorization"), "{keys}");
    // 25 requests a second, for five minutes.
    let limit = at(&edge, &["Parameters", "RequestsPerCredential"]);
    assert!(number(at(limit, &["MinValue"])) >= 25 * 300);
    let path = ["Resources", "Distribution", "Properties"];
    let distribution = at(at(&edge, &path), &["DistributionConfig"]);
    let origins: Vec<_> = items(at(distribution, &["Origins"])).collect();
    let [origin] = origins[..] else {
        panic!("one origin: {origins:?}");
    };
    let wait = number(at(origin, &["CustomOriginConfig", "OriginReadTimeout"]));
    let text = source("template.yaml");
    let template = parse(&text);
    let path = ["Resources", "Function", "Properties", "Events"];
    let event = at(at(&template, &path), &["EveryRequest", "Properties"]);
    assert!(wait * 1000 > number(at(event, &["TimeoutInMillis"])));
    let methods = shown(at(distribution, &["DefaultCacheBehavior"]));
    for method in ["DELETE", "GET", "PATCH", "POST", "PUT"] {
        assert!(methods.contains(method), "{method}");
    }
}

/// What is sampled and logged has headers, and so API-KEYs, and queries, which name people.
#[test]
fn the_firewall_keeps_no_request() {
    let text = source("edge.yaml");
    let edge = parse(&text);
    let firewall = at(&edge, &["Resources", "Firewall", "Properties"]);
    let rules = items(at(firewall, &["Rules"]));
    for of in rules.chain([firewall]) {
        let sampled = at(of, &["VisibilityConfig", "SampledRequestsEnabled"]);
        assert!(!boolean(sampled), "{of:?}");
    }
    let resources = at(&edge, &["Resources"]).as_mapping().unwrap().values();
    for resource in resources {
        let kind = string(at(resource, &["Type"]));
        assert!(!kind.contains("Log"), "{kind}");
        assert!(!shown(resource).contains("Logging"), "{kind}");
    }
}

#[test]
fn every_parameter_is_in_the_document_for_operators() {
    let text = source("template.yaml");
    let template = parse(&text);
    let document = source("docs/OPERATING.md");
    let rows: Vec<_> = document
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let parameters = at(&template, &["Parameters"]).as_mapping().unwrap().keys();
    let missing: Vec<_> = parameters
        .map(string)
        .filter(|name| !rows.iter().any(|row| row.contains(&format!("`{name}`"))))
        .collect();
    assert!(missing.is_empty(), "docs/OPERATING.md lacks {missing:?}");
}
