//! The log of both functions, of all tests of this program.

use std::io::{self, Write};
use std::sync::{LazyLock, Mutex};

static TEXT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Not `log::install`, which has panics logged: a test's own is for whoever runs it.
static INSTALLED: LazyLock<()> = LazyLock::new(|| {
    let log = function::log::subscriber(|| Writer, None);
    tracing::subscriber::set_global_default(log).expect("there is no other log");
});

/// Has the log kept from now on.
pub fn keep() {
    LazyLock::force(&INSTALLED);
}

/// What was logged so far.
pub fn text() -> String {
    String::from_utf8(TEXT.lock().unwrap().clone()).expect("the log is text")
}

struct Writer;

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        TEXT.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
