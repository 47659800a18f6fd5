//! `bearerctl status`.

use crate::arguments::StatusArguments;
use crate::exit::CommandError;
use crate::output::{self, Colour, printable};
use crate::times::{moment, span};
use bearerd_client::{Client, ProfileState, ProfileStatus, Status};
use std::fmt::Write as _;

pub(crate) fn run(client: &Client, arguments: StatusArguments) -> Result<(), CommandError> {
    let mut status = client.status()?;
    if let Some(name) = arguments.profile {
        if let (true, Some(fault)) = (status.profiles.is_empty(), &status.config_error) {
            return Err(CommandError::BadConfiguration(fault.clone()));
        }
        status.profiles.retain(|profile| profile.profile == name);
        if status.profiles.is_empty() {
            return Err(CommandError::UnknownProfile(name));
        }
    }
    if arguments.json {
        output::json(&status)
    } else {
        output::data(&table(&status, output::stdout_has_colour()))
    }
}

/// The daemon's line, then a line for each profile and what there is to say about it.
fn table(status: &Status, colour: bool) -> String {
    let mut text =
        format!("bearerd {}, pid {}, up {}\n", status.version, status.pid, span(status.uptime));
    // Writing to a `String` does not fail.
    if let Some(error) = &status.config_error {
        let _ = writeln!(text, "configuration: {}", printable(error));
    }
    if status.profiles.is_empty() {
        text.push_str("no profile is configured");
        if status.config_error.is_none() {
            text.push_str(": `bearerctl profile add NAME` makes one");
        }
        text.push('\n');
        return text;
    }
    let rows: Vec<[String; COLUMNS]> = std::iter::once(HEADINGS.map(str::to_owned))
        .chain(status.profiles.iter().map(row))
        .collect();
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    });
    text.push('\n');
    let profiles = std::iter::once(None).chain(status.profiles.iter().map(Some));
    for (row, profile) in rows.iter().zip(profiles) {
        let shade = profile.filter(|_| colour).and_then(|profile| colour_of(profile.state));
        text.push_str(&line(row, &widths, shade));
        text.push('\n');
        for remark in profile.map(remarks).unwrap_or_default() {
            let _ = writeln!(text, "  {}", printable(&remark));
        }
    }
    text
}

const COLUMNS: usize = 6;
const HEADINGS: [&str; COLUMNS] = ["PROFILE", "STATE", "USER", "EXPIRES", "NEXT REFRESH", "SAVED"];
/// The column that has a colour.
const STATE_COLUMN: usize = 1;

fn row(profile: &ProfileStatus) -> [String; COLUMNS] {
    let within =
        |seconds: Option<u64>| seconds.map_or("-".to_owned(), |left| format!("in {}", span(left)));
    let user = profile.user_email.as_ref().or(profile.user_id.as_ref());
    [
        profile.profile.to_string(),
        word(profile.state).to_owned(),
        user.map_or("-".to_owned(), |user| printable(user)),
        within(profile.expires_in),
        within(profile.refresh_in),
        saved(profile).to_owned(),
    ]
}

/// `-` where there is nothing to save: nobody has logged in, or this kind of profile has no login.
fn saved(profile: &ProfileStatus) -> &'static str {
    let waits = matches!(profile.state, ProfileState::LoginRequired | ProfileState::LoginPending);
    // A session that is over, parked or can't be opened has its reason there.
    let never = waits && profile.last_error.is_none();
    let constant = ["none", "test_auth"].contains(&profile.auth_type.as_str());
    match profile.saved {
        false => "no",
        true if never || constant => "-",
        true => "yes",
    }
}

fn line(row: &[String; COLUMNS], widths: &[usize; COLUMNS], shade: Option<Colour>) -> String {
    let mut line = String::new();
    for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
        // The padding is counted without the colour's own characters.
        let padding = " ".repeat(width.saturating_sub(cell.chars().count()) + 2);
        match shade.filter(|_| column == STATE_COLUMN) {
            Some(shade) => line.push_str(&shade.paint(cell)),
            None => line.push_str(cell),
        }
        line.push_str(&padding);
    }
    line.truncate(line.trim_end().len());
    line
}

/// What there is to say about a profile beyond its line.
fn remarks(profile: &ProfileStatus) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(error) = &profile.last_error {
        remarks.push(format!("{}, {}: {}", error.code.as_str(), moment(error.at), error.message));
    }
    if let Some(login) = &profile.login {
        let link = login.verification_uri_complete.as_ref().or(login.verification_uri.as_ref());
        let link = link.or(login.authorization_url.as_ref()).map_or("-", String::as_str);
        let code =
            login.user_code.as_ref().map(|code| format!(" (code {code})")).unwrap_or_default();
        let left = span(login.expires_in);
        remarks.push(format!("a login waits at {link}{code}, {left} left"));
    }
    if let Some(skew) =
        profile.clock_skew.filter(|skew| skew.unsigned_abs() >= NOTABLE_SKEW_SECONDS)
    {
        let direction = if skew > 0 { "ahead of" } else { "behind" };
        remarks.push(format!("its clock is {} {direction} ours", span(skew.unsigned_abs())));
    }
    if profile.allow_http {
        remarks.push("allow_http is on: its tokens may travel readable".to_owned());
    }
    remarks
}

/// Less is the way of an answer and the rounding of its date.
const NOTABLE_SKEW_SECONDS: u64 = 5;

fn word(state: ProfileState) -> &'static str {
    match state {
        ProfileState::Ready => "ready",
        ProfileState::Degraded => "degraded",
        ProfileState::LoginRequired => "login-required",
        ProfileState::LoginPending => "login-pending",
        ProfileState::Misconfigured => "misconfigured",
        ProfileState::StateUnreadable => "state-unreadable",
        _ => "unknown",
    }
}

fn colour_of(state: ProfileState) -> Option<Colour> {
    match state {
        ProfileState::Ready => Some(Colour::Green),
        ProfileState::Degraded | ProfileState::LoginPending => Some(Colour::Yellow),
        ProfileState::LoginRequired
        | ProfileState::Misconfigured
        | ProfileState::StateUnreadable => Some(Colour::Red),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_STATE: &str = include_str!("../../../../proto/golden/status.every-state.json");

    #[test]
    fn every_state_has_its_line_and_its_remarks() {
        let status: Status = serde_json::from_str(EVERY_STATE).unwrap();
        let expected = "\
bearerd 0.1.0, pid 4711, up 1 d 0 h
configuration: /home/jane/.config/bearerd/config.toml:7: `realmm` is not a key of a profile: write `realm`; the configuration read before stays in force

PROFILE             STATE             USER              EXPIRES   NEXT REFRESH  SAVED
a-degraded          degraded          jane@example.com  in 4 min  in 10 s       no
  idp-unreachable, 2026-09-21 14:14:15 UTC: failed to connect to `keycloak.example.com`: bearerd tries on by itself
b-login-required    login-required    -                 -         -             yes
  login-required, 2026-09-21 14:14:15 UTC: `keycloak.example.com` has ended the session (invalid_grant): run `bearerctl login b-login-required`
c-login-pending     login-pending     -                 -         -             -
  a login waits at https://keycloak.example.com/auth/realms/master/device?user_code=WDJB-MJHT (code WDJB-MJHT), 9 min left
d-misconfigured     misconfigured     -                 -         -             yes
  misconfigured, 2026-09-21 14:14:15 UTC: `keycloak.example.com` does not know the client `sdk-clint` (invalid_client): mend `client_id` in the configuration, then reload
  allow_http is on: its tokens may travel readable
e-state-unreadable  state-unreadable  -                 -         -             yes
  state-unreadable, 2026-09-21 14:14:15 UTC: the saved session of `e-state-unreadable` was sealed with another key: bring that key back, or run `bearerctl login e-state-unreadable`
";
        assert_eq!(table(&status, false), expected);
    }

    #[test]
    fn saved_is_what_there_was_to_save() {
        let status: Status = serde_json::from_str(EVERY_STATE).unwrap();
        let over = &status.profiles[1];
        assert_eq!((over.state, saved(over)), (ProfileState::LoginRequired, "yes"));
        let never = ProfileStatus { last_error: None, ..over.clone() };
        assert_eq!(saved(&never), "-");
        // The file of a session that was logged out of could not be removed yet.
        assert_eq!(saved(&ProfileStatus { saved: false, ..never }), "no");
        let ready = |auth_type: &str| ProfileStatus {
            state: ProfileState::Ready,
            auth_type: auth_type.to_owned(),
            last_error: None,
            ..over.clone()
        };
        assert_eq!(["sso", "none", "test_auth"].map(|it| saved(&ready(it))), ["yes", "-", "-"]);
    }

    #[test]
    fn colour_changes_no_column() {
        let status: Status = serde_json::from_str(EVERY_STATE).unwrap();
        let coloured = table(&status, true);
        assert!(coloured.contains("\x1b[33mdegraded\x1b[0m          jane@"), "{coloured}");
        let bare = ["\x1b[31m", "\x1b[33m", "\x1b[0m"]
            .iter()
            .fold(coloured, |text, sequence| text.replace(sequence, ""));
        assert_eq!(bare, table(&status, false));
    }

    #[test]
    fn a_clock_that_is_far_off_is_remarked() {
        let mut status: Status = serde_json::from_str(EVERY_STATE).unwrap();
        status.profiles[1].clock_skew = Some(-90);
        assert_eq!(remarks(&status.profiles[1])[1], "its clock is 1 min 30 s behind ours");
        status.profiles.clear();
        assert!(table(&status, false).ends_with("no profile is configured\n"));
        status.config_error = None;
        assert!(
            table(&status, false).ends_with("configured: `bearerctl profile add NAME` makes one\n")
        );
    }
}
