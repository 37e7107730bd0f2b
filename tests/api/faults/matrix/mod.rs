//! Trouble of every kind on every DynamoDB call of every operation in turn, once and for good.
//!
//! Each operation is run once and watched; then it is run again for each of its calls and each kind
//! of trouble, in a tenant of its own. After each run the answer is one of those that are right,
//! the client's retry gets the right answer, and the tenant is consistent.

mod cases;
mod groups;
mod kinds;
mod memberships;
mod operations;
mod operator;
mod refusal;
mod reply;
mod request;
mod sessions;
mod sites;
mod tenants;
mod tokens;

use cases::run;
use tenants::Setting;

// Each number of cases is a little less than today's, so that the matrix does not shrink unseen.

#[test]
fn finds() {
    let cases = run(Setting::Users, operations::finds);
    assert!(cases >= 1170, "{cases}");
}

#[test]
fn lists() {
    let cases = run(Setting::Users, operations::lists);
    assert!(cases >= 690, "{cases}");
}

#[test]
fn creations() {
    let cases = run(Setting::Users, operations::creations);
    assert!(cases >= 480, "{cases}");
}

#[test]
fn changes() {
    let cases = run(Setting::Users, operations::changes);
    assert!(cases >= 800, "{cases}");
}

#[test]
fn bulk() {
    let cases = run(Setting::Users, operations::bulk);
    assert!(cases >= 420, "{cases}");
}

#[test]
fn reads_of_the_operator() {
    let cases = run(Setting::Users, operator::reads);
    assert!(cases >= 350, "{cases}");
}

#[test]
fn changes_of_the_operator() {
    let cases = run(Setting::Users, operator::changes);
    assert!(cases >= 1250, "{cases}");
}

#[test]
fn data_of_the_operator() {
    let cases = run(Setting::Users, operator::of_data);
    assert!(cases >= 350, "{cases}");
}

#[test]
fn the_way_into_the_settings() {
    let cases = run(Setting::Users, sessions::steps);
    assert!(cases >= 200, "{cases}");
}

#[test]
fn tokens() {
    let cases = run(Setting::Clients, tokens::requests);
    assert!(cases >= 250, "{cases}");
}

#[test]
fn reads_of_groups() {
    let cases = run(Setting::Groups, groups::reads);
    assert!(cases >= 1730, "{cases}");
}

#[test]
fn changes_of_groups() {
    let cases = run(Setting::Groups, groups::changes);
    assert!(cases >= 715, "{cases}");
}

#[test]
fn the_operator_s_work_on_groups() {
    let cases = run(Setting::Groups, operator::of_groups);
    assert!(cases >= 600, "{cases}");
}

#[test]
fn the_operator_s_work_on_a_pending_change() {
    let cases = run(Setting::Pending(30), operator::of_pending);
    assert!(cases >= 110, "{cases}");
}

#[test]
fn large_changes_of_groups() {
    let cases = run(Setting::Crowd(30), groups::large_changes);
    assert!(cases >= 120, "{cases}");
}

#[test]
fn steps_of_a_large_change() {
    let cases = run(Setting::Crowd(52), groups::steps);
    assert!(cases >= 50, "{cases}");
}

#[test]
fn reads_of_a_pending_change() {
    let cases = run(Setting::Pending(30), groups::reads_of_pending);
    assert!(cases >= 1200, "{cases}");
}

#[test]
fn changes_after_a_pending_change() {
    let cases = run(Setting::Pending(30), groups::changes_of_pending);
    assert!(cases >= 385, "{cases}");
}

#[test]
fn departures_from_many_groups() {
    let cases = run(Setting::ManyGroups(31), groups::departures);
    assert!(cases >= 100, "{cases}");
}
