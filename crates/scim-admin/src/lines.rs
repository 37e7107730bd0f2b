//! What is printed as it is read: as text, or as JSON, in lines or as an array.

use std::io::{self, BufWriter, Write};

use crate::failure::Failure;

/// How what is read is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    /// One JSON object a line.
    Lines,
    /// One JSON array.
    Array,
}

impl Form {
    /// What is followed has no end, and an array without its end is no JSON.
    pub fn of(ndjson: bool, json: bool, follow: bool) -> Self {
        if ndjson || (json && follow) {
            Self::Lines
        } else if json {
            Self::Array
        } else {
            Self::Text
        }
    }
}

/// Prints one after another, until printing fails.
pub struct Printer<'a> {
    out: BufWriter<&'a mut (dyn Write + Send)>,
    form: Form,
    has_printed: bool,
    failed: Option<io::Error>,
}

impl<'a> Printer<'a> {
    pub fn new(out: &'a mut (dyn Write + Send), form: Form) -> Self {
        Self {
            out: BufWriter::new(out),
            form,
            has_printed: false,
            failed: None,
        }
    }

    pub fn form(&self) -> Form {
        self.form
    }

    /// Prints a text or a JSON object, which is of the form; returns whether to go on.
    pub fn print(&mut self, line: &str) -> bool {
        let printed = match self.form {
            Form::Text | Form::Lines => writeln!(self.out, "{line}"),
            Form::Array => {
                let before = if self.has_printed { ",\n" } else { "[\n" };
                write!(self.out, "{before}{line}")
            }
        };
        self.has_printed = true;
        self.note(printed)
    }

    /// Shows what was printed; returns whether to go on.
    pub fn flush(&mut self) -> bool {
        let flushed = self.out.flush();
        self.note(flushed)
    }

    fn note(&mut self, outcome: io::Result<()>) -> bool {
        if let Err(error) = outcome {
            self.failed.get_or_insert(error);
        }
        self.failed.is_none()
    }

    /// Ends an array. After a failure of the store it stays open, so that no program takes a part
    /// of what there is for all of it.
    pub fn finish(mut self) -> Result<(), Failure> {
        if self.form == Form::Array {
            let end = if self.has_printed { "\n]" } else { "[]" };
            let ended = writeln!(self.out, "{end}");
            self.note(ended);
        }
        self.flush();
        match self.failed {
            // `scim-admin history acme | head` is no failure.
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}
