//! What is printed once everything runs: where the service is, and what to try.

use crate::demo::Demo;
use crate::probe;
use crate::settings::Settings;

/// Prints where the service is, and a request for each way in.
pub fn print(settings: &Settings, demo: &Demo, issuer: &str, link: &str) {
    let url = settings.base_url();
    let key = demo.first.expose();
    println!(
        "\n\
The service answers.

  Tenant URL     {url}
                 {url}?aadOptscim062020
  API-KEY        {key}
  token URL      {token_url}
  client id      {client}
  client secret  {secret}
  issuer         {issuer}, in the place of Entra's
  member events  {data}/events.ndjson, and a line each here; EVENTS_URL=… has them POSTed
  settings       {link}
                 (opens once; `make settings-link` makes another)
  environment    {data}/dev.env (SCIM_BASE_URL, SCIM_API_KEY, SCIM_API_KEY_2 of a second tenant,
                 SCIM_CLIENT_ID, SCIM_CLIENT_SECRET, SCIM_TOKEN_URL, SCIM_TEST_ISSUER,
                 SCIM_SETTINGS_LINK)

Test connection, as Entra does it:

  curl -i -H 'Authorization: Bearer {key}' \\
    '{url}{query}'

An access token by the client secret:

  curl -s -u '{client}:{secret}' \\
    -d grant_type=client_credentials {token_url}

An access token by an assertion:

  curl -s -X POST {issuer}/assertion |
    curl -s -d grant_type=client_credentials -d client_id={client} \\
      -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \\
      --data-urlencode client_assertion@- {token_url}

With `| sed -E 's/.*\"access_token\": *\"([^\"]*)\".*/\\1/'` behind either, it is the token alone, for

  curl -i -H \"Authorization: Bearer $TOKEN\" '{url}/Users'

Ctrl-C ends it; data and keys stay in {data}.

To manage its tenants and keys from another shell, in the project's folder:
",
        token_url = settings.token_url(),
        client = demo.client.id,
        secret = demo.client.secret.expose(),
        data = settings.data.display(),
        query = probe::TEST_CONNECTION,
    );
}

/// Prints what a function needs that the developer starts separately.
pub fn print_exports(settings: &Settings, environment: &[(&str, &str)]) {
    println!("\nThe engine runs. For a function or scim-admin of your own:\n");
    print_environment(environment);
    println!(
        "The demo tenants' keys are in {data}/dev-keys, and a client's id and secret in {data}/dev-client. Ctrl-C ends the engine.\n",
        data = settings.data.display()
    );
}

/// Prints the variables, and a command to try them with.
pub fn print_environment(environment: &[(&str, &str)]) {
    for (name, value) in environment {
        println!("  export {name}={value}");
    }
    // The Makefile builds it next to this program.
    if let Ok(program) = std::env::current_exe() {
        let admin = program.with_file_name("scim-admin");
        println!("  {} tenant status demo", admin.display());
    }
    println!();
}
