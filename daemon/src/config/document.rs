//! The TOML document with the place of everything in it: typed reads that say where a wrong type stands.

use super::error::Fault;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table of the document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'d> {
    table: &'d DeTable<'d>,
    /// Where its header stands.
    pub(super) at: usize,
}

/// A key as it stands in the document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'d> {
    pub(super) name: &'d str,
    pub(super) at: usize,
}

/// A string under its key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'d> {
    pub(super) key: &'d str,
    pub(super) value: &'d str,
    at: usize,
}

/// Reads `text` as TOML.
pub(super) fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, Fault> {
    DeTable::parse(text).map_err(|error| {
        // The message is made of the grammar's words alone; the error's own Display would quote the line.
        let span = error.span().unwrap_or_default();
        match (error.message(), text.get(span.clone())) {
            ("duplicate key", Some(key)) => Fault::new(
                span.start,
                format!("{} is written twice", quoted(key)),
                "remove one of the two",
            ),
            (message, _) => Fault::new(
                span.start,
                format!("this is not TOML: {message}"),
                "write `key = \"value\"` lines below a `[profile.NAME]` header",
            ),
        }
    })
}

impl<'d> Section<'d> {
    /// The whole document.
    pub(super) fn root(document: &'d Spanned<DeTable<'d>>) -> Self {
        Self { table: document.get_ref(), at: 0 }
    }

    /// The keys in the order of the file, so that the first fault is the one that is told.
    pub(super) fn keys(self) -> Vec<Key<'d>> {
        let mut keys: Vec<_> = self
            .table
            .keys()
            .map(|key| Key { name: key.get_ref(), at: key.span().start })
            .collect();
        keys.sort_by_key(|key| key.at);
        keys
    }

    /// Where the value under `key` stands.
    pub(super) fn place_of(self, key: &str) -> Option<usize> {
        self.table.get(key).map(|value| value.span().start)
    }

    pub(super) fn table(self, key: &'static str, form: &str) -> Result<Option<Section<'d>>, Fault> {
        self.read(key, "a table", form, |at, value| {
            value.as_table().map(|table| Section { table, at })
        })
    }

    /// The tables in this one, in the order of the file, each under its name.
    pub(super) fn tables(self, form: &str) -> Result<Vec<(Key<'d>, Section<'d>)>, Fault> {
        let table_under = |key: Key<'d>| {
            let value = self.table.get(key.name).map(Spanned::get_ref);
            match value.and_then(DeValue::as_table) {
                Some(table) => Ok((key, Section { table, at: key.at })),
                None => Err(wrong_type(key, "a table", value, form)),
            }
        };
        self.keys().into_iter().map(table_under).collect()
    }

    pub(super) fn text(self, key: &'static str) -> Result<Option<Text<'d>>, Fault> {
        self.read(key, "a string", &format!("write `{key} = \"...\"`"), |at, value| {
            value.as_str().map(|value| Text { key, value, at })
        })
    }

    pub(super) fn flag(self, key: &'static str) -> Result<bool, Fault> {
        let form = format!("write `{key} = true`, or leave it out");
        Ok(self.read(key, "true or false", &form, |_, value| value.as_bool())?.unwrap_or(false))
    }

    /// The strings of an array, each with its own place.
    pub(super) fn texts(
        self,
        key: &'static str,
        form: &str,
    ) -> Result<Option<Vec<Text<'d>>>, Fault> {
        self.read(key, "an array of strings", form, |_, value| {
            let text = |item: &'d Spanned<DeValue<'d>>| {
                let at = item.span().start;
                item.get_ref().as_str().map(|value| Text { key, value, at })
            };
            value.as_array()?.iter().map(text).collect()
        })
    }

    /// Every key of this table with its string.
    pub(super) fn all_texts(self, form: &str) -> Result<Vec<(Key<'d>, Text<'d>)>, Fault> {
        self.keys().into_iter().map(|key| Ok((key, self.text_under(key, form)?))).collect()
    }

    /// The string under a key that is there.
    pub(super) fn text_under(self, key: Key<'d>, form: &str) -> Result<Text<'d>, Fault> {
        let value = self.table.get(key.name);
        match value.and_then(|value| value.get_ref().as_str().zip(Some(value.span().start))) {
            Some((text, at)) => Ok(Text { key: key.name, value: text, at }),
            None => Err(wrong_type(key, "a string", value.map(Spanned::get_ref), form)),
        }
    }

    /// The table under `key`; `None` where something else stands there, or nothing.
    pub(super) fn table_if_one(self, key: &str) -> Option<Section<'d>> {
        let value = self.table.get(key)?;
        let at = value.span().start;
        value.get_ref().as_table().map(|table| Section { table, at })
    }

    /// The value under `key` as `take` makes it, or the fault that it is not `kind`.
    pub(super) fn read<T>(
        self,
        key: &'static str,
        kind: &str,
        form: &str,
        take: impl FnOnce(usize, &'d DeValue<'d>) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let at = value.span().start;
        match take(at, value.get_ref()) {
            Some(taken) => Ok(Some(taken)),
            None => Err(wrong_type(Key { name: key, at }, kind, Some(value.get_ref()), form)),
        }
    }
}

impl<'d> Text<'d> {
    pub(super) fn new(key: &'d str, value: &'d str, at: usize) -> Self {
        Self { key, value, at }
    }

    /// What is wrong with this string.
    pub(super) fn fault(self, reason: impl Into<String>, mend: impl Into<String>) -> Fault {
        Fault::new(self.at, reason, mend)
    }
}

/// A key's name for a message: escaped, so that the message stays one line, and short.
pub(super) fn quoted(name: &str) -> String {
    let escaped: String =
        name.trim_matches(['"', '\'']).escape_debug().take(NAME_SHOWN + 1).collect();
    match escaped.char_indices().nth(NAME_SHOWN) {
        Some((end, _)) => format!("`{}…`", &escaped[..end]),
        None => format!("`{escaped}`"),
    }
}

/// Characters of a key's name that a message shows; the longest key that there is has 26.
const NAME_SHOWN: usize = 40;

fn wrong_type(key: Key<'_>, kind: &str, value: Option<&DeValue<'_>>, form: &str) -> Fault {
    let reason = match value.map(|value| (value.type_str(), article(value))) {
        // An array of strings with something else in it.
        Some(("array", _)) if kind.starts_with("an array") => {
            format!("{} must be {kind} and holds something else", quoted(key.name))
        }
        Some((found, article)) => {
            format!("{} must be {kind}, not {article} {found}", quoted(key.name))
        }
        None => format!("{} must be {kind}", quoted(key.name)),
    };
    Fault::new(key.at, reason, form)
}

fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Integer(_) | DeValue::Array(_) => "an",
        _ => "a",
    }
}
