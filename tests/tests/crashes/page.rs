//! `docs/crashes.md`: written by a long run that is told to, held to its shape by every other one.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Puts `text` in the place of this section, or demands that it differs from it in numbers alone.
///
/// # Panics
/// Where it does not, or where a selection was to be written down as if it were all.
pub(crate) fn section(name: &str, text: &str) {
    static WRITING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    println!("{text}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/crashes.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = page.split_once(&start).expect("the section begins");
    let (stands, after) = rest.split_once(&end).expect("the section ends");
    if std::env::var_os("BEARERD_BLESS").is_some() {
        assert!(crate::is_long(), "only a run with BEARERD_CRASHES=long is written down");
        std::fs::write(&path, format!("{before}{start}\n{text}\n{end}{after}")).unwrap();
        return;
    }
    let (stands, seen) = (shape(stands), shape(text));
    let other = stands.lines().zip(seen.lines()).find(|(stands, seen)| stands != seen);
    assert!(
        stands == seen,
        "docs/crashes.md says otherwise ({other:?} first): look at the difference, and if it is meant write it down by \
         `BEARERD_BLESS=1 BEARERD_CRASHES=long cargo test -p bearerd-tests --features crashes --test crashes`"
    );
}

/// A count that has to be what it is: a page with another one has another shape.
pub(crate) fn demanded(count: usize) -> String {
    format!("**{count}**")
}

/// All but the numbers that are chance.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    for (at, part) in text.trim().split("**").enumerate() {
        // Each second part stands between the stars.
        let is_demanded = at % 2 == 1;
        shape.push_str("**");
        for letter in part.chars() {
            let letter = if letter.is_ascii_digit() && !is_demanded { '#' } else { letter };
            if letter != '#' || !shape.ends_with('#') {
                shape.push(letter);
            }
        }
    }
    shape
}

#[test]
fn a_number_that_is_demanded_is_part_of_the_shape() {
    assert_eq!(shape("lost: **0**, killed 1000 times"), shape("lost: **0**, killed 17 times"));
    assert_ne!(shape("lost: **0**, killed 17 times"), shape("lost: **17**, killed 17 times"));
    assert_eq!(demanded(17), "**17**");
}
