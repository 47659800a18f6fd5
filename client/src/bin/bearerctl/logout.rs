//! `bearerctl logout`.

use crate::arguments::LogoutArguments;
use crate::exit::CommandError;
use crate::{environment, output, profile};
use bearerd_client::{Client, LoggedOut, LogoutRequest, Revocation};

pub(crate) fn run(client: &Client, arguments: LogoutArguments) -> Result<(), CommandError> {
    let profile = if arguments.all {
        None
    } else {
        // On the wire a logout without a profile is one of all: the one that is meant has to be named.
        let named = environment::profile_or(arguments.profile)?;
        Some(named.map_or_else(|| profile::default_profile(client), Ok)?)
    };
    let revoke = arguments.no_revoke.then_some(false);
    for logged_out in client.logout(&LogoutRequest { profile, revoke })?.profiles {
        output::words(&sentence("Logged out of", &logged_out));
    }
    Ok(())
}

/// `done` to a profile, and what became of its refresh token.
pub(crate) fn sentence(done: &str, logged_out: &LoggedOut) -> String {
    let LoggedOut { profile, revocation, message } = logged_out;
    let told = match revocation {
        Revocation::Revoked => "; its refresh token is revoked",
        Revocation::Failed => "; its refresh token could not be revoked",
        _ => "",
    };
    let why = message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
    format!("{done} `{profile}`{told}{why}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_revocation_has_its_sentence() {
        let cases = [
            (Revocation::Revoked, None, "Logged out of `a`; its refresh token is revoked."),
            (
                Revocation::Failed,
                Some("no answer"),
                "Logged out of `a`; its refresh token could not be revoked: no answer.",
            ),
            (Revocation::Skipped, None, "Logged out of `a`."),
            (Revocation::Unknown, None, "Logged out of `a`."),
        ];
        for (revocation, message, expected) in cases {
            let profile = "a".parse().unwrap();
            let message = message.map(str::to_owned);
            let logged_out = LoggedOut { profile, revocation, message };
            assert_eq!(sentence("Logged out of", &logged_out), expected);
        }
    }
}
