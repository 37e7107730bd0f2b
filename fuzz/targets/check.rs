//! Any JSON object as the body of a POST or PUT.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::{Map, Value};

use hellotracks_scim_fuzz::{assert_final, assert_refusal};
use scim::schema::check::check;
use scim::schema::{GROUPS, USERS};

fuzz_target!(|body: &[u8]| -> Corpus {
    let Ok(body) = serde_json::from_slice::<Map<String, Value>>(body) else {
        return Corpus::Reject;
    };
    for resource_type in [&USERS, &GROUPS] {
        match check(resource_type, body.clone()) {
            Ok(checked) => assert_final(resource_type, &checked.resource),
            Err(error) => assert_refusal(&error),
        }
    }
    Corpus::Keep
});
