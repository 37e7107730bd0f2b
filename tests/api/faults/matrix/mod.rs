//! Trouble of every kind on every DynamoDB call of every operation in turn, once and for good.
//!
//! Each operation is run once and watched; then it is run again for each of its calls and each kind
//! of trouble, in a tenant of its own. After each run the answer is one of those that are right, the
//! client's retry gets the right answer, and the tenant is consistent.

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

#[tokio::test]
async fn finds() {
    let cases = run(operations::finds).await;
    assert!(cases >= 700, "{cases}");
}

#[tokio::test]
async fn lists() {
    let cases = run(operations::lists).await;
    assert!(cases >= 690, "{cases}");
}

#[tokio::test]
async fn creations() {
    let cases = run(operations::creations).await;
    assert!(cases >= 365, "{cases}");
}

#[tokio::test]
async fn changes() {
    let cases = run(operations::changes).await;
    assert!(cases >= 800, "{cases}");
}

#[tokio::test]
async fn bulk() {
    let cases = run(operations::bulk).await;
    assert!(cases >= 200, "{cases}");
}

#[tokio::test]
async fn reads_of_the_operator() {
    let cases = run(operator::reads).await;
    assert!(cases >= 350, "{cases}");
}

#[tokio::test]
async fn changes_of_the_operator() {
    let cases = run(operator::changes).await;
    assert!(cases >= 590, "{cases}");
}
