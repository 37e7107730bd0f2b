//! axe-core, which finds what keeps people from using a page.

use std::sync::LazyLock;

use serde_json::Value;

use super::browser::Browser;

static SOURCE: LazyLock<String> = LazyLock::new(|| {
    let path = stand::root().join(".local/axe/axe.min.js");
    std::fs::read_to_string(&path)
        .unwrap_or_else(|_| panic!("{} is missing: run `make test-browser`", path.display()))
});

/// What is asked of a page. The rule on the size of targets is new, and off unless it is named.
const RUN: &str = "
    return axe.run(document, {
        runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']},
        rules: {'target-size': {enabled: true}},
    });
";

/// What is wrong with the page.
pub async fn violations(browser: &Browser) -> Vec<String> {
    // As one script with its call: the page's policy lets nothing be evaluated later.
    let script = format!("{}\n;{RUN}", *SOURCE);
    let found = browser.run(&script, Vec::new()).await;
    let passed = found["passes"].as_array().map_or(0, Vec::len);
    assert!(passed > 5, "axe has looked at the page: {found}");
    let violations = found["violations"].as_array().unwrap().iter();
    violations.flat_map(told).collect()
}

/// A line for each element that breaks a rule.
fn told(violation: &Value) -> Vec<String> {
    let nodes = violation["nodes"].as_array().unwrap().iter();
    let lines = nodes.map(|node| {
        format!(
            "{}: {} {} {}",
            violation["id"].as_str().unwrap_or_default(),
            node["target"],
            node["html"].as_str().unwrap_or_default(),
            node["failureSummary"].as_str().unwrap_or_default(),
        )
    });
    lines.collect()
}
