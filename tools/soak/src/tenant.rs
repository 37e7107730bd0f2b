//! What a tenant's workers share.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};

use crate::client::Client;
use crate::entra::Mode;

/// A tenant during a run.
pub struct Tenant {
    pub number: usize,
    pub client: Client,
    pub mode: Mode,
    /// The ids of the users that certainly exist: their creation was answered, and their deletion
    /// has not started.
    present: Mutex<HashSet<String>>,
    pub creations: Span,
    pub deletions: Span,
    /// How many more active users may be deactivated or deleted before the breaker opens.
    deactivations: AtomicI64,
    /// How many more groups may be deleted.
    group_deletions: AtomicI64,
}

/// How many groups of a tenant may be deleted in a run: the breaker lets ten go, however few there
/// are when its window begins.
const GROUP_DELETIONS: i64 = 10;

/// Requests of one kind, by when they may take effect.
#[derive(Default)]
pub struct Span {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

impl Span {
    pub fn begin(&self) {
        self.begun.fetch_add(1, SeqCst);
    }

    pub fn end(&self) {
        self.ended.fetch_add(1, SeqCst);
    }

    /// A starting point for counting.
    pub fn mark(&self) -> usize {
        self.ended.load(SeqCst)
    }

    /// How many may have taken effect since a starting point.
    pub fn since(&self, mark: usize) -> usize {
        self.begun.load(SeqCst) - mark
    }
}

impl Tenant {
    /// A tenant without users.
    pub fn new(number: usize, client: Client, mode: Mode) -> Self {
        Self {
            number,
            client,
            mode,
            present: Mutex::default(),
            creations: Span::default(),
            deletions: Span::default(),
            deactivations: AtomicI64::new(0),
            group_deletions: AtomicI64::new(GROUP_DELETIONS),
        }
    }

    /// Allows this number of further users to be deactivated or deleted.
    pub fn allow_deactivations(&self, number: usize) {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.deactivations.fetch_add(number, SeqCst);
    }

    /// Uses up one of the remaining deactivations; false if there is none.
    pub fn may_deactivate(&self) -> bool {
        self.deactivations
            .fetch_update(SeqCst, SeqCst, |left| (left > 0).then(|| left - 1))
            .is_ok()
    }

    /// Uses up deactivations that were tried without an answer, and may have counted.
    pub fn tried_to_deactivate(&self, times: u64) {
        self.deactivations
            .fetch_sub(i64::try_from(times).unwrap_or(i64::MAX), SeqCst);
    }

    /// Uses up one of the remaining deletions of groups; false if there is none.
    pub fn may_delete_group(&self) -> bool {
        self.group_deletions
            .fetch_update(SeqCst, SeqCst, |left| (left > 0).then(|| left - 1))
            .is_ok()
    }

    /// Uses up deletions of groups that were tried without an answer, and may have counted.
    pub fn tried_to_delete_group(&self, times: u64) {
        self.group_deletions
            .fetch_sub(i64::try_from(times).unwrap_or(i64::MAX), SeqCst);
    }

    pub fn is_there(&self, id: &str) {
        if let Ok(mut present) = self.present.lock() {
            present.insert(id.to_owned());
        }
    }

    pub fn may_be_gone(&self, id: &str) {
        if let Ok(mut present) = self.present.lock() {
            present.remove(id);
        }
    }

    pub fn present(&self) -> HashSet<String> {
        self.present
            .lock()
            .map_or_else(|_| HashSet::new(), |present| present.clone())
    }
}
