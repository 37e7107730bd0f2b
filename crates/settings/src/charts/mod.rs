//! Pictures where people look rather than read: inline SVG, styled by the stylesheet through
//! classes, each with a title; the page has the same as text or a table.

pub mod days;
pub mod gauge;
pub mod strip;
pub mod timeline;

use crate::html::Html;

/// The start of a picture of this size, with its title.
fn begin(width: u32, height: u32, title: &str) -> String {
    let title = Html::text(title);
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\" \
         preserveAspectRatio=\"xMidYMid meet\">"
    )
}
