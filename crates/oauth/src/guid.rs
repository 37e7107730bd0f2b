//! GUIDs as Entra writes them: tenants, applications, objects.

/// Whether `text` is a GUID in lower case.
pub(crate) fn is_guid(text: &str) -> bool {
    let mut groups = text.split('-');
    let as_long = |length| {
        groups.next().is_some_and(|group| {
            let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            group.len() == length && group.bytes().all(is_digit)
        })
    };
    [8, 4, 4, 4, 12].into_iter().all(as_long) && groups.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_a_guid() {
        assert!(is_guid("a7536a20-9c4e-4f2b-8d31-0a1b2c3d4e5f"));
        for text in [
            "",
            "common",
            "A7536A20-9C4E-4F2B-8D31-0A1B2C3D4E5F",
            "{a7536a20-9c4e-4f2b-8d31-0a1b2c3d4e5f}",
            "a7536a209c4e4f2b8d310a1b2c3d4e5f",
            "a7536a20-9c4e-4f2b-8d31-0a1b2c3d4e5",
            "a7536a20-9c4e-4f2b-8d31-0a1b2c3d4e5f-",
            "a7536a20-9c4e-4f2b-8d31-0a1b2c3d4e5f0",
            "g7536a20-9c4e-4f2b-8d31-0a1b2c3d4e5f",
            "a7536a2é-9c4e-4f2b-8d31-0a1b2c3d4e5f",
        ] {
            assert!(!is_guid(text), "accepted `{text}`");
        }
    }
}
