//! A real DynamoDB API for the tests: an embedded engine, or whatever listens at
//! `SCIM_TEST_DYNAMODB_ENDPOINT`, such as AWS's DynamoDB Local.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use store::{Store, Tables, Timeouts};

/// A store over tables that no other test uses.
pub async fn store() -> Store {
    let store = empty_store(&uuid::Uuid::new_v4().simple().to_string()).await;
    store
        .create_tables()
        .await
        .expect("the tables can be created");
    store
}

/// A store over tables with this prefix, which may not exist yet.
pub async fn empty_store(prefix: &str) -> Store {
    let config = sdk_config(endpoint()).await;
    Store::connect(&config, tables(prefix), Timeouts::default())
}

/// The names of the tables with this prefix.
pub fn tables(prefix: &str) -> Tables {
    Tables {
        secrets: format!("{prefix}-secrets"),
        directory: format!("{prefix}-directory"),
    }
}

/// The SDK's settings for a DynamoDB in trouble. The SDK has one quota of retries for each region of
/// a process: in a region of its own, one test's trouble does not use up the quota of others.
pub async fn troubled_sdk_config(endpoint: &str) -> SdkConfig {
    let sdk_config = sdk_config(endpoint).await;
    sdk_config.to_builder().region(own_region()).build()
}

/// A region that nobody else has.
pub fn own_region() -> Region {
    static REGIONS: AtomicUsize = AtomicUsize::new(0);
    Region::new(format!("us-east-{}", REGIONS.fetch_add(1, Relaxed) + 100))
}

/// The SDK's settings for a DynamoDB at `endpoint`.
pub async fn sdk_config(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .load()
        .await
}

/// The address of the engine, which is started once for the whole test binary.
pub fn endpoint() -> &'static str {
    static ENDPOINT: OnceLock<String> = OnceLock::new();
    ENDPOINT.get_or_init(|| {
        std::env::var("SCIM_TEST_DYNAMODB_ENDPOINT").unwrap_or_else(|_| start_engine())
    })
}

/// Every test has a runtime of its own, which ends with the test, so the engine gets a thread
/// and a runtime that outlive them all.
fn start_engine() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener
        .set_nonblocking(true)
        .expect("a listener for tokio");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime for the engine");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a tokio listener");
            let database = dynoxide::Database::memory().expect("an empty database");
            dynoxide::server::serve_with_shutdown(listener, database, std::future::pending())
                .await
                .expect("the engine serves until the process ends");
        });
    });
    format!("http://{address}")
}
