//! Which scopes and audiences a request gets of those that it asks for.

use crate::answer::OauthError;
use crate::provider::Request;
use crate::settings::{Settings, WiderScope};

impl Settings {
    /// What a login, or a client on its own behalf, gets.
    pub(crate) fn scope_of_login(&self, asked: Option<&str>) -> Result<String, OauthError> {
        let Some(asked) = asked else { return Ok(self.scope.clone()) };
        self.check_known(asked)?;
        Ok(asked.to_owned())
    }

    /// What a refresh or an exchange gets, for that answer alone.
    pub(crate) fn narrowed_scope(
        &self,
        granted: &str,
        asked: Option<&str>,
    ) -> Result<String, OauthError> {
        let Some(asked) = asked else { return Ok(granted.to_owned()) };
        self.check_known(asked)?;
        let granted: Vec<_> = granted.split_whitespace().collect();
        let (kept, wider): (Vec<_>, Vec<_>) =
            asked.split_whitespace().partition(|scope| granted.contains(scope));
        if self.wider_scope == WiderScope::Refused && !wider.is_empty() {
            return Err(OauthError::bad("invalid_scope", "Scope was not granted at the login"));
        }
        Ok(kept.join(" "))
    }

    /// The audiences that an access token of this scope gets, with those that the request names.
    pub(crate) fn audiences(
        &self,
        request: &Request<'_>,
        scope: &str,
    ) -> Result<Vec<String>, OauthError> {
        let named = if self.honours_audience { self.named_audiences(request)? } else { Vec::new() };
        Ok(self.with_those_of_scopes(named, scope))
    }

    /// The same for an exchange, which follows the request in any case.
    pub(crate) fn audiences_of_exchange(
        &self,
        request: &Request<'_>,
        scope: &str,
    ) -> Result<Vec<String>, OauthError> {
        Ok(self.with_those_of_scopes(self.named_audiences(request)?, scope))
    }

    /// The audiences that these scopes give by themselves.
    pub(crate) fn audiences_of_scopes(&self, scope: &str) -> Vec<String> {
        self.with_those_of_scopes(Vec::new(), scope)
    }

    fn named_audiences(&self, request: &Request<'_>) -> Result<Vec<String>, OauthError> {
        let named = request.incoming.audiences();
        let refused = |audience: &String| {
            self.audiences.as_ref().is_some_and(|allowed| !allowed.contains(audience))
        };
        if named.iter().any(refused) {
            return Err(OauthError::bad("invalid_target", "Requested audience not available"));
        }
        Ok(named)
    }

    fn with_those_of_scopes(&self, mut audiences: Vec<String>, scope: &str) -> Vec<String> {
        let known = self.scopes.iter().flatten();
        for (_, own) in known.filter(|(name, _)| has(scope, name)) {
            let new: Vec<_> = own.iter().filter(|it| !audiences.contains(it)).cloned().collect();
            audiences.extend(new);
        }
        audiences
    }

    fn check_known(&self, asked: &str) -> Result<(), OauthError> {
        let Some(known) = &self.scopes else { return Ok(()) };
        if asked.split_whitespace().all(|scope| known.contains_key(scope)) {
            return Ok(());
        }
        Err(OauthError::bad("invalid_scope", "Invalid scopes"))
    }
}

/// Whether this list of scopes has this one in it.
pub(crate) fn has(scope: &str, name: &str) -> bool {
    scope.split_whitespace().any(|one| one == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_refresh_can_ask_for_less_but_not_for_more() {
        let mut settings = Settings::default();
        let narrowed = |settings: &Settings, asked| settings.narrowed_scope("email profile", asked);
        assert_eq!(narrowed(&settings, None).unwrap(), "email profile");
        assert_eq!(narrowed(&settings, Some("profile")).unwrap(), "profile");
        assert_eq!(narrowed(&settings, Some("profile admin")).unwrap(), "profile");
        settings.wider_scope = WiderScope::Refused;
        assert_eq!(narrowed(&settings, Some("profile")).unwrap(), "profile");
        assert_eq!(narrowed(&settings, Some("profile admin")).unwrap_err().error, "invalid_scope");
    }

    #[test]
    fn a_scope_that_exists_gives_its_audiences_and_another_is_refused() {
        let files = ("files".to_owned(), vec!["https://files.example".to_owned()]);
        let known = BTreeMap::from([files, ("email".to_owned(), Vec::new())]);
        let settings = Settings { scopes: Some(known), ..Settings::default() };
        assert_eq!(settings.scope_of_login(Some("email files")).unwrap(), "email files");
        let refused = settings.scope_of_login(Some("email nosuch")).unwrap_err();
        assert_eq!(refused.error, "invalid_scope");
        assert_eq!(settings.audiences_of_scopes("email files"), ["https://files.example"]);
        assert_eq!(settings.audiences_of_scopes("email"), [""; 0]);
    }
}
