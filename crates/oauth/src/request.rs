//! A token request: which client asks, and how it proves that it is that client (RFC 6749, sections
//! 2.3.1 and 4.4.2; RFC 7521, section 4.2; RFC 7523, section 2.2).

use tenant::{ClientId, ClientSecret, ClientSecretError};

use super::assertion::Assertion;
use super::basic::Header;
use super::form::Form;
use super::refusal::{ErrorCode, Refusal};

const GRANT_TYPE: &str = "client_credentials";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// RFC 8693. Microsoft's documents have a way with it for Google's applications.
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// A request for an access token, of which everything was checked that needs no look at what is
/// stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The client that asks. It selects what the proof is compared with.
    pub client: ClientId,
    /// What it says proves that it is that client.
    pub proof: Proof,
}

/// How a client proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// By a secret of the client's tenant, in the header or in the body.
    Secret(ClientSecret),
    /// By an assertion, to be verified with the client's trust in the issuer.
    Assertion(Assertion),
}

/// A proof as it was presented.
enum Presented<'a> {
    Secret(&'a str),
    Assertion(&'a str),
}

impl TokenRequest {
    /// Reads a request from the values of all its `Authorization` headers, its content type and
    /// its body. The scope is ignored: there is one, and it is granted.
    ///
    /// # Errors
    /// As RFC 6749, section 5.2, has them: `invalid_request` for a malformed form, fields that do
    /// not go together, and two mechanisms at once; `unsupported_grant_type`; `invalid_client` when
    /// there are no credentials or they are malformed. A secret of another tenant than the
    /// client's is refused in the words of [`Refusal::unknown`].
    pub fn read(
        authorization: &[&[u8]],
        content_type: Option<&[u8]>,
        body: &[u8],
    ) -> Result<Self, Refusal> {
        let form = Form::read(content_type, body)?;
        let header = Header::read(authorization);
        let named = match (&header, &form.client_id) {
            (Ok(Header::Basic(id, _)), None) => Some(id),
            (_, id) => id.as_ref(),
        };
        let client = named.and_then(|id| ClientId::parse(id).ok());
        header
            .and_then(|header| Self::of(&form, &header))
            .map_err(|refusal| refusal.of(client))
    }

    fn of(form: &Form, header: &Header) -> Result<Self, Refusal> {
        check_grant(form)?;
        let presented = presented(form, header)?;
        let id = match header {
            Header::Basic(id, _) => id.as_str(),
            _ => client_id(form)?,
        };
        let client = ClientId::parse(id).map_err(|error| {
            Refusal::client("clientId", format!("the client id is wrong: {error}"))
        })?;
        let proof = match presented {
            Presented::Secret(text) => Proof::Secret(secret(&client, text)?),
            Presented::Assertion(text) => Proof::Assertion(Assertion::parse(text)?),
        };
        Ok(Self { client, proof })
    }
}

fn check_grant(form: &Form) -> Result<(), Refusal> {
    let refused = |code, reason, description| Err(Refusal::new(code, reason, description));
    match form.grant_type.as_deref() {
        Some(GRANT_TYPE) => Ok(()),
        None => refused(
            ErrorCode::InvalidRequest,
            "noGrantType",
            "the field grant_type is missing; it is client_credentials",
        ),
        Some(TOKEN_EXCHANGE) => refused(
            ErrorCode::UnsupportedGrantType,
            "tokenExchange",
            "token exchange is not offered; in Entra choose OAuth2 client credentials, or workload \
             identity federation with a client id, whose grant_type is client_credentials",
        ),
        Some(_) => refused(
            ErrorCode::UnsupportedGrantType,
            "grantType",
            "the only grant_type offered is client_credentials; in Entra choose OAuth2 client \
             credentials or workload identity federation",
        ),
    }
}

/// The one proof of a request. A client uses one mechanism in a request (RFC 6749, section 2.3).
fn presented<'a>(form: &'a Form, header: &'a Header) -> Result<Presented<'a>, Refusal> {
    let has_assertion = form.client_assertion.is_some() || form.client_assertion_type.is_some();
    let in_body = form.client_secret.is_some() || has_assertion;
    match header {
        Header::Basic(..) | Header::Other if in_body => Err(two_mechanisms()),
        Header::Other => Err(Refusal::client(
            "authorizationScheme",
            "the Authorization header is not HTTP Basic; a token is requested with client id and \
             client secret in HTTP Basic or in the body, not with an API key or an access token",
        )),
        Header::Basic(id, _) if form.client_id.as_ref().is_some_and(|other| other != id) => {
            let description = "the client id in the Authorization header and the one in the body \
                               differ; send one of them";
            Err(Refusal::request("clientIdsDiffer", description))
        }
        Header::Basic(_, secret) => Ok(Presented::Secret(secret)),
        Header::Absent => match &form.client_secret {
            Some(_) if has_assertion => Err(two_mechanisms()),
            Some(secret) => Ok(Presented::Secret(secret)),
            None if has_assertion => assertion(form).map(Presented::Assertion),
            None => Err(no_credentials()),
        },
    }
}

/// The assertion, whose type must stand beside it (RFC 7521, section 4.2).
fn assertion(form: &Form) -> Result<&str, Refusal> {
    let wanted = format!("client_assertion_type, which is {ASSERTION_TYPE}");
    let (reason, description) = match (&form.client_assertion, &form.client_assertion_type) {
        (Some(assertion), Some(stated)) if stated == ASSERTION_TYPE => return Ok(assertion),
        (Some(_), Some(_)) => (
            "assertionType",
            format!("the assertion is of an unknown type; send {wanted}"),
        ),
        (Some(_), None) => (
            "noAssertionType",
            format!("the request has a client_assertion; send it with {wanted}"),
        ),
        (None, _) => (
            "noAssertion",
            "the request has a client_assertion_type and no client_assertion; send both".to_owned(),
        ),
    };
    Err(Refusal::request(reason, description))
}

fn client_id(form: &Form) -> Result<&str, Refusal> {
    form.client_id.as_deref().ok_or_else(|| {
        let description = "the field client_id is missing; it is the client id that was shown when \
                           the client was created";
        Refusal::request("noClientId", description)
    })
}

/// The secret of a client. A secret names its tenant, so one of another tenant is known to be wrong
/// without a look.
fn secret(client: &ClientId, text: &str) -> Result<ClientSecret, Refusal> {
    let secret = ClientSecret::parse(text.as_bytes()).map_err(|error| {
        let reason = match error {
            ClientSecretError::ApiKey => "apiKeyAsSecret",
            ClientSecretError::Foreign => "secretForeign",
            ClientSecretError::Mistyped => "secretMistyped",
        };
        Refusal::client(reason, format!("the client secret is wrong: {error}"))
    })?;
    if secret.tenant() == client.tenant() {
        Ok(secret)
    } else {
        Err(Refusal::unknown("wrongSecret", None))
    }
}

fn two_mechanisms() -> Refusal {
    Refusal::request(
        "twoMechanisms",
        "the request carries credentials in more than one way; send one of: an Authorization \
         header, client_secret, client_assertion",
    )
}

/// Entra sends such requests when the location of the credentials is `Both`.
fn no_credentials() -> Refusal {
    Refusal::client(
        "noCredentials",
        "the request carries neither an Authorization header nor client_secret or client_assertion; \
         in Entra a credential location of Both sends neither, so choose the header or the body",
    )
}
