//! Any JSON object as the body of a PATCH.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::{Map, Value};

use hellotracks_scim_fuzz::assert_patch;

fuzz_target!(|body: &[u8]| -> Corpus {
    match serde_json::from_slice::<Map<String, Value>>(body) {
        Ok(body) => {
            assert_patch(body);
            Corpus::Keep
        }
        Err(_) => Corpus::Reject,
    }
});
