//! A real DynamoDB API for the tests: an embedded engine, or whatever listens at
//! `SCIM_TEST_DYNAMODB_ENDPOINT`, such as AWS's DynamoDB Local.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use aws_config::{Region, SdkConfig};
pub use stand::tenant::sdk_config;
use store::{Store, Tables, Timeouts};

/// A store over tables that no other test uses.
pub async fn store() -> Store {
    let prefix = uuid::Uuid::new_v4().simple().to_string();
    let store = empty_store(&prefix).await;
    create_tables(&store, endpoint(), &prefix).await;
    store
}

/// Creates the tables with this prefix, without the stream: nobody reads it.
pub async fn create_tables(store: &Store, endpoint: &str, prefix: &str) {
    let created = store.create_tables().await;
    created.expect("the tables can be created");
    let off = stand::stream::turn_off(endpoint, &tables(prefix).directory).await;
    off.expect("the stream can be turned off");
}

/// A store over tables with this prefix, which may not exist yet.
pub async fn empty_store(prefix: &str) -> Store {
    stand::tenant::connect(endpoint(), tables(prefix)).await
}

/// A store over the tables with this prefix that is reached through an endpoint, such as a wire's.
pub async fn store_through(endpoint: &str, prefix: &str) -> Store {
    stand::tenant::connect(endpoint, tables(prefix)).await
}

/// The same for a DynamoDB in trouble.
pub async fn troubled_store_through(endpoint: &str, prefix: &str) -> Store {
    let sdk_config = troubled_sdk_config(endpoint).await;
    Store::connect(&sdk_config, tables(prefix), Timeouts::default())
}

/// The names of the tables with this prefix.
pub fn tables(prefix: &str) -> Tables {
    Tables {
        secrets: format!("{prefix}-secrets"),
        directory: format!("{prefix}-directory"),
    }
}

/// The SDK's settings for a DynamoDB in trouble. The SDK has one quota of retries for each region
/// of a process: in a region of its own, one test's trouble does not use up the quota of others.
pub async fn troubled_sdk_config(endpoint: &str) -> SdkConfig {
    let sdk_config = sdk_config(endpoint).await;
    sdk_config.to_builder().region(own_region()).build()
}

/// A region that nobody else has.
pub fn own_region() -> Region {
    static REGIONS: AtomicUsize = AtomicUsize::new(0);
    Region::new(format!("us-east-{}", REGIONS.fetch_add(1, Relaxed) + 100))
}

/// The address of the engine, which is started once for the whole test binary.
pub fn endpoint() -> &'static str {
    static ENDPOINT: OnceLock<String> = OnceLock::new();
    ENDPOINT.get_or_init(own_endpoint)
}

/// The address of an engine that no other test uses, unless one is given by the variable. The
/// engine looks through the tokens of ten minutes at every transaction: what makes thousands of
/// them has its own.
pub fn own_endpoint() -> String {
    std::env::var("SCIM_TEST_DYNAMODB_ENDPOINT")
        .unwrap_or_else(|_| stand::engine::background().expect("the engine starts"))
}
