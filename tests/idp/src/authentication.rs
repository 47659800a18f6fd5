//! Checks that a client is itself: its secret, or the assertion that it signed (RFC 7523 §3).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::answer::OauthError;
use crate::clients::{Authentication, Client};
use crate::incoming::Proof;
use crate::provider::{Provider, Request};

const DESCRIPTION: &str = "Invalid client or Invalid client credentials";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Provider {
    /// The client of a request, its proof checked. A known assertion is not taken again.
    pub(crate) fn authenticate(&mut self, request: &Request<'_>) -> Result<Client, OauthError> {
        let presented = request.incoming.presented();
        let known = |client: &&Client| Some(&client.client_id) == presented.client_id.as_ref();
        let Some(client) = self.settings.clients.iter().find(known).cloned() else {
            return Err(OauthError::unauthorized("invalid_client", DESCRIPTION));
        };
        if self.disabled_clients.contains(&client.client_id) {
            return Err(OauthError::unauthorized("invalid_client", DESCRIPTION));
        }
        let in_header = matches!(presented.proof, Proof::Basic(_));
        match (&client.authentication, presented.proof) {
            (_, Proof::Several) => Err(OauthError::bad(
                "invalid_request",
                "More than one way of client authentication",
            )),
            (Authentication::Public, _) => Ok(client),
            (Authentication::SecretBasic(_), _) if !in_header => Err(WRONG_SECRET),
            (Authentication::SecretPost(_), _) if in_header => Err(WRONG_SECRET),
            (
                Authentication::Secret(secret)
                | Authentication::SecretBasic(secret)
                | Authentication::SecretPost(secret),
                Proof::Basic(sent) | Proof::Post(sent),
            ) if *secret == sent => Ok(client),
            (
                Authentication::SecretJwt(_) | Authentication::PrivateKeyJwt(_),
                Proof::Assertion(assertion),
            ) => {
                self.secrets.push(assertion.clone());
                self.check_assertion(&client, &assertion, request)?;
                Ok(client)
            }
            _ => Err(WRONG_SECRET),
        }
    }

    fn check_assertion(
        &mut self,
        client: &Client,
        assertion: &str,
        request: &Request<'_>,
    ) -> Result<(), OauthError> {
        if request.parameter("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(invalid("Parameter client_assertion_type has unexpected value"));
        }
        let (message, signature) =
            assertion.rsplit_once('.').ok_or(invalid("The assertion is no JWT"))?;
        let header = message.split('.').next().and_then(part).unwrap_or_default();
        let claims = claims(assertion).unwrap_or_default();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        check_signature(&client.authentication, &header, message, &signature)?;
        let is_client = |claim: &str| claims[claim] == *client.client_id;
        if !is_client("iss") || !is_client("sub") {
            return Err(invalid("Issuer mismatch. The issuer should match the subject"));
        }
        self.check_audience(&claims["aud"], request)?;
        check_times(&claims, request.now.unix)?;
        let jti = claims["jti"].as_str().ok_or(invalid("Token jti claim is required"))?;
        if !self.used_assertions.insert((client.client_id.clone(), jti.to_owned())) {
            return Err(invalid("Token reuse detected"));
        }
        Ok(())
    }

    /// One audience, which is the issuer or the token endpoint, as Keycloak demands it.
    fn check_audience(&self, audience: &Value, request: &Request<'_>) -> Result<(), OauthError> {
        let audience = match audience {
            Value::Array(several) if several.len() != 1 => {
                return Err(invalid("Multiple audiences not allowed as audience of a token"));
            }
            Value::Array(one) => &one[0],
            one => one,
        };
        let (base_url, realm) = (&request.incoming.base_url, &request.incoming.realm);
        let issuer = self.issuer(base_url, realm);
        let token_endpoint = format!("{}/token", self.endpoints(base_url, realm));
        if *audience == *issuer || *audience == *token_endpoint {
            return Ok(());
        }
        Err(invalid("Invalid token audience"))
    }
}

/// The claims of a JWT, whoever signed it.
pub(crate) fn claims(jwt: &str) -> Option<Value> {
    part(jwt.split('.').nth(1)?)
}

fn check_signature(
    authentication: &Authentication,
    header: &Value,
    message: &str,
    signature: &[u8],
) -> Result<(), OauthError> {
    let good = match authentication {
        Authentication::SecretJwt(secret) => {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
            header["alg"] == "HS256"
                && ring::hmac::verify(&key, message.as_bytes(), signature).is_ok()
        }
        Authentication::PrivateKeyJwt(key) => {
            if key.key_id().is_some_and(|id| header["kid"].as_str().is_some_and(|it| it != id)) {
                return Err(invalid("Unable to load public key"));
            }
            header["alg"] == key.algorithm().name() && key.verifies(message, signature)
        }
        _ => false,
    };
    if good { Ok(()) } else { Err(invalid("Signature on JWT token failed validation")) }
}

fn check_times(claims: &Value, now: i64) -> Result<(), OauthError> {
    let expires_at = claims["exp"].as_i64().ok_or(invalid("Token exp claim is required"))?;
    if expires_at <= now || claims["nbf"].as_i64().is_some_and(|from| from > now) {
        return Err(invalid("Token is not active"));
    }
    if claims["iat"].as_i64().is_some_and(|issued_at| issued_at > now + CLOCK_TOLERANCE_SECONDS) {
        return Err(invalid("Token was issued in the future"));
    }
    Ok(())
}

fn part(encoded: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}

const fn invalid(description: &'static str) -> OauthError {
    OauthError::bad("invalid_client", description)
}

const WRONG_SECRET: OauthError = OauthError::unauthorized("unauthorized_client", DESCRIPTION);

/// Two readings of one clock may lie on both sides of a full second.
const CLOCK_TOLERANCE_SECONDS: i64 = 1;
