//! How long an identity provider takes a used refresh token once more: seconds, or a number with its unit.

use super::document::Section;
use super::error::Fault;
use std::time::Duration;
use toml::de::DeValue;

pub(super) fn read(profile: Section<'_>) -> Result<Option<Duration>, Fault> {
    let kind = "a number of seconds or a string like \"30s\"";
    let seconds = profile.read(KEY, kind, FORM, |at, value| match value {
        // An integer out of range is out of ours, too.
        DeValue::Integer(integer) => {
            Some((at, u64::from_str_radix(integer.as_str(), integer.radix()).ok()))
        }
        DeValue::String(text) => Some((at, seconds_of(text))),
        _ => None,
    })?;
    match seconds {
        None => Ok(None),
        Some((_, Some(seconds))) if (1..=LONGEST).contains(&seconds) => {
            Ok(Some(Duration::from_secs(seconds)))
        }
        Some((at, _)) => Err(Fault::new(
            at,
            format!("`{KEY}` is not a time between one second and one day"),
            format!("{FORM}; left out, a lost refresh is not sent again at once"),
        )),
    }
}

/// `30s`, `5m` or `1h`.
fn seconds_of(text: &str) -> Option<u64> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[number.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

const KEY: &str = "reuse_window";

const FORM: &str = "write it as in `reuse_window = 30` or `reuse_window = \"30s\"` (`s`, `m`, `h`)";

/// Seconds. Providers that have such a window mean a network's hiccup, so a day is a slip.
const LONGEST: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::seconds_of;

    #[test]
    fn a_number_and_its_unit_make_seconds() {
        for (text, seconds) in [("30s", Some(30)), ("5m", Some(300)), ("1h", Some(3600))] {
            assert_eq!(seconds_of(text), seconds, "{text}");
        }
        for text in ["", "s", "30", "30 s", "-1s", "1.5m", "30ms", "30S", "99999999999999999h", "ö"]
        {
            assert_eq!(seconds_of(text), None, "{text}");
        }
    }
}
