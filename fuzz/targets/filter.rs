//! Any text as a filter.

#![no_main]

use libfuzzer_sys::fuzz_target;

use hellotracks_scim_fuzz::{assert_refusal, shown, user};
use scim::filter::{Filter, MAX_LENGTH};
use scim::schema::{GROUPS, USERS};

fuzz_target!(|text: &str| {
    let filter = match Filter::parse(text) {
        Ok(filter) => filter,
        Err(error) => return assert_refusal(&error),
    };
    let printed = filter.to_string();
    match Filter::parse(&printed) {
        Ok(again) => assert_eq!(again, filter, "{printed}"),
        // The printed form may have more parentheses and spaces.
        Err(error) => assert!(
            printed.len() > MAX_LENGTH || error.to_string().contains("nested deeper"),
            "{printed}: {error}"
        ),
    }
    let user = shown(&USERS, &user());
    let negated = Filter::Not(Box::new(filter.clone()));
    match filter.clone().bind(&USERS) {
        Ok(bound) => {
            let matches = bound.matches(&user);
            assert_eq!(
                negated.bind(&USERS).map(|not| not.matches(&user)),
                Ok(!matches)
            );
            let lenient = filter.clone().bind_where_defined(&USERS);
            assert_eq!(lenient.map(|bound| bound.matches(&user)), Ok(matches));
        }
        Err(text) => {
            let text = text.to_string();
            assert!(!text.is_empty());
            assert!(text.len() < 2_000, "the client's text is not cut: {text}");
            assert!(negated.bind(&USERS).is_err());
        }
    }
    _ = filter.bind(&GROUPS);
});
