//! Any text as a PATCH path, with each operation on it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;

use hellotracks_scim_fuzz::{assert_patch, assert_refusal, object};
use scim::filter::MAX_LENGTH;
use scim::path::Path;

fuzz_target!(|text: &str| {
    match Path::parse(text) {
        Ok(path) => {
            let printed = path.to_string();
            match Path::parse(&printed) {
                Ok(again) => assert_eq!(again, path, "{printed}"),
                Err(error) => assert!(
                    printed.len() > MAX_LENGTH || error.to_string().contains("nested deeper"),
                    "{printed}: {error}"
                ),
            }
        }
        Err(error) => assert_refusal(&error),
    }
    for operation in [
        json!({"op": "remove", "path": text}),
        json!({"op": "add", "path": text, "value": "x"}),
        json!({"op": "replace", "path": text, "value": {"value": "y", "type": "work", "primary": "True"}}),
        json!({"op": "replace", "path": text, "value": null}),
        json!({"op": "replace", "value": {text: "z"}}),
    ] {
        assert_patch(object(json!({"Operations": [operation]})));
    }
});
