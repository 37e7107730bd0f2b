//! Pictures where people look rather than read: inline SVG, styled by the stylesheet through
//! classes, each with a title; the page has the same as text or a table.

pub mod days;
pub mod gauge;
pub mod strip;
pub mod timeline;

/// The start of a picture of this size, with its title.
fn begin(width: u32, height: u32, title: &str) -> String {
    let title = escaped(title);
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\" \
         preserveAspectRatio=\"xMidYMid meet\">"
    )
}

/// Text that may stand in HTML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
