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
        let client = named.and_then(|id| ClientId::parse(id.trim()).ok());
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
        // What was copied may have the space around it.
        let client = ClientId::parse(id.trim()).map_err(|error| {
            Refusal::client("clientId", format!("the client id is malformed: {error}"))
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
    let secret = ClientSecret::parse(text.trim().as_bytes()).map_err(|error| {
        let reason = match error {
            ClientSecretError::ApiKey => "apiKeyAsSecret",
            ClientSecretError::Foreign => "secretForeign",
            ClientSecretError::Mistyped => "secretMistyped",
        };
        Refusal::client(reason, error.to_string())
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tenant::{AccessToken, ApiKey, KeyDigest, TenantId};

    use super::*;
    use crate::mint;

    const CLIENT: &str = "acme.3f9c1b7a2d4e";
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    const GRANT: &str = "grant_type=client_credentials";

    fn secret_of(tenant: &str) -> ClientSecret {
        ClientSecret::from_secret(&TenantId::parse(tenant).unwrap(), [7; 32])
    }

    fn basic(id: &str, secret: &str) -> String {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
        format!("Basic {pair}")
    }

    fn read(header: Option<&str>, body: &str) -> Result<TokenRequest, Refusal> {
        let headers: Vec<&[u8]> = header.iter().map(|value| value.as_bytes()).collect();
        TokenRequest::read(&headers, Some(FORM), body.as_bytes())
    }

    /// The refusal of a form that begins with the right grant.
    fn refused(header: Option<&str>, fields: &str) -> (ErrorCode, &'static str) {
        let refusal = read(header, &format!("{GRANT}{fields}")).unwrap_err();
        (refusal.code, refusal.reason)
    }

    fn assertion_fields() -> String {
        let text = mint::assertion(&mint::header(), &mint::claims());
        format!(
            "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
             &client_assertion={text}"
        )
    }

    #[test]
    fn a_secret_is_read_from_header_or_body() {
        let secret = secret_of("acme");
        let expected = TokenRequest {
            client: ClientId::parse(CLIENT).unwrap(),
            proof: Proof::Secret(secret.clone()),
        };
        let in_body = format!(
            "{GRANT}&client_id={CLIENT}&client_secret={}",
            secret.expose()
        );
        assert_eq!(read(None, &in_body), Ok(expected.clone()));
        assert_eq!(read(Some(""), &in_body), Ok(expected.clone()));
        let scope =
            format!("{in_body}&scope=anything%22+at+all&baseAddress=https%3A%2F%2Fa.example");
        assert_eq!(read(None, &scope), Ok(expected.clone()));
        let header = basic(CLIENT, secret.expose());
        assert_eq!(read(Some(&header), GRANT), Ok(expected.clone()));
        let with_id = format!("{GRANT}&client_id={CLIENT}");
        assert_eq!(read(Some(&header), &with_id), Ok(expected.clone()));
        let encoded = basic(
            &CLIENT.replace('.', "%2E"),
            &secret.expose().replace('_', "%5f"),
        );
        assert_eq!(read(Some(&encoded), GRANT), Ok(expected));
    }

    #[test]
    fn an_assertion_is_read_from_the_body() {
        let body = format!("{GRANT}&client_id={CLIENT}{}", assertion_fields());
        let request = read(None, &body).unwrap();
        assert_eq!(request.client.as_str(), CLIENT);
        let Proof::Assertion(assertion) = request.proof else {
            panic!("{request:?}");
        };
        assert_eq!(assertion.kid(), mint::KID);
    }

    #[test]
    fn no_secret_is_shown() {
        let secret = secret_of("acme");
        let header = basic(CLIENT, secret.expose());
        let shown = format!("{:?}", read(Some(&header), GRANT).unwrap());
        assert!(!shown.contains("0707"), "{shown}");
        let body = format!("{GRANT}&client_id={CLIENT}{}", assertion_fields());
        let shown = format!("{:?}", read(None, &body).unwrap());
        assert!(!shown.contains("eyJ"), "{shown}");
    }

    #[test]
    fn the_grant_is_client_credentials() {
        for (body, code, reason) in [
            ("", ErrorCode::InvalidRequest, "noGrantType"),
            ("grant_type=", ErrorCode::InvalidRequest, "noGrantType"),
            (
                "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange",
                ErrorCode::UnsupportedGrantType,
                "tokenExchange",
            ),
            (
                "grant_type=password",
                ErrorCode::UnsupportedGrantType,
                "grantType",
            ),
            (
                "grant_type=Client_Credentials",
                ErrorCode::UnsupportedGrantType,
                "grantType",
            ),
        ] {
            let refusal = read(None, body).unwrap_err();
            assert_eq!((refusal.code, refusal.reason), (code, reason), "{body}");
        }
    }

    #[test]
    fn a_request_has_one_proof() {
        let (secret, assertion) = (secret_of("acme"), assertion_fields());
        let header = basic(CLIENT, secret.expose());
        let in_body = format!("&client_secret={}", secret.expose());
        let two = (ErrorCode::InvalidRequest, "twoMechanisms");
        for (header, fields) in [
            (Some(header.as_str()), in_body.clone()),
            (Some(&header), assertion.clone()),
            (Some(&header), "&client_assertion=a".to_owned()),
            (Some(&header), "&client_assertion_type=a".to_owned()),
            (Some("Bearer a"), in_body.clone()),
            (Some("Bearer a"), assertion.clone()),
            (None, format!("{in_body}{assertion}")),
            (None, format!("{in_body}&client_assertion_type=a")),
        ] {
            let fields = format!("&client_id={CLIENT}{fields}");
            assert_eq!(refused(header, &fields), two, "{header:?} {fields}");
        }
        let both = read(
            None,
            &format!("{GRANT}&client_id={CLIENT}{in_body}{assertion}"),
        );
        assert_eq!(both.unwrap_err().client.unwrap().as_str(), CLIENT);
    }

    #[test]
    fn what_is_missing_or_does_not_go_together_is_named() {
        let secret = secret_of("acme");
        let header = basic(CLIENT, secret.expose());
        let (assertion, text) = (assertion_fields(), "&client_assertion=a.b.c");
        let kind = assertion.split("&client_assertion=").next().unwrap();
        let id = format!("&client_id={CLIENT}");
        let (request, client) = (ErrorCode::InvalidRequest, ErrorCode::InvalidClient);
        for (header, fields, code, reason) in [
            (None, String::new(), client, "noCredentials"),
            (None, id.clone(), client, "noCredentials"),
            (
                None,
                format!("{id}&client_secret="),
                client,
                "noCredentials",
            ),
            (Some("Bearer a"), id.clone(), client, "authorizationScheme"),
            (Some("Basic a"), id.clone(), client, "basicMalformed"),
            (
                Some(&*header),
                "&client_id=acme.000000000000".to_owned(),
                request,
                "clientIdsDiffer",
            ),
            (
                None,
                format!("&client_secret={}", secret.expose()),
                request,
                "noClientId",
            ),
            (None, assertion.clone(), request, "noClientId"),
            (None, format!("{id}{kind}"), request, "noAssertion"),
            (None, format!("{id}{text}"), request, "noAssertionType"),
            (
                None,
                format!("{id}{text}&client_assertion_type=a"),
                request,
                "assertionType",
            ),
            (None, format!("{id}{kind}{text}"), client, "assertionForm"),
            (
                None,
                format!("&client_id=acme{assertion}"),
                client,
                "clientId",
            ),
            (Some(&basic("", "")), String::new(), client, "clientId"),
            (
                Some(&basic(CLIENT, "")),
                String::new(),
                client,
                "secretForeign",
            ),
        ] {
            assert_eq!(
                refused(header, &fields),
                (code, reason),
                "{header:?} {fields}"
            );
        }
        let (header, other) = (header.as_bytes(), b"Basic YTpi".as_slice());
        let twice = TokenRequest::read(&[header, other], Some(FORM), GRANT.as_bytes());
        assert_eq!(twice.unwrap_err().reason, "authorizationTwice");
    }

    #[test]
    fn what_is_in_the_place_of_the_secret_is_told_apart() {
        let tenant = TenantId::parse("acme").unwrap();
        let key = ApiKey::from_secret(&tenant, [1; 32]);
        let id = ClientId::parse(CLIENT).unwrap();
        let token = AccessToken::from_secret(&id, KeyDigest::of(b"a"), [1; 32]);
        let mistyped = secret_of("acme").expose().replace("0707", "0708");
        for (text, reason) in [
            (key.expose(), "apiKeyAsSecret"),
            (token.expose(), "secretForeign"),
            ("value", "secretForeign"),
            (&mistyped, "secretMistyped"),
        ] {
            let fields = format!("&client_id={CLIENT}&client_secret={text}");
            assert_eq!(refused(None, &fields), (ErrorCode::InvalidClient, reason));
            assert_eq!(
                refused(Some(&basic(CLIENT, text)), ""),
                (ErrorCode::InvalidClient, reason)
            );
        }
    }

    #[test]
    fn a_secret_of_another_tenant_is_a_wrong_one() {
        let header = basic(CLIENT, secret_of("other").expose());
        let client = ClientId::parse(CLIENT).ok();
        let refusal = read(Some(&header), GRANT).unwrap_err();
        assert_eq!(refusal, Refusal::unknown("wrongSecret", client));
    }

    #[test]
    fn a_refusal_names_the_client_when_it_can_be_read() {
        let client_of = |header: Option<&str>, body: &str| {
            let client = read(header, body).unwrap_err().client;
            client.map(|client| client.as_str().to_owned())
        };
        let id = format!("client_id={CLIENT}");
        let named = Some(CLIENT.to_owned());
        assert_eq!(client_of(None, &id), named);
        assert_eq!(client_of(Some("Basic a"), &id), named);
        assert_eq!(client_of(Some(&basic(CLIENT, "a")), GRANT), named);
        assert_eq!(client_of(Some(&basic("acme", "a")), GRANT), None);
        assert_eq!(client_of(None, GRANT), None);
    }

    proptest! {
        #[test]
        fn no_request_panics(
            headers in prop::collection::vec(any::<Vec<u8>>(), 0..3),
            content_type: Option<Vec<u8>>,
            body: Vec<u8>,
        ) {
            let headers: Vec<&[u8]> = headers.iter().map(Vec::as_slice).collect();
            let _ = TokenRequest::read(&headers, content_type.as_deref(), &body);
            let _ = TokenRequest::read(&headers, Some(FORM), &body);
        }

        #[test]
        fn no_form_panics_or_is_repeated(
            header in prop::option::of("(Basic|Bearer) [A-Za-z0-9+/]{0,12}={0,2}"),
            fields in prop::collection::vec(
                (
                    "(grant_type|client_id|client_secret|client_assertion|client_assertion_type|x)",
                    "(client_credentials|acme\\.[0-9a-f]{12}|htscs_acme_[0-9a-f]{9}|%[0-9a-f]{2}zzz|zzz\"\\\\é)",
                ),
                0..6,
            ),
        ) {
            let fields = fields.iter().map(|(name, value)| format!("{name}={value}"));
            let body = fields.collect::<Vec<_>>().join("&");
            if let Err(refusal) = read(header.as_deref(), &body) {
                prop_assert!(!refusal.description.contains("zzz"), "{}", refusal);
                prop_assert!(!refusal.description.is_empty());
                prop_assert!(!refusal.description.contains('?'), "{}", refusal);
            }
        }
    }
}
