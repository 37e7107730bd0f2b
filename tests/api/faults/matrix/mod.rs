//! Trouble of every kind on every DynamoDB call of every operation in turn, once and for good.
//!
//! Each operation is run once and watched; then it is run again for each of its calls and each kind
//! of trouble, in a tenant of its own. After each run the answer is one of those that are right,
//! the client's retry gets the right answer, and the tenant is consistent.

mod cases;
mod kinds;
mod operations;
mod operator;
mod reply;
mod request;
mod sites;
mod tenants;

use cases::run;

// Each number of cases is a little less than today's, so that the matrix does not shrink unseen.

#[test]
fn finds() {
    let cases = run(operations::finds);
    assert!(cases >= 700, "{cases}");
}

#[test]
fn lists() {
    let cases = run(operations::lists);
    assert!(cases >= 690, "{cases}");
}

#[test]
fn creations() {
    let cases = run(operations::creations);
    assert!(cases >= 365, "{cases}");
}

#[test]
fn changes() {
    let cases = run(operations::changes);
    assert!(cases >= 800, "{cases}");
}

#[test]
fn bulk() {
    let cases = run(operations::bulk);
    assert!(cases >= 420, "{cases}");
}

#[test]
fn reads_of_the_operator() {
    let cases = run(operator::reads);
    assert!(cases >= 350, "{cases}");
}

#[test]
fn changes_of_the_operator() {
    let cases = run(operator::changes);
    assert!(cases >= 1250, "{cases}");
}
