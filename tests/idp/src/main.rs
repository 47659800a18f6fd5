//! The test identity provider as a program: starts, says where it is, runs until it is ended.

#![allow(clippy::print_stdout, reason = "the one line that says where it listens")]

use bearerd_test_idp::{AccessTokenFormat, Rotation, Settings, TestIdp};
use clap::Parser;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

/// An OAuth identity provider for tests and demos, shaped like Keycloak. Never use it for anything real.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on; loopback only.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// Port to listen on; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Port of the control API, which stays up through outages; 0 picks a free one, and `GET /control` names it.
    #[arg(long, default_value_t = 0)]
    control_port: u16,
    /// Lifetime of access tokens.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    access_token_lifetime: u64,
    /// Lifetime of refresh tokens; 0: no end.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    refresh_token_lifetime: u64,
    /// Lifetime of device codes.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    device_code_lifetime: u64,
    /// Time between two polls of a device login.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    interval: u64,
    /// Refreshes give the same refresh token again.
    #[arg(long)]
    no_rotation: bool,
    /// For how long the previous refresh token is taken again after its use.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    reuse_window: u64,
    /// Access tokens are random strings instead of JWTs.
    #[arg(long)]
    opaque: bool,
    /// Approves every device login at once as this user.
    #[arg(long, value_name = "USER", value_parser = ["jane", "bob"])]
    auto_approve: Option<String>,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let idp = TestIdp::try_start(settings(Arguments::parse()))?;
    println!("{}", idp.base_url());
    io::stdout().flush()?;
    std::future::pending::<io::Result<()>>().await
}

fn settings(arguments: Arguments) -> Settings {
    let (rotation, format) = (
        if arguments.no_rotation { Rotation::Same } else { Rotation::Rotate },
        if arguments.opaque { AccessTokenFormat::Opaque } else { AccessTokenFormat::Jwt },
    );
    Settings {
        listen: (arguments.address, arguments.port).into(),
        control_port: Some(arguments.control_port),
        access_token_seconds: arguments.access_token_lifetime,
        refresh_token_seconds: Some(arguments.refresh_token_lifetime),
        device_code_seconds: arguments.device_code_lifetime,
        device_interval_seconds: Some(arguments.interval),
        rotation,
        reuse_window_seconds: arguments.reuse_window,
        access_token_format: format,
        auto_approve: arguments.auto_approve,
        ..Settings::default()
    }
}
