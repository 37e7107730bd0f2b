//! Ends a process and all its descendants.
//!
//! cargo-lambda puts every function into its own process group, so killing cargo-lambda's group
//! alone would leave them running if it has no time to stop them itself.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::PATIENCE;

/// A process as listed by the system. The start time distinguishes it from a later one with the
/// same id.
#[derive(Clone, PartialEq, Eq)]
struct Process {
    id: u32,
    parent: u32,
    started: String,
}

impl Process {
    /// Ignores the parent, which may have changed.
    fn is(&self, other: &Self) -> bool {
        self.id == other.id && self.started == other.started
    }
}

/// Asks the leader of a process group to end, which makes it end what it started; then kills what
/// is left. `runs` says whether the leader still runs.
pub fn end_tree(leader: u32, mut runs: impl FnMut() -> bool) {
    let family = descendants(leader);
    let Some(group) = pid(leader) else { return };
    let _ = kill_process_group(group, Signal::INT);
    let deadline = Instant::now() + PATIENCE;
    while runs() && Instant::now() < deadline {
        sleep(Duration::from_millis(50));
    }
    let _ = kill_process_group(group, Signal::KILL);
    // A function that waits for its next event ends by itself when cargo-lambda is gone; this is
    // for one that is busy.
    let survivors = || {
        let now = list();
        let is_left = |process: &&Process| now.iter().any(|other| other.is(process));
        let left = family.iter().filter(is_left);
        left.filter_map(|process| pid(process.id))
            .collect::<Vec<_>>()
    };
    let deadline = Instant::now() + Duration::from_secs(1);
    while !survivors().is_empty() && Instant::now() < deadline {
        sleep(Duration::from_millis(50));
    }
    for survivor in survivors() {
        let _ = kill_process(survivor, Signal::KILL);
    }
}

/// Whether any descendant of the process still runs.
pub fn has_descendants(id: u32) -> bool {
    !descendants(id).is_empty()
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

fn descendants(ancestor: u32) -> Vec<Process> {
    let all = list();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        for process in all.iter().filter(|process| process.parent == parent) {
            if !found.contains(process) {
                parents.push(process.id);
                found.push(process.clone());
            }
        }
    }
    found
}

/// Every process of the machine: from /proc if it exists, otherwise from `ps`, which a small Linux
/// installation may lack.
fn list() -> Vec<Process> {
    let Ok(folder) = fs::read_dir("/proc") else {
        return list_with_ps();
    };
    let found: Vec<Process> = folder
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        .filter_map(|stat| from_stat(&stat))
        .collect();
    if found.is_empty() {
        list_with_ps()
    } else {
        found
    }
}

/// A line of /proc/PID/stat: id, name in parentheses (it may contain spaces and parentheses),
/// state, parent, and as the 22nd field the start time.
fn from_stat(stat: &str) -> Option<Process> {
    let (id, _) = stat.split_once(' ')?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    // A zombie has ended; only its parent has not collected it yet.
    if fields.next()? == "Z" {
        return None;
    }
    Some(Process {
        id: id.parse().ok()?,
        parent: fields.next()?.parse().ok()?,
        started: fields.nth(17)?.to_owned(),
    })
}

fn list_with_ps() -> Vec<Process> {
    let Ok(output) = Command::new("ps")
        .args(["-Ao", "pid=,ppid=,lstart="])
        .output()
    else {
        return Vec::new();
    };
    let line = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        Some(Process {
            id: fields.next()?.parse().ok()?,
            parent: fields.next()?.parse().ok()?,
            started: fields.collect::<Vec<_>>().join(" "),
        })
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(line)
        .collect()
}
