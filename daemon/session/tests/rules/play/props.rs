//! What the IdP and the configuration hold: answers and settings, in few words.

use bearerd_proto::Secret;
use bearerd_session::{
    Binding, Cause, DeviceAuthorization, Failure, Given, Granted, Kind, Means, OAuthError, Outcome,
    Own, Pauses, Settings,
};
use std::time::Duration;

/// Tokens, as an IdP grants them: by default to Jane, for an hour, with an access and a refresh token of that name.
#[derive(Debug, Clone)]
pub(crate) struct Grants(Granted);

/// `a-NAME` and `r-NAME` for an hour, for Jane, in the IdP's session `sid-1`.
pub(crate) fn granted(name: &str) -> Grants {
    Grants(Granted {
        access_token: Secret::new(format!("a-{name}")),
        lifetime: Some(Duration::from_secs(3600)),
        refresh_token: Some(Secret::new(format!("r-{name}"))),
        refresh_lifetime: None,
        refresh_in: None,
        scope: None,
        user_id: Some("jane".to_owned()),
        user_email: Some("jane@ex.co".to_owned()),
        idp_session: Some("sid-1".to_owned()),
        idp_time: None,
    })
}

impl Grants {
    pub(crate) fn lives(mut self, seconds: u64) -> Self {
        self.0.lifetime = Some(Duration::from_secs(seconds));
        self
    }

    /// Its access token has no known end.
    pub(crate) fn without_end(mut self) -> Self {
        self.0.lifetime = None;
        self
    }

    pub(crate) fn refresh_lives(mut self, seconds: u64) -> Self {
        self.0.refresh_lifetime = Some(Duration::from_secs(seconds));
        self
    }

    /// With another refresh token than its name says, or none.
    pub(crate) fn refresh(mut self, token: Option<&str>) -> Self {
        self.0.refresh_token = token.map(Secret::new);
        self
    }

    pub(crate) fn access(mut self, token: &str) -> Self {
        self.0.access_token = Secret::new(token);
        self
    }

    pub(crate) fn refresh_in(mut self, seconds: u64) -> Self {
        self.0.refresh_in = Some(Duration::from_secs(seconds));
        self
    }

    /// To somebody else.
    pub(crate) fn to(mut self, user: &str) -> Self {
        self.0.user_id = Some(user.to_owned());
        self.0.user_email = Some(format!("{user}@ex.co"));
        self
    }

    /// In another session of the IdP.
    pub(crate) fn sid(mut self, sid: Option<&str>) -> Self {
        self.0.idp_session = sid.map(str::to_owned);
        self
    }

    /// To somebody whose name it does not say.
    pub(crate) fn nobody(mut self) -> Self {
        self.0.user_id = None;
        self.0.user_email = None;
        self
    }

    pub(crate) fn without_email(mut self) -> Self {
        self.0.user_email = None;
        self
    }
}

impl From<Grants> for Outcome {
    fn from(grants: Grants) -> Self {
        Outcome::Granted(Box::new(grants.0))
    }
}

/// RFC 8628 §3.2, for 10 minutes, polled every 5 s.
pub(crate) fn device() -> DeviceAuthorization {
    DeviceAuthorization {
        device_code: Secret::new("device-code"),
        user_code: "ABCD-EFGH".to_owned(),
        verification_uri: "https://idp.example/device".to_owned(),
        verification_uri_complete: Some("https://idp.example/device?code=ABCD-EFGH".to_owned()),
        lifetime: Duration::from_secs(600),
        interval: Duration::from_secs(5),
        code_verifier: None,
    }
}

/// A refresh token out of the profile's file.
pub(crate) fn found(refresh_token: &str) -> Outcome {
    Outcome::Found(Secret::new(refresh_token))
}

/// A person brings a refresh token along.
pub(crate) fn import(refresh_token: &str) -> Means {
    Means::Import { refresh_token: Secret::new(refresh_token) }
}

/// Jane's password comes with the login.
pub(crate) fn given(password: &str) -> Means {
    Means::Given(Given { username: Some("jane".to_owned()), password: Secret::new(password) })
}

pub(crate) fn failed(cause: Cause) -> Outcome {
    failed_until(cause, None)
}

fn failed_until(cause: Cause, retry_after: Option<Duration>) -> Outcome {
    Outcome::Failed(Failure { message: format!("`idp.example`: {cause:?}"), cause, retry_after })
}

pub(crate) fn denied(error: OAuthError) -> Outcome {
    failed(Cause::OAuth(error))
}

pub(crate) fn lost() -> Outcome {
    failed(Cause::Lost)
}

pub(crate) fn misconfigured() -> Outcome {
    denied(OAuthError::InvalidClient)
}

/// HTTP 503, with `Retry-After` where `seconds` are given.
pub(crate) fn later(seconds: Option<u64>) -> Outcome {
    failed_until(Cause::Later, seconds.map(Duration::from_secs))
}

pub(crate) fn settings() -> Settings {
    settings_at("https://one.example")
}

/// Of a profile that obtains its tokens by itself.
pub(crate) fn settings_of(own: Own) -> Settings {
    by_itself(own, settings())
}

/// The same, of other settings.
pub(crate) fn by_itself(own: Own, settings: Settings) -> Settings {
    Settings { kind: Kind::Own(own), ..settings }
}

pub(crate) fn settings_at(endpoint: &str) -> Settings {
    Settings {
        profile: "wallaroo".parse().expect("a profile name"),
        binding: Binding {
            auth_type: "sso".to_owned(),
            endpoint: endpoint.to_owned(),
            client_id: "sdk-client".to_owned(),
            user: None,
        },
        kind: Kind::Person,
        lifetime: None,
        exchanges: false,
        reuse_window: None,
        pauses: Pauses::default(),
    }
}
