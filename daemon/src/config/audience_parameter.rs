//! How a token for another audience is asked for.

use super::document::Text;
use super::error::Fault;
use super::scopes::is_scope_character;
use super::written::Written;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a request for an audience says to the provider.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AudienceParameter {
    /// The parameter `resource` (RFC 8707).
    #[default]
    Resource,
    /// The parameter `audience`.
    Audience,
    /// A token exchange (RFC 8693).
    Exchange,
    /// The scope that stands beside the audience here, as Keycloak's mappers have it.
    Scopes(BTreeMap<String, String>),
}

impl AudienceParameter {
    pub(super) fn setting(&self) -> Value {
        match self {
            AudienceParameter::Resource => "resource".into(),
            AudienceParameter::Audience => "audience".into(),
            AudienceParameter::Exchange => "exchange".into(),
            AudienceParameter::Scopes(scopes) => scopes
                .iter()
                .map(|(audience, scope)| (audience.clone(), Value::from(scope.as_str())))
                .collect(),
        }
    }

    pub(super) fn read(profile: &Written<'_>) -> Result<Self, Fault> {
        if let Some(table) = profile.section.table_if_one(KEY) {
            let pairs = table.all_texts(FORM)?;
            if pairs.is_empty() {
                return Err(profile.fault_at(KEY, format!("`{KEY}` is empty"), FORM));
            }
            let scope_of = |(key, text): (super::document::Key<'_>, Text<'_>)| {
                if key.name.is_empty() || key.name.contains(char::is_control) {
                    return Err(Fault::new(
                        key.at,
                        format!("an audience in `{KEY}` is empty or has a control character in it"),
                        FORM,
                    ));
                }
                Ok((key.name.to_owned(), read_scope(text)?))
            };
            return pairs.into_iter().map(scope_of).collect::<Result<_, _>>().map(Self::Scopes);
        }
        let found = profile.section.read(KEY, "a string or a table", FORM, |at, value| {
            value.as_str().map(|value| Text::new(KEY, value, at))
        })?;
        let Some(text) = found else { return Ok(Self::default()) };
        match text.value {
            "resource" => Ok(AudienceParameter::Resource),
            "audience" => Ok(AudienceParameter::Audience),
            "exchange" => Ok(AudienceParameter::Exchange),
            _ => Err(text.fault(format!("unknown {KEY}"), FORM)),
        }
    }
}

/// One scope or several, a space between each (RFC 6749 §3.3).
fn read_scope(text: Text<'_>) -> Result<String, Fault> {
    let fits = |scope: &str| !scope.is_empty() && scope.bytes().all(is_scope_character);
    if text.value.split(' ').all(fits) {
        return Ok(text.value.to_owned());
    }
    Err(text.fault(format!("what stands for an audience in `{KEY}` is no scope"), FORM))
}

const KEY: &str = "audience_parameter";

const FORM: &str = "write `resource`, `audience` or `exchange`, or a table of audience and scope, as in \
    `audience_parameter = { \"https://api.example.com\" = \"api\" }`";
