//! Survivors against the list of those that are accepted: what is new, and what is listed for nothing.

use super::accepted::Accepted;
use super::trial::{End, Tried};

/// What the list and the run say of each other.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// They survived, and no sentence says why.
    pub(crate) unlisted: Vec<Tried>,
    /// They are listed, and did not survive or do not exist any more.
    pub(crate) stale: Vec<Accepted>,
}

impl Verdict {
    /// Compares; of the list counts what `mutated` says of an entry's file. Two mutants of one name in one file need
    /// two entries.
    pub(crate) fn of(
        tried: &[Tried],
        accepted: &[Accepted],
        mutated: impl Fn(&str) -> bool,
    ) -> Self {
        let mut stale: Vec<Accepted> =
            accepted.iter().filter(|entry| mutated(&entry.file)).cloned().collect();
        let mut unlisted = Vec::new();
        for survivor in tried.iter().filter(|tried| tried.end == End::Survived) {
            let entry = stale
                .iter()
                .position(|it| it.file == survivor.file && it.mutant == survivor.mutant);
            match entry {
                Some(found) => drop(stale.remove(found)),
                None => unlisted.push(survivor.clone()),
            }
        }
        Self { unlisted, stale }
    }

    pub(crate) fn is_well(&self) -> bool {
        self.unlisted.is_empty() && self.stale.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(mutant: &str, end: End) -> Tried {
        let (file, place) = ("a.rs".to_owned(), "1:1".to_owned());
        Tried { file, place, mutant: mutant.to_owned(), end }
    }

    fn listed(file: &str, mutant: &str) -> Accepted {
        let why = "It is the same.".to_owned();
        Accepted { file: file.to_owned(), mutant: mutant.to_owned(), why }
    }

    fn found(tried: &[Tried], list: &[Accepted]) -> (Vec<String>, Vec<String>) {
        let verdict = Verdict::of(tried, list, |file| file == "a.rs");
        (
            verdict.unlisted.into_iter().map(|it| it.mutant).collect(),
            verdict.stale.into_iter().map(|it| it.mutant).collect(),
        )
    }

    #[test]
    fn a_survivor_needs_its_entry_and_an_entry_its_survivor() {
        let run = [tried("m", End::Survived), tried("n", End::Caught), tried("o", End::TimedOut)];
        let none: Vec<String> = Vec::new();
        assert_eq!(found(&run, &[]), (vec!["m".to_owned()], none.clone()));
        assert_eq!(found(&run, &[listed("a.rs", "m")]), (none.clone(), none.clone()));
        for gone in ["n", "o", "no such"] {
            let list = [listed("a.rs", "m"), listed("a.rs", gone)];
            assert_eq!(found(&run, &list), (none.clone(), vec![gone.to_owned()]));
        }
        assert_eq!(found(&run, &[listed("a.rs", "m"), listed("b.rs", "m")]), (none.clone(), none));
    }

    #[test]
    fn two_of_one_name_need_two_entries() {
        let twice = [tried("m", End::Survived), tried("m", End::Survived)];
        assert_eq!(found(&twice, &[listed("a.rs", "m")]).0, ["m"]);
        let once = [tried("m", End::Survived), tried("m", End::Caught)];
        assert_eq!(found(&once, &[listed("a.rs", "m"), listed("a.rs", "m")]).1, ["m"]);
    }
}
