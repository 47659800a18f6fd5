//! What one cell came to, and playing many of them side by side.

use crate::rows::Row;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The columns of one cell, and what was measured beside them.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    pub(crate) shown: Vec<String>,
    /// How long the caller waited, in seconds.
    pub(crate) waited: String,
}

impl Cells {
    pub(crate) fn of<const N: usize>(shown: [String; N]) -> Self {
        Self { shown: shown.to_vec(), waited: "–".to_owned() }
    }

    /// Where the fault has no meaning.
    pub(crate) fn nothing(columns: usize) -> Self {
        Self { shown: vec!["–".to_owned(); columns], waited: "–".to_owned() }
    }

    pub(crate) fn timed(self, waited: String) -> Self {
        Self { waited, ..self }
    }
}

/// One kind of request: how its cells are played, and what they must show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sheet {
    pub(crate) title: &'static str,
    /// The columns with a valid token, those without, and the two that are measured.
    pub(crate) columns: &'static [&'static str],
    pub(crate) play: fn(&Row, bool) -> Cells,
    pub(crate) expected: fn(&Row, bool) -> Vec<String>,
}

/// A row that was played.
#[derive(Debug, Clone)]
pub(crate) struct Played {
    pub(crate) row: Row,
    pub(crate) valid: Cells,
    pub(crate) none: Cells,
    pub(crate) took: Duration,
}

/// Sheet, row, and whether there is a valid token.
type Key = (&'static str, &'static str, bool);

/// Cells that came out right, and how long each took: none is played twice.
static PLAYED: Mutex<BTreeMap<Key, (Cells, Duration)>> = Mutex::new(BTreeMap::new());

/// Most of a cell's time is waiting.
const AT_ONCE: usize = 32;

/// Plays the rows of a sheet side by side.
///
/// # Panics
/// Where a cell does not show what it must, with all that do not.
pub(crate) fn play(sheet: &Sheet, rows: &[Row]) -> Vec<Played> {
    // Whoever has it has the machine for itself: two sheets at once would only make each other late.
    let mut played = PLAYED.lock().unwrap_or_else(PoisonError::into_inner);
    let key = |row: usize, valid: bool| (sheet.title, rows[row].name, valid);
    let mut orders: Vec<(usize, bool)> =
        (0..rows.len()).flat_map(|row| [(row, true), (row, false)]).collect();
    orders.retain(|(row, valid)| !played.contains_key(&key(*row, *valid)));
    // The longest first.
    orders.sort_by_key(|(row, _)| rows[*row].lasts.is_short());
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(orders.len()) {
            scope.spawn(|| {
                while let Some(&(row, valid)) = orders.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let began = Instant::now();
                    let cells = catch_unwind(AssertUnwindSafe(|| (sheet.play)(&rows[row], valid)));
                    done.lock().unwrap().push((row, valid, cells.ok(), began.elapsed()));
                }
            });
        }
    });
    let done = done.into_inner().unwrap();
    let wrong: Vec<String> = done
        .iter()
        .filter_map(|(row, valid, cells, _)| {
            let expected = (sheet.expected)(&rows[*row], *valid);
            let name = format!("{}: {}, {}", sheet.title, rows[*row].name, word(*valid));
            match cells {
                None => Some(format!("{name}: failed, see above")),
                Some(cells) if cells.shown != expected => {
                    Some(format!("{name}:\n    is     {:?}\n    has to {expected:?}", cells.shown))
                }
                Some(_) => None,
            }
        })
        .collect();
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    for (row, valid, cells, took) in done {
        played.insert(key(row, valid), (cells.unwrap(), took));
    }
    let of = |row: usize, valid: bool| played[&key(row, valid)].clone();
    let rows = rows.iter().enumerate().map(|(index, row)| {
        let ((valid, one), (none, other)) = (of(index, true), of(index, false));
        Played { row: row.clone(), valid, none, took: one.max(other) }
    });
    rows.collect()
}

fn word(valid: bool) -> &'static str {
    if valid { "with a valid token" } else { "without one" }
}

pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}
