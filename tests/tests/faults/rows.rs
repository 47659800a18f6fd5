//! The rows of the matrix: each fault, and what the design's table of outcomes has it mean. Data, and nothing of it is
//! taken from the daemon's code.

use bearerd_client::ErrorCode;
use bearerd_test_idp::Fault;
use std::time::Duration;

/// One fault.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) strike: Strike,
    /// The request takes effect all the same: a refresh token is spent, a device code is used.
    pub(crate) acted: bool,
    /// It changes what is granted, and lets a refusal pass.
    pub(crate) spares_refusals: bool,
    /// The provider and the profile have a reuse window.
    pub(crate) window: bool,
    /// How long an attempt stays without an end.
    pub(crate) lasts: Lasts,
    /// What it means to a refresh: its class.
    pub(crate) code: ErrorCode,
    /// What it means to a refresh: what comes next.
    pub(crate) next: Next,
    /// What whoever starts a login is told; absent where the fault has no meaning there.
    pub(crate) start: Option<ErrorCode>,
    /// How a login that is polled ends; absent: the polls go on.
    pub(crate) poll: Option<ErrorCode>,
    /// Whether a logout takes it for a revocation: any success is one (RFC 7009 §2.2).
    pub(crate) revoked: bool,
}

/// How it is brought about.
#[derive(Debug, Clone)]
pub(crate) enum Strike {
    /// The port refuses connections.
    Away,
    /// The certificate is from another authority.
    BadCertificate,
    /// The provider does this to each request.
    Answer(Fault),
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// At once, or as soon as the answer is there.
    Short,
    /// Not before the daemon gives it up, or the provider comes back.
    Silent,
    /// With the right answer, after every patience.
    Late,
}

impl Lasts {
    pub(crate) fn is_short(self) -> bool {
        self == Lasts::Short
    }
}

impl Row {
    /// Whether the provider sees the requests that it strikes.
    pub(crate) fn is_seen(&self) -> bool {
        matches!(self.strike, Strike::Answer(_))
    }
}

/// What comes after a failed refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Backoff,
    RetryAfter,
    Lost,
    Over,
    Hold,
}

const UNREACHABLE: ErrorCode = ErrorCode::IdpUnreachable;
const REJECTED: ErrorCode = ErrorCode::IdpRejected;
const MISCONFIGURED: ErrorCode = ErrorCode::Misconfigured;

/// All rows, in the order of the table.
pub(crate) fn rows() -> Vec<Row> {
    let rows = [away(), silence(), losses(), later(), unreadable(), refusals(), unusable()];
    rows.into_iter().flatten().collect()
}

fn away() -> Vec<Row> {
    vec![
        Row { strike: Strike::Away, ..unreachable("connection refused", Fault::Pass) },
        Row {
            strike: Strike::BadCertificate,
            ..unreachable("TLS: wrong certificate", Fault::Pass)
        },
    ]
}

/// Sent, and no answer within a caller's patience.
fn silence() -> Vec<Row> {
    let silent = |name, fault| Row { lasts: Lasts::Silent, ..lost(name, fault) };
    let late = Fault::Delay { before: Duration::ZERO, after: LATE };
    vec![
        silent("accepted, never answered", Fault::Hang),
        Row { revoked: true, ..silent("one byte a second", Fault::Trickle) },
        Row { lasts: Lasts::Late, acted: true, ..lost("answered after 16 s", late) },
    ]
}

fn losses() -> Vec<Row> {
    let spent =
        |name, fault| Row { acted: true, poll: Some(ErrorCode::LoginExpired), ..lost(name, fault) };
    let again = |name, fault| Row { window: true, ..spent(name, fault) };
    let half = Fault::HalfAnswer;
    vec![
        lost("reset before it acted", Fault::ResetBefore),
        spent("reset after it acted", Fault::ResetAfter),
        again("reset after it acted, reuse window", Fault::ResetAfter),
        again("closed after it acted, reuse window", Fault::CloseAfter),
        Row { revoked: true, ..again("half an answer, reuse window", half) },
        lost("502", Fault::Status(502)),
        lost("504", Fault::Status(504)),
        spent("502 after it acted", Fault::Status(502).carried_out()),
        again("504 after it acted, reuse window", Fault::Status(504).carried_out()),
    ]
}

fn later() -> Vec<Row> {
    let pause = |name, fault| Row { next: Next::RetryAfter, ..unreachable(name, fault) };
    let asked = Fault::RetryAfter { status: 503, value: "3600".into() };
    vec![
        unreachable("408", Fault::Status(408)),
        pause("429, Retry-After 3600", Fault::TooManyRequests { retry_after: 3600 }),
        unreachable("500", Fault::Status(500)),
        unreachable("503", Fault::Status(503)),
        pause("503, Retry-After 3600", asked),
        unreachable("`temporarily_unavailable`", oauth(400, "temporarily_unavailable")),
        unreachable("`server_error`", oauth(500, "server_error")),
    ]
}

/// A success that can't be read is a lost answer (decision 0001).
fn unreadable() -> Vec<Row> {
    let lost = |name, fault| Row { revoked: true, ..lost(name, fault) };
    vec![
        lost("200, garbage", Fault::Garbage),
        lost("200, a login page", Fault::Html),
        lost("200, empty", body("")),
        lost("200, JSON cut off", body(r#"{"access_token": "eyJhbGciOi"#)),
        lost("200, 100 MB", Fault::Huge),
    ]
}

fn refusals() -> Vec<Row> {
    let held = |code, name, fault| Row {
        code,
        next: Next::Hold,
        start: Some(code),
        poll: Some(code),
        ..unreachable(name, fault)
    };
    let wrong = |name, word| held(MISCONFIGURED, name, oauth(400, word));
    let scope = |name, word| held(ErrorCode::BadRequest, name, oauth(400, word));
    vec![
        Row {
            code: ErrorCode::LoginRequired,
            next: Next::Over,
            poll: Some(ErrorCode::LoginExpired),
            ..rejected("`invalid_grant`", oauth(400, "invalid_grant"))
        },
        held(MISCONFIGURED, "`invalid_client`", oauth(401, "invalid_client")),
        wrong("`unauthorized_client`", "unauthorized_client"),
        wrong("`unsupported_grant_type`", "unsupported_grant_type"),
        wrong("`invalid_request`", "invalid_request"),
        held(MISCONFIGURED, "404", Fault::Status(404)),
        scope("`invalid_scope`", "invalid_scope"),
        scope("`invalid_target`", "invalid_target"),
        Row {
            start: Some(ErrorCode::LoginDenied),
            poll: Some(ErrorCode::LoginDenied),
            ..rejected("`access_denied`", oauth(400, "access_denied"))
        },
        Row { poll: Some(REJECTED), ..rejected("an unknown error", oauth(400, "out_of_cheese")) },
    ]
}

fn unusable() -> Vec<Row> {
    let success = |name, fault| Row { revoked: true, ..rejected(name, fault) };
    let spent = |name, fault| Row {
        acted: true,
        poll: Some(ErrorCode::LoginExpired),
        ..success(name, fault)
    };
    let types = r#"{"access_token": 17, "token_type": ["Bearer"], "expires_in": {}}"#;
    let dpop = r#"{"access_token": "of-no-use", "token_type": "DPoP", "expires_in": 300}"#;
    vec![
        rejected("302", Fault::Redirect("http://127.0.0.1:9/".into())),
        success("200 with `error`", body(r#"{"error": "invalid_grant"}"#)),
        success("200 without a token", body(r#"{"token_type": "Bearer", "expires_in": 300}"#)),
        success("200, JSON of other types", body(types)),
        success("200, `token_type` DPoP", body(dpop)),
        // The new refresh token in it counts.
        Row {
            start: None,
            spares_refusals: true,
            ..spent("200 without a token after it acted", Fault::NoAccessToken)
        },
    ]
}

fn unreachable(name: &'static str, fault: Fault) -> Row {
    Row {
        name,
        strike: Strike::Answer(fault),
        acted: false,
        spares_refusals: false,
        window: false,
        lasts: Lasts::Short,
        code: UNREACHABLE,
        next: Next::Backoff,
        start: Some(UNREACHABLE),
        poll: None,
        revoked: false,
    }
}

fn lost(name: &'static str, fault: Fault) -> Row {
    Row { next: Next::Lost, ..unreachable(name, fault) }
}

fn rejected(name: &'static str, fault: Fault) -> Row {
    Row { code: REJECTED, start: Some(REJECTED), ..unreachable(name, fault) }
}

fn oauth(status: u16, error: &str) -> Fault {
    Fault::OauthError { status, error: error.into() }
}

fn body(body: &str) -> Fault {
    Fault::Body { status: 200, body: body.into() }
}

/// Longer than a caller's patience, shorter than the daemon's with a fetch.
const LATE: Duration = Duration::from_secs(16);
