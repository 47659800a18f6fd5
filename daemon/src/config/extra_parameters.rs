//! Parameters that a profile adds to its requests: any but those that bearerd sets itself.

use super::document::{Key, Section, Text};
use super::error::Fault;
use super::keys::{listed, looks_secret, secret};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Parameter → value, for every request and for those of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtraParameters {
    every: BTreeMap<String, String>,
    of_kind: BTreeMap<ParameterKind, BTreeMap<String, String>>,
}

/// A kind of request to which parameters of its own can be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ParameterKind {
    /// For a device code (RFC 8628 §3.1).
    DeviceAuthorization,
    /// A login's or grant's to the token endpoint.
    Token,
    /// RFC 6749 §6.
    Refresh,
    /// RFC 8693.
    Exchange,
    /// RFC 7009.
    Revocation,
}

impl ParameterKind {
    const ALL: [ParameterKind; 5] = [
        ParameterKind::DeviceAuthorization,
        ParameterKind::Token,
        ParameterKind::Refresh,
        ParameterKind::Exchange,
        ParameterKind::Revocation,
    ];

    /// The name of its table.
    pub const fn as_str(self) -> &'static str {
        match self {
            ParameterKind::DeviceAuthorization => "device_authorization",
            ParameterKind::Token => "token",
            ParameterKind::Refresh => "refresh",
            ParameterKind::Exchange => "exchange",
            ParameterKind::Revocation => "revocation",
        }
    }
}

impl ExtraParameters {
    /// What to add to a request: its kind's own in the place of those for every request.
    pub fn for_request(&self, kind: ParameterKind) -> impl Iterator<Item = (&String, &String)> {
        let own = self.of_kind.get(&kind);
        let every = self
            .every
            .iter()
            .filter(move |(name, _)| !own.is_some_and(|own| own.contains_key(*name)));
        every.chain(own.into_iter().flatten())
    }

    /// Whether nothing is to be added to any request.
    pub fn is_empty(&self) -> bool {
        self.every.is_empty() && self.of_kind.is_empty()
    }

    pub(super) fn setting(&self) -> Value {
        let texts = |parameters: &BTreeMap<String, String>| -> Map<String, Value> {
            let texts = parameters.iter();
            texts.map(|(name, value)| (name.clone(), value.as_str().into())).collect()
        };
        let mut setting = texts(&self.every);
        for (kind, parameters) in &self.of_kind {
            setting.insert(kind.as_str().to_owned(), texts(parameters).into());
        }
        setting.into()
    }

    /// `sent` are the kinds of request that the profile sends at all.
    pub(super) fn read(profile: Section<'_>, sent: &[ParameterKind]) -> Result<Self, Fault> {
        let Some(table) = profile.table(KEY, FORM)? else { return Ok(Self::default()) };
        let mut parameters = Self::default();
        for key in table.keys() {
            let kind = ParameterKind::ALL.into_iter().find(|kind| kind.as_str() == key.name);
            let own = table.table_if_one(key.name);
            match (kind, own) {
                (Some(kind), _) if !sent.contains(&kind) => {
                    let name = kind.as_str();
                    let reason = format!(
                        "`{name}` in `{KEY}` is for requests that this profile never sends"
                    );
                    return Err(Fault::new(key.at, reason, "remove it"));
                }
                (Some(kind), Some(own)) => {
                    let texts = own.all_texts(FORM)?.into_iter().map(read_parameter);
                    parameters.of_kind.insert(kind, texts.collect::<Result<_, _>>()?);
                }
                (Some(kind), None) => {
                    let name = kind.as_str();
                    let reason =
                        format!("`{name}` in `{KEY}` is a kind of request and must be a table");
                    let mend = format!(
                        "write it as in `{KEY} = {{ {name} = {{ prompt = \"consent\" }} }}`"
                    );
                    return Err(Fault::new(key.at, reason, mend));
                }
                (None, Some(_)) => {
                    let kinds = listed(ParameterKind::ALL.into_iter().map(ParameterKind::as_str));
                    return Err(Fault::new(
                        key.at,
                        format!("a table in `{KEY}` names no kind of request"),
                        format!("the kinds are {kinds}"),
                    ));
                }
                (None, None) => {
                    let (name, value) = read_parameter((key, table.text_under(key, FORM)?))?;
                    parameters.every.insert(name, value);
                }
            }
        }
        Ok(parameters)
    }
}

fn read_parameter((key, text): (Key<'_>, Text<'_>)) -> Result<(String, String), Fault> {
    if RESERVED.contains(&key.name) {
        return Err(Fault::new(
            key.at,
            format!("`{}` in `{KEY}` is bearerd's own parameter", key.name),
            "remove it",
        ));
    }
    if looks_secret(key.name) {
        return Err(secret(key, None));
    }
    if key.name.is_empty() || !key.name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::new(
            key.at,
            format!("a name in `{KEY}` is empty or has other than visible ASCII characters in it"),
            FORM,
        ));
    }
    Ok((key.name.to_owned(), text.value.to_owned()))
}

const KEY: &str = "extra_parameters";

const FORM: &str = "write names and strings, as in `extra_parameters = { kc_idp_hint = \"corp\" }`";

/// What the grants of bearerd's design send by themselves (RFC 6749, 7009, 7521, 7636, 8628, 8693). `audience` and
/// `resource` are not among them: some providers want one at the login.
const RESERVED: &[&str] = &[
    "actor_token",
    "actor_token_type",
    "assertion",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "device_code",
    "grant_type",
    "nonce",
    "redirect_uri",
    "refresh_token",
    "requested_token_type",
    "response_type",
    "scope",
    "state",
    "subject_token",
    "subject_token_type",
    "token_type_hint",
    "username",
];
