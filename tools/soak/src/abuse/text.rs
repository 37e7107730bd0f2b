//! Problematic texts.

use fastrand::Rng;

const STRANGE: &[&str] = &[
    "",
    " ",
    "\0",
    "\u{1}\u{1f}\u{7f}",
    "\u{202e}evil\u{feff}",
    "\u{ffff}\u{10ffff}",
    "e\u{301}\u{301}\u{301}",
    "İıſßﬀ",
    "👩‍👩‍👧‍👦",
    "null",
    "true",
    "-0",
    "1e400",
    "NaN",
    "[]",
    "{}",
    "#",
    "%",
    "%00",
    "%zz",
    "a#b%23c",
    "U#00000000-0000-4000-8000-000000000001",
    "T#spared",
    "../../../etc/passwd",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "${jndi:ldap://x}",
    "userName eq \"x\"",
    "emails[type eq \"work\"].value",
    "members[value eq",
    "urn:ietf:params:scim:schemas:core:2.0:User:userName",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager",
    "urn:x:y",
    "schemas",
    "$ref",
    "__proto__",
    "W/\"1\"",
    "9999999999999999999999",
    "2026-02-30T25:61:61Z",
    "0001-01-01T00:00:00+99:99",
    "htscim_spared_",
    "bulkId:1",
];

const FILTER: &[&str] = &[
    "userName",
    "emails",
    "emails.value",
    "active",
    "meta.created",
    "id",
    "title",
    "x",
    "urn:x:y",
    "eq",
    "ne",
    "co",
    "sw",
    "ew",
    "gt",
    "ge",
    "lt",
    "le",
    "pr",
    "and",
    "or",
    "not",
    "(",
    ")",
    "[",
    "]",
    "\"a\"",
    "\"",
    "\\",
    "5",
    "-1.5e3",
    "true",
    "null",
    ".",
    ":",
    "type eq \"work\"",
    "not (",
    "\"\\ud800\"",
    "\"\\u0000\"",
];

/// A strange text, sometimes a very long one.
pub fn strange(rng: &mut Rng) -> String {
    match rng.u8(..12) {
        0 => "x".repeat(rng.usize(1..30_000)),
        1 => "é".repeat(rng.usize(1..3000)),
        2 => (0..rng.usize(..60)).map(|_| rng.char(..)).collect(),
        3 => filter(rng),
        _ => rng.choice(STRANGE).copied().unwrap_or_default().to_owned(),
    }
}

/// Words of the filter language in any order; sometimes nested very deeply.
pub fn filter(rng: &mut Rng) -> String {
    if rng.u8(..12) == 0 {
        let depth = rng.usize(1..4000);
        let open = ["(", "not (", "a["][rng.usize(..3)];
        return format!(
            "{}title pr{}",
            open.repeat(depth),
            ")".repeat(rng.usize(..=depth))
        );
    }
    let words = rng.usize(1..14);
    let words: Vec<&str> = (0..words)
        .filter_map(|_| rng.choice(FILTER).copied())
        .collect();
    words.join(["", " ", "  ", "+"][rng.usize(..4)])
}

/// Percent-encodes as much as a client may, and occasionally wrongly.
pub fn encoded(rng: &mut Rng, text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' if rng.u8(..20) > 0 => {
                encoded.push(byte.into());
            }
            b'"' | b'[' | b']' | b'/' | b':' | b'(' | b'{' | b'\\' if rng.bool() => {
                encoded.push(byte.into());
            }
            b' ' if rng.bool() => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02x}")),
        }
    }
    if rng.u8(..15) == 0 {
        encoded
            .push_str(["%", "%f", "%ff%fe", "%c3%28", "%00", "&", "=", "?", "#"][rng.usize(..9)]);
    }
    encoded
}
