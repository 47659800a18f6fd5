//! The one reader of the IdP's answers: status, headers and body in, what they say out. Pure.

use super::members::Members;
use super::shown::words;
use crate::wiped::Wiped;
use bearerd_proto::Secret;
use bearerd_session::time::Wall;
use bearerd_session::{Cause, DeviceAuthorization, Failure, Granted, OAuthError};
use std::time::{Duration, SystemTime};
use url::Url;

/// What came back over HTTP.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The header `Date`.
    pub(crate) date: Option<String>,
    /// The header `Retry-After`.
    pub(crate) retry_after: Option<String>,
    /// The header `Location`.
    pub(crate) location: Option<String>,
    /// The body, or why there is none to read.
    pub(crate) body: Result<Wiped, String>,
}

/// What was asked, as far as the messages need it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The IdP's host, and port where it is written.
    pub(crate) host: &'a str,
    /// The secrets that the request carried: none shows in a message, even where the IdP repeats it.
    pub(crate) secrets: &'a [Secret],
    /// What mends it where the IdP refuses.
    pub(crate) mends: Mends<'a>,
}

/// Where to look when the IdP finds fault with the configuration.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mends<'a> {
    /// Of the place.
    pub(crate) place: &'a str,
    /// Of the client.
    pub(crate) client: &'a str,
    /// Of the scopes.
    pub(crate) scope: &'a str,
    /// Of what was granted on: a password, an assertion.
    pub(crate) grant: &'a str,
}

/// A token endpoint's good answer.
#[derive(Debug)]
pub(crate) struct TokenAnswer {
    /// What the session takes of it. Who it is for is not known yet.
    pub(crate) granted: Granted,
    /// The access token's claims, where it is a JWT. Nobody has checked its signature.
    pub(crate) claims: Option<Members>,
    /// The id token.
    pub(crate) id_token: Option<Secret>,
}

impl HttpAnswer {
    /// Reads the answer of a token endpoint (RFC 6749 §5).
    pub(crate) fn token(&self, asked: Asked<'_>) -> Result<TokenAnswer, Failure> {
        let members = self.success(asked)?;
        self.granted(&members).map_err(|reason| self.unusable(asked, &members, &reason))
    }

    /// Reads the answer of a device authorization endpoint (RFC 8628 §3.2).
    pub(crate) fn device(&self, asked: Asked<'_>) -> Result<DeviceAuthorization, Failure> {
        let members = self.success(asked)?;
        device_authorization(&members).map_err(|reason| self.unusable(asked, &members, reason))
    }

    /// Reads the answer of a revocation endpoint (RFC 7009 §2.2). Any body of a success is well: Keycloak's has an error
    /// in it where the token was dead already.
    pub(crate) fn revocation(&self, asked: Asked<'_>) -> Result<(), Failure> {
        match self.is_success() {
            true => Ok(()),
            false => Err(self.refusal(asked)),
        }
    }

    /// Reads any JSON object that a success has in it and that is no error.
    pub(crate) fn object(&self, asked: Asked<'_>) -> Result<Members, Failure> {
        self.success(asked)
    }

    /// The failure that an answer is which reads well and still can't be used.
    pub(crate) fn rejected(&self, asked: Asked<'_>, cause: Cause, reason: &str) -> Failure {
        let message = format!("{} {reason}", self.head(asked));
        Failure { cause, message, retry_after: self.retry_after() }
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The members of a success without `error`.
    fn success(&self, asked: Asked<'_>) -> Result<Members, Failure> {
        if !self.is_success() {
            return Err(self.refusal(asked));
        }
        let unread = |reason: &str| {
            let message = format!("{}, but {reason}", self.head(asked));
            // It says that the request was carried out, so what the body held is lost.
            Err(Failure { cause: Cause::Lost, message, retry_after: None })
        };
        match &self.body {
            Err(reason) => unread(reason),
            Ok(body) => match Members::read(body.as_ref()) {
                None => {
                    unread("what it sent is no JSON object: is a proxy or a login page in between?")
                }
                Some(members) if members.has("error") => {
                    let reason = format!("with an error{}", said(&members, asked));
                    Err(self.unusable(asked, &members, &reason))
                }
                Some(members) => Ok(members),
            },
        }
    }

    fn granted(&self, answer: &Members) -> Result<TokenAnswer, String> {
        let access_token = answer.secret("access_token").ok_or("without an access token")?;
        if !access_token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("with an access token that no header can carry".to_owned());
        }
        check_token_type(answer)?;
        let claims = Members::claims_of(access_token);
        let claim = |name| claims.as_ref().and_then(|claims| claims.text(name));
        let issued_at = claims.as_ref().and_then(|claims| claims.number("iat"));
        let refresh_token = answer.secret("refresh_token");
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let granted = Granted {
            access_token: access_token.clone(),
            lifetime: Some(lifetime(answer, claims.as_ref())?),
            refresh_token: refresh_token.cloned(),
            refresh_lifetime: refresh_token
                .and_then(|_| answer.number("refresh_expires_in"))
                .and_then(positive),
            refresh_in: answer.number("refresh_in").and_then(positive),
            scope: owned(answer.text("scope")),
            user_id: owned(claim("sub")),
            user_email: owned(claim("email")),
            idp_session: owned(claim("sid").or_else(|| answer.text("session_state"))),
            idp_time: self.date().or_else(|| issued_at.map(Wall::from_secs)),
        };
        Ok(TokenAnswer { granted, claims, id_token: answer.secret("id_token").cloned() })
    }

    /// An answer that is no success.
    fn refusal(&self, asked: Asked<'_>) -> Failure {
        let members = self.body.as_ref().ok().and_then(|body| Members::read(body.as_ref()));
        let error = members.as_ref().map(|members| members.text("error").unwrap_or_default());
        let cause = Cause::of_answer(self.status, error);
        let said = match (&members, &self.body) {
            (Some(members), _) => said(members, asked),
            (None, _) if (300..400).contains(&self.status) => self.redirect(asked),
            (None, Err(reason)) => format!(", but {reason}"),
            (None, Ok(_)) => String::new(),
        };
        let message = format!("{}{said}{}", self.head(asked), mend(&cause, asked.mends));
        Failure { cause, message, retry_after: self.retry_after() }
    }

    fn unusable(&self, asked: Asked<'_>, members: &Members, reason: &str) -> Failure {
        let refresh_token = members.secret("refresh_token").cloned();
        self.rejected(asked, Cause::Unusable { refresh_token }, reason)
    }

    fn head(&self, asked: Asked<'_>) -> String {
        format!("`{}` answered HTTP {}", asked.host, self.status)
    }

    fn redirect(&self, asked: Asked<'_>) -> String {
        let target = self.location.as_deref().and_then(|location| Url::parse(location).ok());
        let host = target.as_ref().and_then(Url::host_str).unwrap_or_default();
        let host = match words(host, &asked.secrets(&Members::default())) {
            host if host.is_empty() => String::new(),
            host => format!(" to `{host}`"),
        };
        format!(
            ", a redirect{host}, and redirects are not followed: configure the address that the IdP answers at itself"
        )
    }

    fn date(&self) -> Option<Wall> {
        self.date.as_deref().and_then(http_date)
    }

    /// Seconds, or a date, which counts from the answer's own (RFC 9110 §10.2.3).
    fn retry_after(&self) -> Option<Duration> {
        let value = self.retry_after.as_deref()?.trim();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
        }
        Some(http_date(value)?.since(self.date()?))
    }
}

impl<'a> Asked<'a> {
    /// What no message may show.
    fn secrets(&self, answer: &'a Members) -> Vec<&'a str> {
        let sent = self.secrets.iter().map(Secret::expose);
        let got = ["access_token", "refresh_token", "id_token", "device_code"];
        sent.chain(got.into_iter().filter_map(|name| answer.text(name))).collect()
    }
}

/// What the IdP says of an error: its word and its description.
fn said(answer: &Members, asked: Asked<'_>) -> String {
    let secrets = asked.secrets(answer);
    let shown = |name| words(answer.text(name).unwrap_or_default(), &secrets);
    match (shown("error"), shown("error_description")) {
        (error, description) if error.is_empty() && description.is_empty() => String::new(),
        (error, description) if description.is_empty() => format!(", `{error}`"),
        (error, description) if error.is_empty() => format!(": {description}"),
        (error, description) => format!(", `{error}`: {description}"),
    }
}

/// What the person can do about it, where the configuration is at fault.
fn mend(cause: &Cause, mends: Mends<'_>) -> String {
    let (mend, more) = match cause {
        Cause::WrongPlace => (mends.place, ""),
        Cause::OAuth(OAuthError::InvalidClient) => (mends.client, ""),
        Cause::OAuth(OAuthError::UnauthorizedClient) => {
            (mends.client, ", and what the IdP allows this client")
        }
        Cause::OAuth(OAuthError::InvalidScope) => (mends.scope, ""),
        Cause::OAuth(OAuthError::InvalidGrant) => (mends.grant, ""),
        _ => ("", ""),
    };
    match mend {
        "" => String::new(),
        mend => format!(" (check {mend}{more})"),
    }
}

fn check_token_type(answer: &Members) -> Result<(), String> {
    match answer.text("token_type") {
        None => Err("without a `token_type`".to_owned()),
        Some(word) if word.eq_ignore_ascii_case("bearer") => Ok(()),
        Some(word) if word.eq_ignore_ascii_case("dpop") => {
            Err("with a DPoP token, which is not supported: let the client have bearer tokens"
                .to_owned())
        }
        Some(_) => Err("with a `token_type` other than Bearer".to_owned()),
    }
}

/// How long an access token lives: `expires_in`, else the JWT's `exp` − `iat`, else [`DEFAULT_LIFETIME`].
fn lifetime(answer: &Members, claims: Option<&Members>) -> Result<Duration, String> {
    let of_claims = || {
        let claims = claims?;
        Some(claims.number("exp")?.saturating_sub(claims.number("iat")?))
    };
    match answer.number("expires_in").or_else(of_claims) {
        None => Ok(DEFAULT_LIFETIME),
        Some(seconds) => positive(seconds)
            .ok_or_else(|| "with a token whose lifetime is over already".to_owned()),
    }
}

fn device_authorization(answer: &Members) -> Result<DeviceAuthorization, &'static str> {
    let device_code = answer.secret("device_code").ok_or("without a `device_code`")?;
    let user_code = answer.text("user_code").ok_or("without a `user_code`")?;
    if !user_code.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err("with a `user_code` that nobody can type");
    }
    let verification_uri = answer
        .text("verification_uri")
        .filter(|link| is_link(link))
        .ok_or("without a `verification_uri` that a browser can open")?;
    let complete = answer.text("verification_uri_complete").filter(|link| is_link(link));
    let lifetime = match answer.number("expires_in") {
        None => DEFAULT_DEVICE_LIFETIME,
        Some(seconds) => positive(seconds).ok_or("with a code whose time is over already")?,
    };
    Ok(DeviceAuthorization {
        device_code: device_code.clone(),
        user_code: user_code.to_owned(),
        verification_uri: verification_uri.to_owned(),
        verification_uri_complete: complete.map(str::to_owned),
        lifetime,
        code_verifier: None,
        interval: answer
            .number("interval")
            .map_or(DEFAULT_INTERVAL, |seconds| positive(seconds).unwrap_or(SHORTEST_INTERVAL)),
    })
}

/// A link that does no harm in a terminal or a browser.
fn is_link(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
        && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
}

/// Seconds above 0, cut at [`LONGEST`].
pub(crate) fn positive(seconds: i64) -> Option<Duration> {
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    Some(Duration::from_secs(seconds).min(LONGEST))
}

fn http_date(text: &str) -> Option<Wall> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    let since_1970 = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Wall::from_secs(i64::try_from(since_1970.as_secs()).ok()?))
}

/// Ten years; what lives longer has no end that anybody will see, and overflows nothing.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// Of an opaque token that comes without `expires_in`.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);
/// Keycloak's default, for an IdP that leaves out what RFC 8628 §3.2 requires.
const DEFAULT_DEVICE_LIFETIME: Duration = Duration::from_secs(600);
/// RFC 8628 §3.2.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
/// What an interval of 0 comes to.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
