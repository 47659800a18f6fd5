//! The keys of a profile as they are given on the command line.

use bearerd_client::ProfileSettings;
use serde_json::{Map, Value};

/// One `KEY=VALUE`. A key with dots is one within tables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    path: Vec<String>,
    value: Value,
}

/// Reads `KEY=VALUE`: a value is text, but where it looks like JSON's lists, tables, quotes and flags it is that; the
/// words of `scopes` are a list, and the durations may be bare numbers.
pub(crate) fn setting(text: &str) -> Result<Setting, String> {
    let form = "write it as KEY=VALUE";
    let (key, value) = text.split_once('=').ok_or(form)?;
    let path: Vec<String> = key.split('.').map(str::to_owned).collect();
    if path.iter().any(String::is_empty) {
        return Err(form.to_owned());
    }
    let json = || serde_json::from_str(value).map_err(|_error| format!("`{key}` is not JSON"));
    let value = match (key, value.as_bytes().first()) {
        (_, Some(b'[' | b'{' | b'"')) => json()?,
        _ if value == "true" || value == "false" => json()?,
        ("scopes", _) => value.split_whitespace().collect(),
        ("lifetime" | "reuse_window", Some(b'0'..=b'9')) => {
            json().unwrap_or_else(|_text| Value::from(value))
        }
        _ => Value::from(value),
    };
    Ok(Setting { path, value })
}

/// All keys of a profile.
pub(crate) fn settings(auth_type: String, set: Vec<Setting>) -> Result<ProfileSettings, String> {
    let mut all = Map::new();
    all.insert("auth_type".to_owned(), auth_type.into());
    for Setting { path, value } in set {
        let name = path.join(".");
        put(&mut all, &path, value).ok_or_else(|| format!("`{name}` is given twice"))?;
    }
    Ok(ProfileSettings(all))
}

/// `None` where something stands there already.
fn put(table: &mut Map<String, Value>, path: &[String], value: Value) -> Option<()> {
    let (first, rest) = path.split_first()?;
    if rest.is_empty() {
        return table.insert(first.clone(), value).is_none().then_some(());
    }
    let below = table.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
    put(below.as_object_mut()?, rest, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(set: &[&str]) -> Result<Value, String> {
        let set = set.iter().map(|text| setting(text)).collect::<Result<_, _>>()?;
        settings("sso".to_owned(), set).map(|settings| Value::Object(settings.0))
    }

    #[test]
    fn values_are_what_the_configuration_wants_there() {
        let cases = [
            ("realm=master", json!({"auth_type": "sso", "realm": "master"})),
            ("realm=", json!({"auth_type": "sso", "realm": ""})),
            ("client_id=123", json!({"auth_type": "sso", "client_id": "123"})),
            ("client_id=a=b", json!({"auth_type": "sso", "client_id": "a=b"})),
            ("scopes=openid  email", json!({"auth_type": "sso", "scopes": ["openid", "email"]})),
            ("scopes=[\"a b\"]", json!({"auth_type": "sso", "scopes": ["a b"]})),
            ("lifetime=28800", json!({"auth_type": "sso", "lifetime": 28800})),
            ("lifetime=8h", json!({"auth_type": "sso", "lifetime": "8h"})),
            ("allow_http=true", json!({"auth_type": "sso", "allow_http": true})),
            ("realm=\"true\"", json!({"auth_type": "sso", "realm": "true"})),
        ];
        for (text, expected) in cases {
            assert_eq!(of(&[text]).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn keys_with_dots_stand_in_tables() {
        let set = ["extra_parameters.token.tenant=blue", "extra_parameters.kc_idp_hint=x"];
        let tables = json!({"token": {"tenant": "blue"}, "kc_idp_hint": "x"});
        let expected = json!({"auth_type": "sso", "extra_parameters": tables});
        assert_eq!(of(&set).unwrap(), expected);
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        for bad in ["realm", "=x", "a..b=x", "scopes=[openid", ".a=x"] {
            assert!(of(&[bad]).is_err(), "{bad}");
        }
        for twice in [["a=1", "a=2"], ["a=1", "a.b=2"], ["auth_type=none", "a=1"]] {
            assert!(of(&twice).unwrap_err().contains("twice"), "{twice:?}");
        }
    }
}
