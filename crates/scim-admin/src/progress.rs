//! How far a command is, for whoever looks at a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How often it is said.
const PAUSE: Duration = Duration::from_millis(250);

/// A line on standard error that is written over, if that is a terminal.
pub struct Progress {
    is_shown: bool,
    said: Option<Instant>,
    /// How many characters are to be written over.
    width: usize,
}

impl Progress {
    pub fn new() -> Self {
        Self {
            is_shown: std::io::stderr().is_terminal(),
            said: None,
            width: 0,
        }
    }

    /// Says how far it is, unless that was said a moment ago.
    pub fn say(&mut self, text: impl FnOnce() -> String) {
        if !self.is_shown || self.said.is_some_and(|said| said.elapsed() < PAUSE) {
            return;
        }
        self.said = Some(Instant::now());
        let text = text();
        let width = self.width.max(text.chars().count());
        // Nobody is told when the terminal is gone.
        let _ = write!(std::io::stderr(), "\r{text:width$}");
        self.width = text.chars().count();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.width > 0 {
            let _ = write!(std::io::stderr(), "\r{:width$}\r", "", width = self.width);
        }
    }
}
