//! The scanner on planted faults, and on what looks like one.

use super::{dependencies, faults};

/// Planted faults, so that the test above cannot pass by seeing nothing.
#[test]
fn each_kind_of_fault_is_seen() {
    let crates = dependencies();
    for (path, code, expected) in [
        (
            "src/scim/a.rs",
            "use crate::storage::Store;",
            "names `storage`",
        ),
        (
            "src/scim/a.rs",
            "use crate::{scim::Resource, service::{self, Body}};",
            "names `service`",
        ),
        (
            "src/scim/a/b.rs",
            "fn f() -> super::super::super::tenant::TenantId {}",
            "names `tenant`",
        ),
        (
            "src/scim/a/mod.rs",
            "use super::super::{http};",
            "names `http`",
        ),
        (
            "src/scim/a.rs",
            "use aws_sdk_dynamodb::Client;",
            "names the crate `aws_sdk_dynamodb`",
        ),
        (
            "src/scim/a.rs",
            "fn f() { ::tokio::spawn(g()); }",
            "names the crate `tokio`",
        ),
        (
            "src/scim/a.rs",
            "use lambda_http::{Body, Request};",
            "names the crate `lambda_http`",
        ),
        (
            "src/scim/a.rs",
            "fn f() { tracing::info!(\"x\"); }",
            "names the crate `tracing`",
        ),
        (
            "src/scim/a.rs",
            "use http::HeaderMap;",
            "of `http` only `StatusCode`",
        ),
        ("src/scim/a.rs", "use std::env;", "names `std::env`"),
        (
            "src/scim/a.rs",
            "use std::{fmt, fs::{self, File}};",
            "names `std::fs`",
        ),
        (
            "src/scim/a.rs",
            "fn f() { let t = std::time::SystemTime::now(); }",
            "names `SystemTime`",
        ),
        (
            "src/scim/a.rs",
            "fn f() { OffsetDateTime::now_utc(); }",
            "names `now_utc`",
        ),
        ("src/scim/a.rs", "async fn f() {}", "names `async`"),
        (
            "src/scim/a.rs",
            "use proptest::prelude::*;",
            "names the crate `proptest`",
        ),
        (
            "src/scim/a.rs",
            "#[cfg(test)]\nmod tests;\nuse std::time::Instant;",
            "names `std::time`",
        ),
        (
            "src/scim/a.rs",
            "#[cfg(test)]\nmod tests {\nuse crate::storage;\n}",
            "names `storage`",
        ),
        (
            "src/tenant/a.rs",
            "use uuid::Uuid;",
            "names the crate `uuid`",
        ),
        (
            "src/tenant/a.rs",
            "use crate::scim::ScimError;",
            "names `scim`",
        ),
        (
            "src/storage/a.rs",
            "use crate::service::Failure;",
            "names `service`",
        ),
        ("src/storage/a.rs", "use crate::http::App;", "names `http`"),
        (
            "src/service/a.rs",
            "use aws_sdk_dynamodb::types::AttributeValue;",
            "names the crate `aws_sdk_dynamodb`",
        ),
        (
            "src/service/a.rs",
            "use lambda_http::Body;",
            "names the crate `lambda_http`",
        ),
        ("src/service/a.rs", "use crate::http::App;", "names `http`"),
        (
            "src/http/a.rs",
            "use aws_sdk_dynamodb::Client;",
            "names the crate `aws_sdk_dynamodb`",
        ),
        (
            "src/bin/x/a.rs",
            "use hellotracks_scim::http::App;",
            "names `http`",
        ),
        ("src/unheard_of/a.rs", "", "belongs to no part"),
        ("src/scim/utils.rs", "", "`utils` says nothing"),
        (
            "src/http/request_manager.rs",
            "",
            "`request_manager` says nothing",
        ),
    ] {
        let text = format!("//! Doc.\n{code}\n");
        let found = faults(path, &text, false, &crates).join("\n");
        assert!(found.contains(expected), "{path} `{code}`: {found:?}");
    }
    let long = "//! Doc.\n".to_owned() + &"fn f() {}\n".repeat(400);
    assert!(faults("src/scim/a.rs", &long, false, &crates)[0].contains("401 lines of code"));
    let long = format!(
        "//! Doc.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "fn f() {}\n".repeat(597)
    );
    assert!(faults("src/scim/a.rs", &long, false, &crates)[0].contains("601 lines"));
    assert!(faults("src/scim/a.rs", "fn f() {}\n", false, &crates)[0].contains("does not say"));
}

/// What looks like a fault and is none.
#[test]
fn only_code_counts() {
    let crates = dependencies();
    for (path, code) in [
        (
            "src/scim/a.rs",
            "// use crate::storage; tokio::spawn\nfn f() {}",
        ),
        ("src/scim/a.rs", "/* crate::storage /* std::env */ async */"),
        (
            "src/scim/a.rs",
            "const A: &str = \"crate::storage \\\" std::env\";",
        ),
        (
            "src/scim/a.rs",
            "const A: &str = r#\"crate::storage \" std::env\"#;",
        ),
        (
            "src/scim/a.rs",
            "fn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' }",
        ),
        (
            "src/scim/a.rs",
            "use super::super::scim::Resource;\nuse http::StatusCode;\nuse std::fmt;",
        ),
        (
            "src/scim/a.rs",
            "fn http() { self.http(); http(); x.time.tokio }",
        ),
        (
            "src/scim/a.rs",
            "#[cfg(test)]\nmod tests {\n    use proptest::prelude::*;\n    async fn f() {}\n}",
        ),
        (
            "src/http/a.rs",
            "use crate::storage::Meter;\nuse lambda_http::http::header;",
        ),
    ] {
        let text = format!("//! Doc.\n{code}\n");
        assert_eq!(faults(path, &text, false, &crates), [""; 0], "{code}");
    }
}
