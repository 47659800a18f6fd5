//! `bearerctl import`.

use crate::arguments::ImportArguments;
use crate::exit::CommandError;
use crate::login::name_of;
use crate::secret_input::{self, Wanted};
use crate::{environment, output};
use bearerd_client::{Client, ImportRequest, LoginAnswer, Secret};
use serde::Deserialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

pub(crate) fn run(client: &Client, arguments: ImportArguments) -> Result<(), CommandError> {
    let ImportArguments { profile, from_sdk_cache, replace, json } = arguments;
    let profile = environment::profile_or(profile)?;
    let file = from_sdk_cache.map(|file| file.map_or_else(sdk_cache_file, Ok)).transpose()?;
    let refresh_token = match &file {
        Some(path) => of_sdk_cache(path)?,
        None => secret_input::from_stdin(REFRESH_TOKEN)?,
    };
    let answer = client.import(&ImportRequest { profile, refresh_token, replace })?;
    if let LoginAnswer::Done(who) = &answer {
        output::words(&format!("Imported: logged in{}.", name_of(who)));
    }
    if let Some(path) = file {
        output::words(&format!(
            "The refresh token in `{}` is bearerd's now: a program that goes on using it ends the session.",
            path.display()
        ));
    }
    if json { output::json(&answer) } else { Ok(()) }
}

const REFRESH_TOKEN: Wanted = Wanted {
    name: "the refresh token",
    flag: "let it come by a pipe, or name its file with `--from-sdk-cache=FILE`",
};

/// Where the SDK keeps its tokens.
fn sdk_cache_file() -> Result<PathBuf, CommandError> {
    let folder = environment::cache_folder().ok_or(CommandError::NoCacheFolder)?;
    Ok(folder.join("wallaroo_sdk/auth/keycloak.json"))
}

/// What to do where it can't be read.
const OTHER_FILE: &str =
    "name another file with `--from-sdk-cache=FILE`, or log in with the SDK first, or here";

/// What is of use in that file.
#[derive(Deserialize)]
struct SdkCache {
    refresh_token: Option<Secret>,
}

fn of_sdk_cache(path: &Path) -> Result<Secret, CommandError> {
    let unreadable =
        |source| CommandError::File { path: path.to_owned(), mend: OTHER_FILE, source };
    let mut text = String::with_capacity(SDK_CACHE_ROOM);
    let file = File::open(path).map_err(unreadable)?;
    file.take(SDK_CACHE_MAX).read_to_string(&mut text).map_err(unreadable)?;
    let text = Secret::new(text);
    let not_usable =
        |reason: &str| CommandError::NotUsable { path: path.to_owned(), reason: reason.to_owned() };
    // The text of a JSON error can quote the file, where tokens stand.
    let cache: SdkCache = serde_json::from_str(text.expose()).map_err(|_error| {
        not_usable("it is not the SDK's JSON; if a program is just writing it, try again")
    })?;
    let token = cache.refresh_token.filter(|token| !token.expose().is_empty());
    token.ok_or_else(|| not_usable("it has no refresh token: log in with the SDK first, or here"))
}

/// Bytes; the SDK's file has two tokens of some KB each.
const SDK_CACHE_MAX: u64 = 1024 * 1024;
/// Bytes for which no copy is left behind by growing.
const SDK_CACHE_ROOM: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<String, CommandError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, content).unwrap();
        of_sdk_cache(file.path()).map(|token| token.expose().to_owned())
    }

    #[test]
    fn the_sdk_s_file_gives_its_refresh_token() {
        let file = r#"{"access_token":"a","expiry":1.5,"refresh_token":"r","refresh_token_expiry":2.5,
            "user_id":"u","user_email":"jane@ex.co"}"#;
        assert_eq!(read(file).unwrap(), "r");
    }

    #[test]
    fn what_is_not_that_file_says_so_without_quoting_it() {
        for content in ["", "s3cret", r#"{"refresh_token":"s3cret"#, r#"{"refresh_token":7}"#] {
            let error = read(content).unwrap_err();
            assert!(error.to_string().contains("not the SDK's JSON"), "{error}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
        for content in ["{}", r#"{"refresh_token":""}"#, r#"{"refresh_token":null}"#] {
            let error = read(content).unwrap_err();
            assert!(error.to_string().contains("no refresh token"), "{error}");
        }
        let missing = of_sdk_cache(Path::new("/nowhere/keycloak.json")).unwrap_err();
        assert_eq!(missing.exit_code(), 7);
    }
}
