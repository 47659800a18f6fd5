//! `bearerctl`: asks bearerd, says what it answered, and ends with an exit code that is part of the contract.

mod arguments;
mod autostart;
mod environment;
mod exit;
mod import;
mod login;
mod logout;
mod output;
mod profile;
mod profile_changes;
mod qr;
mod questions;
mod secret_input;
mod settings;
mod status;
mod sys;
mod times;
mod token;

use arguments::{Arguments, Command};
use bearerd_client::Client;
use clap::Parser;
use exit::CommandError;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(message) => {
            // Help and version go to stdout and are no failure. Where nobody reads, nothing is left to say.
            let _ = message.print();
            return ExitCode::from(u8::try_from(message.exit_code()).unwrap_or(exit::USAGE));
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::failure(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(arguments: Arguments) -> Result<(), CommandError> {
    let client = match &arguments.socket {
        Some(path) => Client::at(path),
        None => Client::from_environment()?,
    };
    if arguments.autostart || environment::wants_autostart() {
        autostart::ensure(&client, arguments.socket.as_deref())?;
    }
    match arguments.command {
        Command::Token(arguments) => token::run(&client, arguments),
        Command::Login(arguments) => login::run(&client, arguments),
        Command::Logout(arguments) => logout::run(&client, arguments),
        Command::Import(arguments) => import::run(&client, arguments),
        Command::Status(arguments) => status::run(&client, arguments),
        Command::Profile(arguments) => profile::run(&client, arguments),
    }
}
