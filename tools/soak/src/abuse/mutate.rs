//! Damages requests: path, method, query and headers. Bodies are damaged in [`body`].

use std::path::Path;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use serde_json::Value;

use super::body;
use super::text::{encoded, filter, strange};
use super::token::{self, Client, TOKEN};

/// A user and a group that exist.
#[derive(Debug, Clone, Default)]
pub struct Target {
    pub user: String,
    pub group: String,
}

/// Requests of real clients.
pub struct Corpus {
    scim: Vec<Value>,
    /// Those to the token endpoint.
    tokens: Vec<Value>,
}

impl Corpus {
    /// Reads all events of a folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut files: Vec<_> = std::fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()?;
        files.sort();
        let mut events = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(&file)?;
            let event = serde_json::from_str(&text);
            events.push(event.with_context(|| file.display().to_string())?);
        }
        let is_token = |event: &Value| event["rawPath"].as_str().is_some_and(|path| path == TOKEN);
        let (tokens, scim): (Vec<_>, Vec<_>) = events.into_iter().partition(is_token);
        ensure!(
            scim.len() > 100 && tokens.len() > 2,
            "events/ is not complete"
        );
        Ok(Self { scim, tokens })
    }

    /// A random request for a token, damaged.
    pub fn malformed_token(&self, rng: &mut Rng, client: &Client) -> Value {
        let event = rng.choice(&self.tokens).cloned().unwrap_or_default();
        let mut event = token::malformed(rng, event, client);
        match rng.u8(..12) {
            0 => method(rng, &mut event),
            1 => header(rng, &mut event),
            2 => query(rng, &mut event),
            _ => {}
        }
        event
    }

    /// A random request, damaged, with the key, and for the target if it addresses a user or a
    /// group. Whoever it names as a member is the target as well.
    pub fn malformed(&self, rng: &mut Rng, key: &str, target: &Target) -> Value {
        let Target { user, group } = target;
        let mut event = rng.choice(&self.scim).cloned().unwrap_or_default();
        event["headers"]["authorization"] = format!("Bearer {key}").into();
        let path = event["rawPath"].as_str().unwrap_or_default();
        if let Some((users, _)) = path.rsplit_once("Users/00000000") {
            event["rawPath"] = format!("{users}Users/{user}").into();
        } else if let Some((groups, id)) = path.rsplit_once("Groups/")
            && id.len() == 36
        {
            event["rawPath"] = format!("{groups}Groups/{group}").into();
            if let Some(body) = event["body"].as_str() {
                event["body"] = with_members(body, user).into();
            }
        }
        for _ in 0..rng.u8(1..=4) {
            match rng.u8(..16) {
                0 => path_of(rng, &mut event, user),
                1 => method(rng, &mut event),
                2 | 3 => query(rng, &mut event),
                4 => header(rng, &mut event),
                5 => body::text(rng, &mut event),
                6 => body::replace(rng, &mut event, user),
                _ => body::json(rng, &mut event),
            }
        }
        event
    }
}

/// The body with this user in the place of the first one that it names.
fn with_members(body: &str, user: &str) -> String {
    let is_id = |text: &&str| text.len() == 36 && text.matches('-').count() == 4;
    match body
        .split('"')
        .map(|text| text.trim_end_matches('\\'))
        .find(is_id)
    {
        Some(id) => body.replace(id, user),
        None => body.to_owned(),
    }
}

fn path_of(rng: &mut Rng, event: &mut Value, target: &str) {
    let strange = strange(rng);
    let part: String = encoded(rng, &strange).chars().take(3000).collect();
    let bases = [
        "/scim/v2",
        "/scim/v2/",
        "/SCIM/v2",
        "",
        "/x/scim/v2",
        "/scim/v1",
        "/scim/v2/scim/v2",
    ];
    let base = bases[rng.usize(..bases.len())];
    let endpoints = [
        "Users",
        "users",
        "Groups",
        "Bulk",
        "Me",
        "Schemas",
        "ResourceTypes",
        ".search",
        "Users/.search",
        "ServiceProviderConfig",
        "",
    ];
    let endpoint = endpoints[rng.usize(..endpoints.len())];
    event["rawPath"] = match rng.u8(..5) {
        0 => format!("{base}/{endpoint}/{part}"),
        1 => format!("{base}/{endpoint}/{target}/{part}"),
        2 => format!("{base}/{part}/{endpoint}"),
        3 => part,
        _ => format!("{base}/{endpoint}"),
    }
    .into();
}

fn method(rng: &mut Rng, event: &mut Value) {
    let methods = [
        "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "get", "X",
    ];
    event["requestContext"]["http"]["method"] = methods[rng.usize(..methods.len())].into();
}

fn query(rng: &mut Rng, event: &mut Value) {
    let names = [
        "filter",
        "sortBy",
        "sortOrder",
        "startIndex",
        "count",
        "cursor",
        "attributes",
        "excludedAttributes",
        "FILTER",
        "x",
        "",
        "aadOptscim062020",
    ];
    let numbers = [
        "-1",
        "0",
        "1",
        "2",
        "201",
        "99999999999999999999",
        "1.5",
        "-99999999999",
        " 1",
        "x",
        "١",
    ];
    let mut parts = Vec::new();
    for _ in 0..rng.usize(1..5) {
        let name = names[rng.usize(..names.len())];
        let value = match name {
            "filter" | "FILTER" => filter(rng),
            "startIndex" | "count" if rng.u8(..4) > 0 => {
                numbers[rng.usize(..numbers.len())].to_owned()
            }
            "sortBy" | "attributes" | "excludedAttributes" if rng.bool() => filter(rng),
            _ => strange(rng),
        };
        let value: String = encoded(rng, &value).chars().take(7000).collect();
        parts.push(format!("{name}={value}"));
    }
    event["rawQueryString"] = parts.join("&").into();
}

fn header(rng: &mut Rng, event: &mut Value) {
    let names = [
        "content-type",
        "accept",
        "if-match",
        "if-none-match",
        "host",
        "x-forwarded-proto",
        "content-length",
        "content-encoding",
        "authorization",
        "user-agent",
        "transfer-encoding",
    ];
    let values = [
        "application/json",
        "application/scim+json; charset=utf-16",
        "text/plain",
        "*/*",
        "W/\"1\"",
        "*",
        "\"",
        "",
        "multipart/form-data; boundary=x",
        "gzip",
        "-1",
        "evil.example:99999",
        "[::1",
        "a b",
        "http",
        "chunked",
        "Bearer",
        "Basic x",
    ];
    let name = names[rng.usize(..names.len())];
    let value = match rng.u8(..3) {
        // API Gateway rejects what no header can contain.
        0 => strange(rng)
            .chars()
            .filter(|c| !c.is_control())
            .take(2000)
            .collect(),
        _ => values[rng.usize(..values.len())].to_owned(),
    };
    // Most requests should get past authentication.
    if name != "authorization" || rng.u8(..10) == 0 {
        event["headers"][name] = value.into();
    }
}
