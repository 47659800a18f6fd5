//! Times in the configuration: seconds, or a number with its unit.

use super::document::Section;
use super::error::Fault;
use std::time::Duration;
use toml::de::DeValue;

/// What a key with a time says of itself.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) key: &'static str,
    /// How it is written, for a message.
    pub(super) example: &'static str,
    /// Seconds.
    pub(super) longest: u64,
    /// `longest` in words.
    pub(super) longest_words: &'static str,
    /// What holds without it.
    pub(super) left_out: &'static str,
}

pub(super) fn read(profile: Section<'_>, form: &Form) -> Result<Option<Duration>, Fault> {
    let Form { key, example, longest, longest_words, left_out } = form;
    let kind = format!("a number of seconds or a string like \"{example}\"");
    let how = format!("write it as in `{key} = \"{example}\"` (`s`, `m`, `h`, `d`), or in seconds");
    let seconds = profile.read(key, &kind, &how, |at, value| match value {
        // An integer out of range is out of ours, too.
        DeValue::Integer(integer) => {
            Some((at, u64::from_str_radix(integer.as_str(), integer.radix()).ok()))
        }
        DeValue::String(text) => Some((at, seconds_of(text))),
        _ => None,
    })?;
    match seconds {
        None => Ok(None),
        Some((_, Some(seconds))) if (1..=*longest).contains(&seconds) => {
            Ok(Some(Duration::from_secs(seconds)))
        }
        Some((at, _)) => Err(Fault::new(
            at,
            format!("`{key}` is not a time between one second and {longest_words}"),
            format!("{how}; left out, {left_out}"),
        )),
    }
}

/// `30s`, `5m`, `1h` or `7d`.
fn seconds_of(text: &str) -> Option<u64> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[number.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// How long an identity provider takes a used refresh token once more.
pub(super) const REUSE_WINDOW: Form = Form {
    key: "reuse_window",
    example: "30s",
    // Providers that have such a window mean a network's hiccup, so more than a day is a slip.
    longest: 24 * 60 * 60,
    longest_words: "one day",
    left_out: "a lost refresh is not sent again at once",
};

/// How long after its login a session is forgotten.
pub(super) const LIFETIME: Form = Form {
    key: "lifetime",
    example: "8h",
    longest: 10 * 365 * 24 * 60 * 60,
    longest_words: "ten years",
    left_out: "a session lives as long as its provider lets it",
};

#[cfg(test)]
mod tests {
    use super::seconds_of;

    #[test]
    fn a_number_and_its_unit_make_seconds() {
        for (text, seconds) in
            [("30s", Some(30)), ("5m", Some(300)), ("1h", Some(3600)), ("7d", Some(604_800))]
        {
            assert_eq!(seconds_of(text), seconds, "{text}");
        }
        for text in ["", "s", "30", "30 s", "-1s", "1.5m", "30ms", "30S", "99999999999999999h", "ö"]
        {
            assert_eq!(seconds_of(text), None, "{text}");
        }
    }
}
