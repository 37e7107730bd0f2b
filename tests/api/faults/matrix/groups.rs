//! What the service can be asked about groups and their members.

use serde_json::{Value, json};

use super::memberships::patch_group;
use super::operations::{Breadth, Operation, USERS};
use super::request::{Request, Rival, user};
use super::tenants::{Found, Users};
use crate::support::groups::{GROUP, adding, named, path, removing, renaming, replacing};
use crate::support::service::query;

/// How many members fit in one transaction with all else that it has.
const FIT: usize = 27;

fn listed(endpoint: &str, filter: &str) -> String {
    format!("{endpoint}?{}", query(&[("filter", filter)]))
}

/// As Okta adds several.
fn adding_all(users: &[String]) -> Value {
    json!([{"op": "add", "path": "members", "value": named(users)}])
}

fn delete(group: &str) -> Request {
    Request::new("DELETE", path(group), None)
}

/// Whether these are the members, in whatever order.
fn are_members<'u>(
    found: &Found,
    group: &str,
    users: impl IntoIterator<Item = &'u String>,
) -> bool {
    let mut users: Vec<_> = users.into_iter().map(String::as_str).collect();
    users.sort_unstable();
    found.members_of(group) == users
}

fn changes_groups(
    name: &'static str,
    request: Request,
    statuses: [u16; 2],
    users: usize,
    is_made: fn(&Users, &Found) -> bool,
) -> Operation {
    Operation::changes(name, request, statuses, users, is_made).with(Breadth::FewOfReads)
}

/// Reads of groups, and of users with their groups.
pub fn reads(users: &Users) -> Vec<Operation> {
    let Users { lena, crew, .. } = users;
    let deletions =
        |statuses: &'static [u16]| vec![(Rival::once("deletes the group", delete(crew)), statuses)];
    vec![
        Operation::reads("GET of a group", path(crew)).rivals(deletions(&[200, 404])),
        Operation::reads(
            "GET of a group without members",
            format!("{}?excludedAttributes=members", path(crew)),
        ),
        Operation::reads("GET of a user in groups", user(lena)).rivals(deletions(&[200])),
        Operation::reads("list of groups", "/Groups").rivals(deletions(&[200])),
        Operation::reads("list of groups by name", "/Groups?sortBy=displayName"),
        Operation::reads("list of users in groups", "/Users?sortBy=userName"),
        Operation::reads(
            "match of a group",
            listed("/Groups", "displayName eq \"crew\""),
        ),
        Operation::reads(
            "whether a user is in a group",
            listed(
                "/Groups",
                &format!("id eq \"{crew}\" and members eq \"{lena}\""),
            ),
        ),
        Operation::reads(
            "groups of a user",
            listed("/Groups", &format!("members.value eq \"{lena}\"")),
        )
        .rivals(deletions(&[200])),
        Operation::reads(
            "users of a group",
            listed("/Users", &format!("groups.value eq \"{crew}\"")),
        )
        .rivals(deletions(&[200])),
        Operation::reads(
            "some users of a group",
            listed("/Users", "groups.display eq \"Crew\" and userName sw \"l\""),
        ),
        Operation::reads(
            "users of no group",
            listed("/Users", &format!("not (groups eq \"{crew}\")")),
        ),
    ]
}

/// Changes of groups that fit in one transaction, and the deletion of a member.
pub fn changes(users: &Users) -> Vec<Operation> {
    let Users {
        lena,
        max,
        kim,
        crew,
        spare,
        ..
    } = users;
    let add = |user: &str| Rival::once("adds another", patch_group(spare, adding(user)));
    let deletes = || Rival::once("deletes the group", delete(spare));
    let post = |members: Value| {
        let body = json!({"schemas": [GROUP], "displayName": "Night Crew", "members": members});
        Request::post("/Groups", body)
    };
    let put = json!({"displayName": "Crew", "members": named(&[kim.clone(), max.clone()])});
    vec![
        changes_groups(
            "POST of a group",
            post(json!([])),
            [201, 409],
            USERS,
            |_, found| found.group_named("Night Crew").is_some(),
        ),
        changes_groups(
            "POST of a group with members",
            post(named(&[lena.clone(), kim.clone()])),
            [201, 409],
            USERS,
            |users, found| {
                found.group_named("Night Crew").is_some_and(|group| {
                    let is_whole = are_members(found, group, [&users.lena, &users.kim]);
                    assert!(is_whole, "half of a group");
                    true
                })
            },
        )
        .rivals(vec![
            (Rival::once("sends the same", post(json!([]))), &[409]),
            (Rival::deletes(lena), &[201]),
        ]),
        changes_groups(
            "rename of a group",
            patch_group(crew, renaming("Old Crew")),
            [200, 200],
            USERS,
            |_, found| found.group_named("Old Crew").is_some(),
        )
        .rivals(vec![(
            Rival::once("adds another", patch_group(crew, adding(kim))),
            &[200],
        )]),
        changes_groups(
            "add 1",
            patch_group(spare, adding(lena)),
            [200, 200],
            USERS,
            |users, found| are_members(found, &users.spare, [&users.lena]),
        )
        .rivals(vec![
            (add(max), &[200]),
            (add(lena), &[200]),
            // A change of members does not touch the group, which is restored with them.
            (deletes(), &[200, 204, 404]),
            (Rival::deletes(lena), &[400]),
            (
                Rival::once(
                    "changes the user",
                    Request::patch(lena, json!({"title": "Digger"})),
                ),
                &[200],
            ),
        ]),
        changes_groups(
            "remove 1",
            patch_group(crew, removing(lena)),
            [200, 200],
            USERS,
            |users, found| are_members(found, &users.crew, [&users.max]),
        )
        .rivals(vec![
            (Rival::deletes(lena), &[200]),
            (
                Rival::once("removes the user", patch_group(crew, removing(lena))),
                &[200],
            ),
        ]),
        changes_groups(
            "add 1 and rename",
            patch_group(
                spare,
                json!([
                    {"op": "replace", "value": {"displayName": "Night Crew"}},
                    {"op": "add", "path": "members", "value": [{"value": kim}]},
                ]),
            ),
            [200, 200],
            USERS,
            |users, found| {
                let is_renamed = found.group_named("Night Crew").is_some();
                let is_member = are_members(found, &users.spare, [&users.kim]);
                assert_eq!(is_renamed, is_member, "half of a change");
                is_member
            },
        )
        .rivals(vec![(deletes(), &[404]), (add(lena), &[200])]),
        changes_groups(
            "replace",
            patch_group(crew, replacing(&[max.clone(), kim.clone()])),
            [200, 200],
            USERS,
            |users, found| are_members(found, &users.crew, [&users.max, &users.kim]),
        )
        .rivals(vec![
            (Rival::deletes(max), &[200]),
            (
                Rival::once("removes another", patch_group(crew, removing(max))),
                &[200],
            ),
        ]),
        changes_groups(
            "PUT of a group",
            Request::new("PUT", path(crew), Some(put)),
            [200, 200],
            USERS,
            |users, found| are_members(found, &users.crew, [&users.max, &users.kim]),
        ),
        changes_groups(
            "DELETE of a group",
            delete(crew),
            [204, 404],
            USERS,
            |users, found| !found.members.contains_key(&users.crew),
        )
        .rivals(vec![
            (
                Rival::once("adds another", patch_group(crew, adding(kim))),
                &[204],
            ),
            (Rival::once("deletes the group", delete(crew)), &[404]),
        ]),
        changes_groups(
            "DELETE of a member",
            Request::delete(lena),
            [204, 404],
            USERS - 1,
            |users, found| {
                let is_gone = !found.users.contains_key(&users.lena);
                assert_eq!(is_gone, are_members(found, &users.crew, [&users.max]));
                is_gone
            },
        )
        .rivals(vec![
            (
                Rival::once("adds the user elsewhere", patch_group(spare, adding(lena))),
                &[204],
            ),
            (
                Rival::once("removes the user", patch_group(crew, removing(lena))),
                &[204],
            ),
            (Rival::once("deletes the group", delete(crew)), &[204]),
        ]),
    ]
}

/// Changes that just fit in one transaction, or just do not.
pub fn large_changes(users: &Users) -> Vec<Operation> {
    let Users { spare, crowd, .. } = users;
    let size = USERS + crowd.len();
    let (fit, more) = (&crowd[..FIT], &crowd[..=FIT]);
    let late = crowd.last().unwrap();
    vec![
        changes_groups(
            "add 27",
            patch_group(spare, adding_all(fit)),
            [200, 200],
            size,
            |users, found| are_members(found, &users.spare, &users.crowd[..FIT]),
        ),
        changes_groups(
            "add 28",
            patch_group(spare, adding_all(more)),
            [200, 200],
            size,
            |users, found| are_members(found, &users.spare, &users.crowd[..=FIT]),
        )
        .rivals(vec![(
            Rival::once("adds another", patch_group(spare, adding(late))),
            &[200],
        )]),
    ]
}

/// One that is carried out in two steps.
pub fn steps(users: &Users) -> Vec<Operation> {
    let Users { spare, crowd, .. } = users;
    let size = USERS + crowd.len();
    let late = crowd.last().unwrap();
    vec![
        changes_groups(
            "add 52",
            patch_group(spare, adding_all(crowd)),
            [200, 200],
            size,
            |users, found| are_members(found, &users.spare, &users.crowd),
        )
        .rivals(vec![
            (
                Rival::once("removes one", patch_group(spare, removing(late))),
                &[200],
            ),
            (Rival::deletes(late), &[200]),
            (
                Rival::once("deletes the group", delete(spare)),
                &[200, 204, 404],
            ),
        ])
        .with(Breadth::FewOfWrites),
    ]
}

/// What others see of a change that is decided and not carried out.
pub fn reads_of_pending(users: &Users) -> Vec<Operation> {
    let Users { crew, crowd, .. } = users;
    let joins = &crowd[0];
    vec![
        Operation::reads("GET of a group in change", path(crew)),
        Operation::reads("GET of a user who becomes a member", user(joins)),
        Operation::reads("list of groups in change", "/Groups"),
        Operation::reads("list of users in change", "/Users?count=5"),
        Operation::reads(
            "groups of a user who becomes a member",
            listed("/Groups", &format!("members.value eq \"{joins}\"")),
        ),
        Operation::reads(
            "users of a group in change",
            listed("/Users", &format!("groups.value eq \"{crew}\"")) + "&count=5",
        ),
    ]
}

/// What comes after a change that is decided and not carried out.
pub fn changes_of_pending(users: &Users) -> Vec<Operation> {
    let Users {
        lena, crew, crowd, ..
    } = users;
    let size = USERS + crowd.len();
    vec![
        changes_groups(
            "add 1 after a pending change",
            patch_group(crew, adding(lena)),
            [200, 200],
            size,
            |users, found| {
                let all = users.crowd.iter().chain([&users.lena]);
                are_members(found, &users.crew, all)
            },
        ),
        changes_groups(
            "DELETE of a user who becomes a member",
            Request::delete(&crowd[0]),
            [204, 404],
            size - 1,
            |users, found| {
                let is_gone = !found.users.contains_key(&users.crowd[0]);
                let is_out = are_members(found, &users.crew, &users.crowd[1..]);
                assert_eq!(is_gone, is_out, "half of a deletion");
                is_gone
            },
        )
        .rivals(vec![(
            Rival::once("carries it out", patch_group(crew, adding(lena))),
            &[204],
        )]),
        changes_groups(
            "DELETE of a user who was a member",
            Request::delete(lena),
            [204, 404],
            size - 1,
            |users, found| !found.users.contains_key(&users.lena),
        ),
        changes_groups(
            "DELETE of a group in change",
            delete(crew),
            [204, 404],
            size,
            |users, found| !found.members.contains_key(&users.crew),
        ),
    ]
}

/// The deletion of a user who is in more groups than a transaction has room for.
pub fn departures(users: &Users) -> Vec<Operation> {
    let Users {
        lena, spare, crowd, ..
    } = users;
    let everybody = [std::slice::from_ref(lena), crowd].concat();
    let rivals = vec![
        (
            Rival::once(
                "decides a large change that names the user",
                patch_group(spare, adding_all(&everybody)),
            ),
            &[204][..],
        ),
        (
            Rival::once("adds the user", patch_group(spare, adding(lena))),
            &[204],
        ),
    ];
    vec![
        changes_groups(
            "DELETE of a member of many groups",
            Request::delete(lena),
            [204, 404],
            USERS + crowd.len() - 1,
            |users, found| {
                let is_gone = !found.users.contains_key(&users.lena);
                let groups = found.members.values();
                let is_out = groups
                    .into_iter()
                    .all(|members| !members.contains(&users.lena));
                assert!(is_out || !is_gone, "half of a deletion");
                is_gone
            },
        )
        .rivals(rivals),
    ]
}
