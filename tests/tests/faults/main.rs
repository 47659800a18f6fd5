//! The fault matrix: each fault of the test IdP, met by a refresh, a login's start, its polls and a logout, with a valid
//! token in hand and with none.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests fail loudly, measure time, and read their environment"
)]

mod rows;

mod logging_in;
mod logging_out;
mod renewing;

mod cell;
mod stage;
mod table;
mod tls_door;

use cell::{Sheet, play};
use rows::{Row, rows};

const REFRESH: Sheet = Sheet {
    title: "Refresh",
    columns: &renewing::COLUMNS,
    play: |row, valid| if valid { renewing::valid(row) } else { renewing::none(row) },
    expected: renewing::expected,
};

const START: Sheet = Sheet {
    title: "A login's start",
    columns: &logging_in::START_COLUMNS,
    play: logging_in::start,
    expected: logging_in::expected_of_start,
};

const POLL: Sheet = Sheet {
    title: "A login's polls",
    columns: &logging_in::POLL_COLUMNS,
    play: logging_in::poll,
    expected: logging_in::expected_of_poll,
};

const LOGOUT: Sheet = Sheet {
    title: "A logout's revocation",
    columns: &logging_out::COLUMNS,
    play: logging_out::play,
    expected: logging_out::expected,
};

const SHEETS: [Sheet; 4] = [REFRESH, START, POLL, LOGOUT];

fn whole(sheet: &Sheet) {
    table::keep(sheet, &play(sheet, &rows()));
}

#[test]
fn refreshes() {
    whole(&REFRESH);
}

#[test]
fn starts_of_logins() {
    whole(&START);
}

#[test]
fn polls_of_logins() {
    whole(&POLL);
}

#[test]
fn revocations_of_logouts() {
    whole(&LOGOUT);
}

/// Two rows on their own, for whoever changes the table of outcomes.
fn alone(sheet: &Sheet, name: &str) {
    let found: Vec<Row> = rows().into_iter().filter(|row| row.name == name).collect();
    assert_eq!(found.len(), 1, "one row has this name");
    play(sheet, &found);
}

#[test]
fn a_503_is_no_end_of_a_session() {
    alone(&REFRESH, "503");
}

#[test]
fn a_wrong_client_is_not_asked_for_again_at_the_backoffs_pace() {
    alone(&REFRESH, "`invalid_client`");
}
