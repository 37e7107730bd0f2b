//! What the product would be told meanwhile: the stream is read, and must say at the end what the
//! model has, in whatever order it is told.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use member_events::{Content, Publisher};
use serde_json::Value;
use stand::consumer::{Consumer, View};
use stand::stream::Stream;
use stand::tenant::DIRECTORY_TABLE;

use crate::groups::Group;
use crate::model::{BASE, User};

/// How many events are held back, to be told again and out of order.
const HELD: usize = 500;

/// A consumer of the stream's events, who gets them out of order, and some of them twice.
pub struct Listener {
    stream: Stream,
    publisher: Publisher,
    rng: Rng,
    consumer: Consumer,
    held: Vec<Value>,
    ids: HashSet<String>,
}

impl Listener {
    /// Listens from now on.
    pub async fn start(endpoint: &str, seed: u64) -> Result<Self> {
        let url = BASE.strip_suffix("/scim/v2");
        Ok(Self {
            stream: Stream::open(endpoint, DIRECTORY_TABLE, BTreeMap::new()).await?,
            publisher: Publisher::new(url, Content::Full),
            rng: Rng::with_seed(seed.rotate_left(16)),
            consumer: Consumer::default(),
            held: Vec::new(),
            ids: HashSet::new(),
        })
    }

    /// Takes in all that there is. Returns how many events that was.
    pub async fn listen(&mut self) -> Result<usize> {
        let before = self.ids.len();
        loop {
            let events = self.stream.events(&self.publisher).await?;
            if events.is_empty() && self.stream.take_moved().is_none() {
                return Ok(self.ids.len() - before);
            }
            for event in events {
                ensure!(
                    self.ids.insert(event.id.clone()),
                    "{} is told twice",
                    event.id
                );
                self.held.push(serde_json::from_str(&event.json())?);
                while self.held.len() > HELD {
                    let place = self.rng.usize(..self.held.len());
                    // One in four comes again.
                    let event = match self.rng.u8(..4) {
                        0 => self.held[place].clone(),
                        _ => self.held.swap_remove(place),
                    };
                    self.consumer.apply(&event);
                }
            }
        }
    }

    /// What a consumer knows by now of a tenant.
    pub fn view(&mut self, tenant: &str) -> View {
        self.rng.shuffle(&mut self.held);
        for event in self.held.drain(..) {
            self.consumer.apply(&event);
        }
        self.consumer.view(tenant)
    }

    /// Checks that a consumer knows these users and groups and no others, and was told every
    /// version of each.
    pub fn must_know(&mut self, tenant: &str, users: &[&User], groups: &[&Group]) -> Result<()> {
        let mut view = self.view(tenant);
        ensure!(self.consumer.unreadable == 0, "a record cannot be read");
        for user in users {
            let mut shown = user.object().clone();
            if let Value::Object(object) = &mut shown {
                object.remove("groups");
            }
            let told = view.users.remove(user.id());
            ensure!(
                told.as_ref() == Some(&shown),
                "tenant {tenant}: the events say {told:?} of a user that is {shown}"
            );
            let version = shown["meta"]["version"].as_str().unwrap_or_default();
            let version: u64 = version
                .trim_matches(|c: char| !c.is_ascii_digit())
                .parse()?;
            for version in 1..=version {
                let id = format!("{tenant}/{}/{version}", user.id());
                ensure!(self.ids.contains(&id), "the event {id} is missing");
            }
        }
        for group in groups {
            let told = view.groups.remove(&group.id);
            let (told, members) = told.context("a group is missing in the events")?;
            ensure!(
                told["displayName"] == *group.name && members == group.members,
                "tenant {tenant}: the events say {told} with {members:?} of {group:?}"
            );
        }
        ensure!(
            view == View::default(),
            "tenant {tenant}: the events tell of what is not there: {view:?}"
        );
        Ok(())
    }
}
