//! Texts that depend on a number.

/// A text for one of something, and one for any other number.
pub type Counted = [&'static str; 2];
