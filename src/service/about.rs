//! What the log of requests says of an operation: whom it was for, and what it left out.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use scim::bulk::{Action, BulkOperation};
use scim::ignored::Ignored;
use scim::subject::{Names, Subject};
use scim::{ResourceType, ScimError};
use serde_json::{Map, Value};
use store::directory::record::ChangeKind;
use store::usage::requests::{Entry, LoggedRequest};
use tenant::KeyId;
use time::OffsetDateTime;

use super::Directory;
use super::changed::Changed;
use crate::instance::request_log::RequestLog;

/// What the log says of an operation: a request, or a part of a bulk request. It has what the
/// client calls a person, and belongs into no log line.
#[derive(Clone, Default)]
pub struct About {
    /// Its place in a bulk request, from 1 on.
    pub part: Option<u32>,
    /// The method.
    pub method: &'static str,
    /// The path, without ids.
    pub route: String,
    /// The resource, as the client named it.
    pub subject: Subject,
    /// The attributes that it names.
    pub attributes: Vec<String>,
    /// What it names and the service does not know.
    pub ignored: Ignored,
    /// How many were to become members and are no users.
    pub left_out: usize,
}

/// An operation that belongs into the log, and why it was refused or failed, if it was.
#[derive(Debug)]
pub struct Told {
    /// The operation.
    pub about: About,
    /// Why it was refused or failed.
    pub error: Option<ScimError>,
}

/// Without what the client calls a person.
impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("About").finish_non_exhaustive()
    }
}

impl About {
    /// Of a change that a bulk request asks for, as it was understood.
    pub(super) fn of_operation(
        part: u32,
        operation: &BulkOperation,
        action: Option<&Action>,
    ) -> Self {
        let method = ["POST", "PUT", "PATCH", "DELETE"];
        let mut method = method.into_iter();
        let method = method.find(|method| operation.method.eq_ignore_ascii_case(method));
        let mut about = Self {
            part: Some(part),
            method: method.unwrap_or("other"),
            route: "/Bulk".to_owned(),
            ..Self::default()
        };
        if let Some(action) = action {
            about.route = route(action.resource_type(), action.id().is_some());
        }
        if let Value::Object(body) = &operation.data {
            about.read(body);
        }
        if let Some(id) = action.and_then(Action::id) {
            about.subject.id = Some(id.to_owned());
        }
        about
    }

    /// Reads whom a body is for.
    pub fn read(&mut self, body: &Map<String, Value>) {
        let (subject, names) = match self.method {
            "PATCH" => Subject::of_patch(body),
            _ => Subject::of_resource(body),
        };
        let id = self.subject.id.take();
        self.subject = subject;
        // The one of the URL counts.
        self.subject.id = id.or(self.subject.id.take());
        self.attributes = names.into_inner();
    }

    /// The entry of the log.
    pub(crate) fn logged(
        self,
        at: OffsetDateTime,
        request_id: &str,
        key: KeyId,
        error: Option<&ScimError>,
    ) -> LoggedRequest {
        let status = match (error, self.method) {
            (Some(error), _) => error.status().as_u16(),
            (None, "POST") => 201,
            (None, _) => 200,
        };
        LoggedRequest {
            at,
            request_id: request_id.to_owned(),
            part: self.part,
            key,
            method: self.method.to_owned(),
            route: self.route,
            status,
            reason: error.map(|error| error.reason().to_owned()),
            detail: error.map(ScimError::to_string),
            subject: self.subject,
            attributes: self.attributes,
            ignored: self.ignored.count() as u64,
            ignored_names: self.ignored.names().to_vec(),
            left_out: self.left_out as u64,
        }
    }
}

fn method(kind: &ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Create | ChangeKind::Revive => "POST",
        ChangeKind::Replace => "PUT",
        ChangeKind::Patch => "PATCH",
        ChangeKind::Delete => "DELETE",
        // The operator's, which are none of a client's requests.
        _ => "other",
    }
}

fn route(resource_type: &ResourceType, has_id: bool) -> String {
    let id = if has_id { "/{id}" } else { "" };
    format!("{}{id}", resource_type.endpoint)
}

/// A change while it is made: what the log will say of it if it leaves something out. It is logged
/// in the transaction that makes it; if there is none, beside the answer.
pub(super) struct Making<'m> {
    /// What kind of request it is.
    pub kind: ChangeKind,
    log: RequestLog<'m>,
    resource_type: &'static ResourceType,
    id: Option<&'m str>,
    part: Option<u32>,
    read: OnceLock<(Subject, Names)>,
    ignored: OnceLock<Ignored>,
    /// Whether the log has room for it, once that was asked.
    is_admitted: OnceLock<bool>,
    /// Whether it was logged.
    is_used: AtomicBool,
}

impl<'m> Making<'m> {
    /// A change of this kind. One of a bulk request has a place in it.
    pub fn new(
        directory: &Directory<'m>,
        resource_type: &'static ResourceType,
        kind: ChangeKind,
        id: Option<&'m str>,
        part: Option<u32>,
    ) -> Self {
        Self {
            kind,
            log: directory.log,
            resource_type,
            id,
            part,
            read: OnceLock::new(),
            ignored: OnceLock::new(),
            is_admitted: OnceLock::new(),
            is_used: AtomicBool::new(false),
        }
    }

    /// Reads whom the body is for.
    pub fn read(&self, body: &Map<String, Value>) {
        if self.log.is_kept() {
            let _ = self.read.set(match self.kind {
                ChangeKind::Patch => Subject::of_patch(body),
                _ => Subject::of_resource(body),
            });
        }
    }

    /// Notes what the body names and the service does not know. Only the first time counts: after
    /// a lost race it is the same.
    pub fn ignore(&self, ignored: Ignored) {
        let _ = self.ignored.set(ignored);
    }

    /// Whether it is known what is ignored.
    pub fn is_decided(&self) -> bool {
        self.ignored.get().is_some()
    }

    /// The entry for the transaction that makes the change, if there may be one.
    pub fn entry(&self, directory: &Directory<'_>, at: OffsetDateTime) -> Option<Box<Entry>> {
        let ignores = self
            .ignored
            .get()
            .is_some_and(|ignored| ignored.count() > 0);
        let may_leave_members_out =
            self.kind != ChangeKind::Delete && self.resource_type.members.is_some();
        if !ignores && !may_leave_members_out {
            return None;
        }
        if !self.is_admitted.get_or_init(|| self.log.admit(1) > 0) {
            return None;
        }
        let about = self.about(0);
        let request = about.logged(at, directory.request_id, directory.key.clone(), None);
        let expires = self.log.expires(at)?;
        Some(Box::new(Entry { request, expires }))
    }

    /// The change is made. Returns what was ignored, and what is to be logged beside the answer.
    pub fn made(&self, changed: &Changed) -> (Ignored, Option<Box<About>>) {
        let ignored = self.ignored.get().cloned().unwrap_or_default();
        let left_out = changed.members.left_out.len();
        let is_admitted = self.is_admitted.get().copied();
        if !self.log.is_kept() || (ignored.count() == 0 && left_out == 0) {
            return (ignored, None);
        }
        match is_admitted {
            Some(true) if changed.is_written => {
                self.is_used.store(true, Relaxed);
                (ignored, None)
            }
            Some(false) if changed.is_written => {
                self.log.leave_out(1);
                (ignored, None)
            }
            _ => {
                let about = Box::new(self.about(left_out));
                (ignored, Some(about))
            }
        }
    }

    fn about(&self, left_out: usize) -> About {
        let (mut subject, names) = self.read.get().cloned().unwrap_or_default();
        if let Some(id) = self.id {
            subject.id = Some(id.to_owned());
        }
        About {
            part: self.part,
            method: method(&self.kind),
            route: route(self.resource_type, self.id.is_some()),
            subject,
            attributes: names.into_inner(),
            ignored: self.ignored.get().cloned().unwrap_or_default(),
            left_out,
        }
    }
}

/// A place in the log that was not used is free again.
impl Drop for Making<'_> {
    fn drop(&mut self) {
        if self.is_admitted.get() == Some(&true) && !self.is_used.load(Relaxed) {
            self.log.give_back(1);
        }
    }
}
