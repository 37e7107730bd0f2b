//! The smallest possible function of this kind: `lambda_http`, the AWS SDK, and one GetItem per
//! invocation. `make bench` compares the real function with it, built from the same dependencies
//! with the same profile.
//!
//! It is a binary, not an example, because an example would be built with the features enabled by
//! dev-dependencies.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Body, Error, Request, RequestExt, Response, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let table = std::env::var("SCIM_DIRECTORY_TABLE")?;
    let partition = std::env::var("BARE_PARTITION")?;
    let client = Client::new(&aws_config::load_from_env().await);
    run(service_fn(async |request: Request| {
        let id = request.raw_http_path().rsplit('/').next();
        let answer = client
            .get_item()
            .table_name(&table)
            .key("pk", AttributeValue::S(partition.clone()))
            .key(
                "sk",
                AttributeValue::S(format!("U#{}", id.unwrap_or_default())),
            )
            .consistent_read(true)
            .send()
            .await?;
        let document = answer.item().and_then(|item| item.get("document"));
        let body = match document {
            Some(AttributeValue::S(text)) => Body::from(text.as_str()),
            _ => Body::Empty,
        };
        Response::builder().body(body).map_err(Error::from)
    }))
    .await
}
