//! What a person is asked about a new profile.

use crate::exit::CommandError;
use crate::settings::{self, setting};
use bearerd_client::ProfileSettings;

/// Asks what the chosen `auth_type` needs; an empty answer takes what stands in brackets, or leaves the key out.
pub(crate) fn profile(
    mut ask: impl FnMut(&str) -> Result<String, CommandError>,
) -> Result<ProfileSettings, CommandError> {
    let names: Vec<&str> = AUTH_TYPES.iter().map(|(name, _)| *name).collect();
    let (auth_type, groups) = loop {
        let answer = ask(&format!("auth_type ({}) [{}]: ", names.join(", "), names[0]))?;
        let answer = if answer.is_empty() { names[0].to_owned() } else { answer };
        if let Some(found) = AUTH_TYPES.into_iter().find(|(name, _)| *name == answer) {
            break found;
        }
    };
    let mut set = Vec::new();
    for question in groups.iter().flat_map(|group| group.iter()) {
        if question.unless.is_some_and(|key| set.iter().any(|(known, _)| *known == key)) {
            continue;
        }
        let text = match question.left_out {
            LeftOut::Default(default) => format!("{} [{default}]: ", question.text),
            LeftOut::Nothing => format!("{} (may be left out): ", question.text),
            LeftOut::Asked => format!("{}: ", question.text),
        };
        let mut answer = ask(&text)?;
        while answer.is_empty() && matches!(question.left_out, LeftOut::Asked) {
            answer = ask(&text)?;
        }
        if !answer.is_empty() {
            set.push((question.key, answer));
        }
    }
    let set = set.iter().map(|(key, value)| setting(&format!("{key}={value}")));
    let set = set.collect::<Result<_, _>>().map_err(CommandError::BadSettings)?;
    settings::settings(auth_type.to_owned(), set).map_err(CommandError::BadSettings)
}

struct Question {
    key: &'static str,
    text: &'static str,
    left_out: LeftOut,
    /// It is of no use where this key has an answer.
    unless: Option<&'static str>,
}

enum LeftOut {
    /// The daemon's own default; it is not sent.
    Default(&'static str),
    /// It is not there.
    Nothing,
    /// It is asked for until it is there.
    Asked,
}

const fn question(key: &'static str, text: &'static str, left_out: LeftOut) -> Question {
    Question { key, text, left_out, unless: None }
}

const fn unless(key: &'static str, question: Question) -> Question {
    Question { unless: Some(key), ..question }
}

const PROVIDER: &[Question] = &[
    question(
        "issuer",
        "issuer, the address of the identity provider; of Keycloak you may give the server's instead, next",
        LeftOut::Nothing,
    ),
    unless(
        "issuer",
        question("keycloak_addr", "address of Keycloak, without /auth", LeftOut::Asked),
    ),
    unless("issuer", question("realm", "realm", LeftOut::Default("master"))),
];
/// Keycloak's has a usual name, another provider's none.
const PUBLIC_CLIENT: &[Question] = &[
    unless("issuer", question("client_id", "client", LeftOut::Default("sdk-client"))),
    unless("keycloak_addr", question("client_id", "client", LeftOut::Asked)),
];
const SECRET_CLIENT: &[Question] = &[
    question("client_id", "client", LeftOut::Asked),
    question(
        "private_key_file",
        "file of the client's private key; with a secret instead, next",
        LeftOut::Nothing,
    ),
    unless(
        "private_key_file",
        question("client_secret_file", "file of the client's secret", LeftOut::Asked),
    ),
];
const SCOPES: &[Question] = &[question("scopes", "scopes, separated by spaces", LeftOut::Nothing)];
const CREDENTIALS: &[Question] = &[
    question(
        "credentials_file",
        "JSON file with username and password; without it you give the password at each login",
        LeftOut::Nothing,
    ),
    unless("credentials_file", question("username", "user", LeftOut::Nothing)),
];
const TOKEN: &[Question] = &[question("token_file", "file with the token", LeftOut::Asked)];
const CACHE: &[Question] = &[question("cache_file", "cache file", LeftOut::Default("the SDK's"))];

const AUTH_TYPES: [(&str, &[&[Question]]); 7] = [
    ("sso", &[PROVIDER, PUBLIC_CLIENT, SCOPES]),
    ("client_credentials", &[PROVIDER, SECRET_CLIENT, SCOPES]),
    ("user_password", &[PROVIDER, PUBLIC_CLIENT, SCOPES, CREDENTIALS]),
    ("token", &[TOKEN]),
    ("orch", &[PROVIDER, PUBLIC_CLIENT, CACHE]),
    ("none", &[]),
    ("test_auth", &[]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// What comes out of these answers, and the questions that they were given to.
    fn of(answers: &[&str]) -> (Value, Vec<String>) {
        let mut answers = answers.iter();
        let mut questions = Vec::new();
        let settings = profile(|question| {
            questions.push(question.to_owned());
            answers.next().map(|answer| (*answer).to_owned()).ok_or(CommandError::Unanswered)
        });
        assert_eq!(answers.next(), None, "all are asked for: {questions:?}");
        (Value::Object(settings.unwrap().0), questions)
    }

    #[test]
    fn answers_become_settings() {
        let cases: [(&[&str], Value); 6] = [
            (
                &["", "", "https://kc", "", "", "openid email"],
                json!({"auth_type": "sso", "keycloak_addr": "https://kc", "scopes": ["openid", "email"]}),
            ),
            (
                &["sso", "https://idp", "", "app", ""],
                json!({"auth_type": "sso", "issuer": "https://idp", "client_id": "app"}),
            ),
            (
                &["client_credentials", "https://idp", "app", "", "s", ""],
                json!({"auth_type": "client_credentials", "issuer": "https://idp", "client_id": "app",
                    "client_secret_file": "s"}),
            ),
            (
                &["user_password", "", "https://kc", "r", "", "", "c.json"],
                json!({"auth_type": "user_password", "keycloak_addr": "https://kc", "realm": "r",
                    "credentials_file": "c.json"}),
            ),
            (&["token", "/t"], json!({"auth_type": "token", "token_file": "/t"})),
            (&["none"], json!({"auth_type": "none"})),
        ];
        for (answers, expected) in cases {
            assert_eq!(of(answers).0, expected, "{answers:?}");
        }
    }

    #[test]
    fn what_has_to_be_there_is_asked_for_again() {
        let (settings, questions) = of(&["nune", "token", "", "/t"]);
        assert_eq!(settings, json!({"auth_type": "token", "token_file": "/t"}));
        assert_eq!((&questions[0], &questions[2]), (&questions[1], &questions[3]));
        assert!(questions[0].ends_with(" [sso]: "), "{}", questions[0]);
    }

    #[test]
    fn an_end_of_the_answers_is_the_end() {
        let error = profile(|_| Err(CommandError::Unanswered)).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
