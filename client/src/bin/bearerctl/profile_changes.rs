//! `bearerctl profile add` and `profile remove`.

use crate::arguments::AddArguments;
use crate::exit::CommandError;
use crate::{logout, output, profile, questions, settings};
use bearerd_client::{Client, ProfileName, ProfileSettings};
use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::Path;

pub(crate) fn add(client: &Client, arguments: AddArguments) -> Result<(), CommandError> {
    let AddArguments { profile: name, auth_type, set, from_json, json } = arguments;
    let settings = match (from_json, auth_type) {
        (Some(file), _) => of_json(&file)?,
        (None, Some(auth_type)) => {
            settings::settings(auth_type, set).map_err(CommandError::BadSettings)?
        }
        (None, None) => asked()?,
    };
    let info = client.put_profile(&name, &settings)?;
    if json {
        output::json(&info)?;
    } else {
        output::data(&profile::settings(&info))?;
    }
    output::words(&format!("Added `{name}`: `bearerctl status {name}` shows how it is."));
    Ok(())
}

pub(crate) fn remove(client: &Client, name: &ProfileName) -> Result<(), CommandError> {
    let removed = client.remove_profile(name)?;
    output::words(&logout::sentence("Removed", &removed));
    Ok(())
}

/// The person's answers to our questions.
fn asked() -> Result<ProfileSettings, CommandError> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        let instead = "give it with `--auth-type` and `--set`, or with `--from-json -`";
        return Err(CommandError::NoTerminal("what a profile is like", instead));
    }
    questions::profile(|question| {
        output::words_without_end(question);
        let mut line = String::new();
        let read = stdin.lock().read_line(&mut line);
        match read.map_err(|source| CommandError::Input("the answer", source))? {
            0 => {
                output::words("");
                Err(CommandError::Unanswered)
            }
            _ => Ok(line.trim().to_owned()),
        }
    })
}

fn of_json(file: &Path) -> Result<ProfileSettings, CommandError> {
    let mut text = String::new();
    let (name, read) = if file == Path::new("-") {
        ("standard input".to_owned(), io::stdin().take(JSON_MAX).read_to_string(&mut text))
    } else {
        let opened = File::open(file);
        let read = opened.and_then(|opened| opened.take(JSON_MAX).read_to_string(&mut text));
        (file.display().to_string(), read)
    };
    read.map_err(|source| CommandError::File { path: file.to_owned(), mend: OTHER_FILE, source })?;
    // The text of a JSON error can quote a value.
    serde_json::from_str(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        CommandError::BadSettings(format!(
            "{name} is not one JSON object (line {line}, column {column})"
        ))
    })
}

/// What to do where a file can't be read.
const OTHER_FILE: &str = "name a file that you may read, or `-` for stdin";
/// Bytes; the daemon takes no more.
const JSON_MAX: u64 = 64 * 1024;
