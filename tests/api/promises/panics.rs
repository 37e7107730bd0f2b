//! A panic during a request: the client gets a SCIM error; the log gets the cause, once, with the
//! request's id.

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use hellotracks_scim::instance::Instance;
use hellotracks_scim::log::note_panics;
use serde_json::json;
use store::{Store, Timeouts};
use tokio::sync::Mutex;

use crate::support::capture::logged;
use crate::support::engine;
use crate::support::service::Service;

/// The process has one hook for panics, which tests in one process set in turns.
pub static HOOK: Mutex<()> = Mutex::const_new(());

/// Panics when DynamoDB is called.
#[derive(Debug, Clone, Copy)]
pub enum Planted {
    Literal,
    WithData(&'static str),
}

impl ProvideCredentials for Planted {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        match self {
            Self::Literal => panic!("planted"),
            Self::WithData(name) => panic!("planted for {name}"),
        }
    }
}

impl Planted {
    /// A store whose calls panic.
    pub async fn store(self) -> Store {
        let sdk_config = engine::sdk_config(engine::endpoint()).await;
        let sdk_config = sdk_config
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(self))
            .build();
        Store::connect(&sdk_config, engine::tables("none"), Timeouts::default())
    }
}

#[tokio::test]
async fn a_panic_is_told_once_with_the_request_s_id_and_without_data() {
    // As the function does when it starts; panics of tests are reported as before.
    let alone = HOOK.lock().await;
    let told = std::panic::take_hook();
    note_panics(move |panic| told(panic));
    drop(alone);
    let calm = Service::start().await;
    for (planted, message) in [
        (Planted::Literal, ": planted"),
        (Planted::WithData("lena@crew.example"), ""),
    ] {
        let service = Service {
            app: Instance::new(planted.store().await, calm.app.config.clone()),
            key: calm.key.clone(),
        };
        let call = service
            .call("POST", "/Users")
            .json(json!({"userName": "lena@crew.example"}))
            .request_id("planted-1");
        let (answer, lines) = logged(call.send()).await;
        let detail = answer.error(500, "");
        assert_eq!(detail, "the service failed (request planted-1)");

        let [line] = &lines[..] else {
            panic!("{lines:?}")
        };
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["request_id"], "planted-1");
        assert_eq!(line["status"], 500);
        let cause = line["cause"].as_str().unwrap();
        let place = format!("panic at {}:", file!());
        assert!(cause.starts_with(&place), "{cause}");
        assert!(cause.ends_with(message), "{cause}");
        assert!(!cause.contains("lena"), "{cause}");
    }
}
