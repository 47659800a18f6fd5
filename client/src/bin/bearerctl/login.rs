//! `bearerctl login`.

use crate::arguments::LoginArguments;
use crate::exit::CommandError;
use crate::qr::{self, Canvas};
use crate::secret_input::{self, Wanted};
use crate::{environment, output, times};
use bearerd_client::{
    Client, ClientError, ErrorCode, LONG_POLL_MAX, LoggedIn, LoginAnswer, LoginRequest,
    PendingLogin,
};
use std::io::IsTerminal;
use std::time::Duration;

pub(crate) fn run(client: &Client, arguments: LoginArguments) -> Result<(), CommandError> {
    let canvas = canvas(&arguments);
    let profile = environment::profile_or(arguments.profile)?;
    let password = if arguments.password_stdin {
        Some(secret_input::from_stdin(PASSWORD)?)
    } else if arguments.username.is_some() {
        Some(secret_input::from_terminal(PASSWORD)?)
    } else {
        None
    };
    let request = LoginRequest {
        profile,
        flow: None,
        username: arguments.username,
        password,
        replace: arguments.replace,
        lifetime: arguments.lifetime,
    };
    let mut answer = client.login(&request)?;
    let mut starts_left = STARTS_MOST;
    while let LoginAnswer::Pending(login) = &answer {
        show(login, canvas);
        if arguments.no_wait {
            output::words(
                "The login goes on in bearerd: `bearerctl status` shows when it is done.",
            );
            break;
        }
        output::words("Waiting. Ctrl-C ends this command; the login goes on in bearerd.");
        starts_left -= 1;
        answer = match outcome(client, &login.login_id) {
            Ok(who) => LoginAnswer::Done(who),
            Err(error) if error.code() == Some(ErrorCode::NotFound) && starts_left > 0 => {
                output::words(
                    "bearerd does not know that login any more: it was restarted. Its link is of no use now.",
                );
                client.login(&request)?
            }
            Err(error) => return Err(error.into()),
        };
    }
    if let LoginAnswer::Done(who) = &answer {
        output::words(&format!("Logged in{}.", name_of(who)));
    }
    if arguments.json { output::json(&answer) } else { Ok(()) }
}

const PASSWORD: Wanted =
    Wanted { name: "the password", flag: "let it come by a pipe, with `--password-stdin`" };

/// A login lives in the daemon's memory and ends with it: the next daemon is asked for another. So often, and no more,
/// since each start is one at the identity provider too.
const STARTS_MOST: u32 = 5;

/// Waits until the login is over.
fn outcome(client: &Client, login_id: &str) -> Result<LoggedIn, ClientError> {
    loop {
        match client.login_state(login_id, LONG_POLL_MAX)? {
            LoginAnswer::Done(who) => return Ok(who),
            LoginAnswer::Pending(_) => std::thread::sleep(POLL_PAUSE),
        }
    }
}

/// Between two polls: a daemon that doesn't hold its answers back is not asked without end.
const POLL_PAUSE: Duration = Duration::from_millis(200);

/// Where the person goes and what to do there.
fn show(login: &PendingLogin, canvas: Option<Canvas>) {
    let PendingLogin { profile, verification_uri, verification_uri_complete, .. } = login;
    let code = login.user_code.as_deref();
    match (verification_uri_complete, verification_uri, &login.authorization_url) {
        (Some(complete), _, _) => {
            output::words(&format!("To log in to `{profile}`, open"));
            output::words(&format!("    {complete}"));
            if let Some(code) = code {
                output::words(&format!("and see that it shows the code {code}."));
            }
        }
        (None, Some(page), _) => {
            output::words(&format!("To log in to `{profile}`, open"));
            output::words(&format!("    {page}"));
            output::words(&format!("and type the code {}.", code.unwrap_or_default()));
        }
        (None, None, Some(page)) => {
            output::words(&format!("To log in to `{profile}`, open in a browser of this machine"));
            output::words(&format!("    {page}"));
        }
        (None, None, None) => output::words(&format!("A login to `{profile}` is under way.")),
    }
    output::words(&format!("There are {} left for it.", times::span(login.expires_in)));
    // A page that leads back to this machine is of no use on a telephone: only the device flow's are drawn.
    let link = verification_uri_complete.as_ref().or(verification_uri.as_ref());
    if let (Some(canvas), Some(link)) = (canvas, link) {
        for line in qr::drawn(link, canvas).unwrap_or_default() {
            output::raw_words(&line);
        }
    }
}

/// How a QR code is drawn, if at all.
fn canvas(arguments: &LoginArguments) -> Option<Canvas> {
    let stderr = std::io::stderr();
    if arguments.no_qr {
        None
    } else if !stderr.is_terminal() {
        arguments.qr.then_some(Canvas::Plain)
    } else if arguments.qr {
        Some(Canvas::Terminal(u16::MAX))
    } else {
        let size = rustix::termios::tcgetwinsize(&stderr).ok()?;
        Some(Canvas::Terminal(size.ws_col))
    }
}

pub(crate) fn name_of(who: &LoggedIn) -> String {
    match (&who.user_email, &who.user_id) {
        (Some(email), _) => format!(" as {email}"),
        (None, Some(id)) => format!(" as {id}"),
        (None, None) => String::new(),
    }
}
