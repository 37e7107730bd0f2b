//! Walks through all pages of a tenant's users.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Result, anyhow, ensure};
use serde_json::Value;

use crate::client::{Call, Sent};
use crate::groups::Group;
use crate::model::User;
use crate::tenant::Tenant;

/// How many groups a page shows.
const GROUPS_ON_A_PAGE: usize = 4;

/// More pages than any walk may need.
const MAX_PAGES: usize = 1000;

/// A walk during other writes.
///
/// By cursor it must show no user twice, and every user that exists throughout. By index, a
/// creation before the walk's position shifts everything after it by one, and a deletion shifts it
/// back: the last user is shown again, or the next one is skipped. Nothing else may happen.
pub async fn under_load(tenant: &Tenant, count: usize, by_cursor: bool) -> Result<()> {
    let (before, created, deleted) = (
        tenant.present(),
        tenant.creations.mark(),
        tenant.deletions.mark(),
    );
    let shown = walk(tenant, count, by_cursor, |_| Ok(())).await?;
    let throughout: HashSet<String> = tenant.present();
    let ids: HashSet<&str> = shown.iter().map(id).collect();
    let repeated = shown.len() - ids.len();
    let throughout = throughout.iter().filter(|id| before.contains(*id));
    let missing: Vec<_> = throughout.filter(|id| !ids.contains(id.as_str())).collect();
    let (created, deleted) = if by_cursor {
        (0, 0)
    } else {
        (
            tenant.creations.since(created),
            tenant.deletions.since(deleted),
        )
    };
    ensure!(
        repeated <= created && missing.len() <= deleted,
        "tenant {}: a walk in pages of {count} (by cursor: {by_cursor}) shows {repeated} users twice, {created} may be, and misses {} users that existed throughout, {deleted} may be: {missing:?}",
        tenant.client.tenant,
        missing.len(),
    );
    Ok(())
}

/// A walk without other writes, which must show these users and their total on every page.
pub async fn when_quiet(tenant: &Tenant, users: &[&User], by_cursor: bool) -> Result<()> {
    let total = users.len();
    let count = total / 4 + 1;
    let shown = walk(tenant, count, by_cursor, |page| {
        if page.answer.body["totalResults"] == total {
            return Ok(());
        }
        Err(page.deviates(format!("{total} users in all")))
    })
    .await?;
    let mut expected: BTreeMap<&str, &User> = users.iter().map(|user| (user.id(), *user)).collect();
    let name = &tenant.client.tenant;
    for user in &shown {
        let is_right = expected
            .remove(id(user))
            .is_some_and(|expected| expected.object() == user);
        ensure!(
            is_right,
            "tenant {name}: the walk at the end shows {user}, which is not what the model has, or is shown twice"
        );
    }
    match expected.values().next() {
        None => Ok(()),
        Some(user) => Err(anyhow!(
            "tenant {name}: the walk at the end lacks {} of {total} users, such as {}",
            expected.len(),
            user.object()
        )),
    }
}

/// The groups on pages, which must be these with their members.
pub async fn groups_when_quiet(tenant: &Tenant, groups: Vec<&mut Group>) -> Result<()> {
    let total = groups.len();
    let mut groups = groups;
    groups.sort_by(|one, other| one.id.cmp(&other.id));
    let mut expected = groups.into_iter();
    for start in (1..=total).step_by(GROUPS_ON_A_PAGE) {
        let path = format!("/Groups?startIndex={start}&count={GROUPS_ON_A_PAGE}");
        let call = Call::get("page of groups", path);
        let page = tenant.client.send(call).await?;
        page.must_be(200, None)?;
        let shown = page.answer.body["Resources"].as_array();
        if page.answer.body["totalResults"] != total {
            return Err(page.deviates(format!("{total} groups in all")));
        }
        for shown in shown.into_iter().flatten() {
            let Some(group) = expected.next() else {
                return Err(page.deviates("fewer groups"));
            };
            group.must_look(&page, shown, true)?;
        }
    }
    ensure!(
        expected.next().is_none(),
        "tenant {}: the pages lack groups",
        tenant.client.tenant
    );
    Ok(())
}

/// Checks the total, while nobody writes.
pub async fn total(tenant: &Tenant, users: usize) -> Result<()> {
    let call = Call::get("total", "/Users?count=0".to_owned());
    let sent = tenant.client.send(call).await?;
    if sent.answer.status == 200 && sent.answer.body["totalResults"] == users {
        return Ok(());
    }
    Err(sent.deviates(format!("200 and {users} users in all")))
}

/// The users of all pages, in order.
async fn walk(
    tenant: &Tenant,
    count: usize,
    by_cursor: bool,
    check: impl Fn(&Sent) -> Result<()>,
) -> Result<Vec<Value>> {
    let mut users: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    for _ in 0..MAX_PAGES {
        let (kind, path) = if by_cursor {
            let path = format!("/Users?cursor={cursor}&count={count}");
            ("page by cursor", path)
        } else {
            let start = users.len() + 1;
            (
                "page by index",
                format!("/Users?startIndex={start}&count={count}"),
            )
        };
        let mut page = tenant.client.send(Call::get(kind, path)).await?;
        page.must_be(200, None)?;
        check(&page)?;
        let Value::Array(resources) = page.answer.body["Resources"].take() else {
            return Err(page.deviates("a list"));
        };
        let length = resources.len();
        // Pages are ordered by id.
        if page.answer.body["itemsPerPage"] != length || !resources.is_sorted_by_key(id) {
            return Err(page.deviates("a page in order, with its length"));
        }
        users.extend(resources);
        match page.answer.body["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None if by_cursor || length == 0 => return Ok(users),
            None => {}
        }
    }
    Err(anyhow!(
        "tenant {}: a walk in pages of {count} does not end",
        tenant.client.tenant
    ))
}

fn id(user: &Value) -> &str {
    user["id"].as_str().unwrap_or_default()
}
