//! What can be said on the command line.

use crate::settings::Setting;
use crate::times;
use bearerd_client::ProfileName;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  internal error
  2  wrong usage, or a bad request
  3  login required, pending, expired or denied
  4  the identity provider gave no answer, rejected, or no token lives that long
  5  locked
  6  bearerd can't be reached, is overloaded or goes down
  7  unknown profile, not found or forbidden
  8  misconfigured, or the saved session can't be opened";

/// Tokens of bearerd: one login per identity and machine, and a fresh access token for every process.
#[derive(Debug, Parser)]
#[command(name = "bearerctl", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Socket of bearerd [default: BEARERD_SOCKET, else where bearerd puts it]
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) socket: Option<PathBuf>,

    /// Start the bearerd beside this program where none answers; it ends after a day without callers
    /// [default: whether BEARERD_AUTOSTART is 1]
    #[arg(long, global = true)]
    pub(crate) autostart: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Log in, or join the login under way
    Login(LoginArguments),
    /// Print the current access token
    Token(TokenArguments),
    /// Forget a profile's tokens, and revoke its refresh token
    Logout(LogoutArguments),
    /// Take over a refresh token, from stdin or from the SDK's cache file
    Import(ImportArguments),
    /// Show how bearerd and its profiles are
    Status(StatusArguments),
    /// Show, add and remove profiles
    Profile(ProfileArguments),
}

#[derive(Debug, Args)]
pub(crate) struct LoginArguments {
    /// Profile to log in to [default: BEARERD_PROFILE, else the default profile]
    pub(crate) profile: Option<ProfileName>,
    /// Let another person than before take the profile over
    #[arg(long)]
    pub(crate) replace: bool,
    /// Have the session forgotten after this time, as in `8h`, `90m` or `1d12h` [default: the profile's `lifetime`]
    #[arg(long = "for", value_name = "TIME", value_parser = times::seconds)]
    pub(crate) lifetime: Option<u64>,
    /// Log in by password as this user; the password is asked for, or comes with --password-stdin
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Log in by password, and read it from stdin
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Show the link and end; the login goes on in bearerd
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Draw a QR code of the link, also where stderr is no terminal or too narrow
    #[arg(long, conflicts_with = "no_qr")]
    pub(crate) qr: bool,
    /// Draw no QR code
    #[arg(long)]
    pub(crate) no_qr: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArguments {
    /// Profile of the token [default: BEARERD_PROFILE, else the default profile]
    pub(crate) profile: Option<ProfileName>,
    /// Issuer of the token, in place of a profile: the one profile of that issuer is meant
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// Print the whole answer as JSON
    #[arg(long, conflicts_with = "header")]
    pub(crate) json: bool,
    /// Print the header `Authorization: Bearer TOKEN`
    #[arg(long)]
    pub(crate) header: bool,
    /// Wish for a token that lives for so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) min_ttl: Option<u64>,
    /// Fail where the wish of --min-ttl can't be met
    #[arg(long, requires = "min_ttl")]
    pub(crate) strict: bool,
    /// Scopes of the token, separated by spaces or each with its own --scope [default: the profile's own]
    #[arg(long)]
    pub(crate) scope: Vec<String>,
    /// Audience of the token [default: the profile's own]
    #[arg(long)]
    pub(crate) audience: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// Profile to import to [default: BEARERD_PROFILE, else the default profile]
    pub(crate) profile: Option<ProfileName>,
    /// Read the SDK's cache file instead of stdin [default FILE: wallaroo_sdk/auth/keycloak.json in the cache folder]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[allow(
        clippy::option_option,
        reason = "clap's way to say: not there, there, there with a value"
    )]
    pub(crate) from_sdk_cache: Option<Option<PathBuf>>,
    /// Let the token take the place of a live session
    #[arg(long)]
    pub(crate) replace: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArguments {
    /// Profile to log out of [default: BEARERD_PROFILE, else the default profile]
    pub(crate) profile: Option<ProfileName>,
    /// Log out of every profile
    #[arg(long, conflicts_with = "profile")]
    pub(crate) all: bool,
    /// Leave the refresh token alive at the identity provider
    #[arg(long)]
    pub(crate) no_revoke: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Profile to show [default: all]
    pub(crate) profile: Option<ProfileName>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ProfileArguments {
    #[command(subcommand)]
    pub(crate) command: ProfileCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// List the profiles
    List {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the settings of a profile
    Show {
        /// Profile to show [default: BEARERD_PROFILE, else the default profile]
        #[arg(value_name = "NAME")]
        profile: Option<ProfileName>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a profile at run time, or change one that was added so; without flags it asks
    Add(AddArguments),
    /// Remove a profile that was added at run time, with its session
    Remove {
        /// Profile to remove
        #[arg(value_name = "NAME")]
        profile: ProfileName,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddArguments {
    /// Name of the profile
    #[arg(value_name = "NAME")]
    pub(crate) profile: ProfileName,
    /// How it gets its tokens: sso, client_credentials, user_password, token, orch, none or test_auth
    #[arg(long, value_name = "TYPE")]
    pub(crate) auth_type: Option<String>,
    /// One more of its keys, as the configuration file has them: `--set realm=master`, `--set "scopes=openid email"`,
    /// `--set extra_parameters.token.tenant=blue`. Never a secret: name its file
    #[arg(long, value_name = "KEY=VALUE", requires = "auth_type", value_parser = crate::settings::setting)]
    pub(crate) set: Vec<Setting>,
    /// Read all its keys from a JSON file; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["auth_type", "set"])]
    pub(crate) from_json: Option<PathBuf>,
    /// Print what was added as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn lines_are_taken_or_refused() {
        let taken = [
            "token",
            "token a --header --socket /s",
            "--autostart token",
            "status --autostart",
            "token --min-ttl 60 --strict --scope openid --audience x",
            "token --scope a --scope b --issuer https://idp",
            "login a --replace --no-wait --no-qr",
            "login --for 8h --username jane --password-stdin",
            "import",
            "import a --from-sdk-cache --replace",
            "import a --from-sdk-cache=/f --json",
            "logout --all --no-revoke",
            "status a --json",
            "profile list",
            "profile show a --json",
            "profile add a",
            "profile add a --auth-type sso --set realm=x --set scopes=a",
            "profile add a --from-json -",
            "profile remove a",
        ];
        let refused = [
            "",
            "tokens",
            "token ../a",
            "token --json --header",
            "token --strict",
            "token --min-ttl -1",
            "login --qr --no-qr",
            "login --for",
            "login --for 0h",
            "login --password hunter2",
            "import --refresh-token x",
            "profile add",
            "profile add a --set realm=x",
            "profile add a --auth-type sso --set realm",
            "profile add a --auth-type sso --from-json -",
            "profile remove",
            "logout a --all",
            "profile",
        ];
        let parse = |line: &str| {
            let words = std::iter::once("bearerctl").chain(line.split_whitespace());
            Arguments::try_parse_from(words)
        };
        for line in taken {
            assert!(parse(line).is_ok(), "{line}");
        }
        for line in refused {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
