//! What of another machine's words may stand in a message.

/// The part of `text` that a person may see: printable ASCII, at most 200 characters, without anything that looks like
/// a token, and nothing at all where one of `secrets` shows in it.
pub(crate) fn words(text: &str, secrets: &[&str]) -> String {
    let text: String = text.chars().take(READ_MAX).collect();
    let printable: String =
        text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { ' ' }).collect();
    if secrets.iter().any(|secret| shows(&text, secret) || shows(&printable, secret)) {
        return String::new();
    }
    let cut = without_tokens(&printable);
    // All ASCII by now, so that characters are bytes.
    cut.get(..SHOWN_MAX).unwrap_or(&cut).trim().to_owned()
}

/// Whether the secret, or a good piece of it, stands in `text`.
fn shows(text: &str, secret: &str) -> bool {
    let secret = secret.trim();
    match secret.len() {
        0 => return false,
        // Too long to search for.
        SECRET_MAX.. => return true,
        _ => {}
    }
    let mut pieces = secret.as_bytes().windows(secret.len().min(PIECE));
    let text = text.as_bytes();
    pieces.any(|piece| text.windows(piece.len()).any(|window| window == piece))
}

/// `text` with each long run of a token's characters cut out.
fn without_tokens(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars().chain([' ']) {
        if is_token_character(c) {
            run.push(c);
            continue;
        }
        kept.push_str(if run.len() >= TOKEN_LIKE { "..." } else { &run });
        run.clear();
        kept.push(c);
    }
    kept
}

/// Those of base64 in both alphabets but for the slash, which addresses have.
fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '+' | '=' | '~')
}

/// Characters looked at.
const READ_MAX: usize = 1000;
/// Characters shown; Keycloak's longest description has about 120.
const SHOWN_MAX: usize = 200;
/// Characters in a row that no word has.
const TOKEN_LIKE: usize = 40;
/// Bytes; tokens are shorter, or no header would carry them.
const SECRET_MAX: usize = 16 * 1024;
/// Characters of a secret that are too many to show.
const PIECE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_words_stay_and_the_rest_is_cut() {
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.AAAA-BBBB_";
        for (text, shown) in [
            ("Session not active", "Session not active"),
            (
                "Expected 'https://keycloak.example.com/auth/realms/wallaroo'",
                "Expected 'https://keycloak.example.com/auth/realms/wallaroo'",
            ),
            ("a\nb\u{1b}[31mc", "a b [31mc"),
            (&format!("token {token} is bad"), "token ... is bad"),
            (token, "..."),
            (&"word ".repeat(100), "word ".repeat(40).trim()),
            ("", ""),
        ] {
            assert_eq!(words(text, &["", " "]), shown);
        }
    }

    #[test]
    fn a_secret_in_the_words_hides_them_all() {
        let secret = "short-but-secret-0123";
        for text in [
            "no session for short-but-secret-0123",
            "no session for short-but-secret-01",
            "ends on t-but-secret-0123",
        ] {
            assert_eq!(words(text, &["other", secret]), "");
        }
        assert_eq!(words("but-secret", &[secret]), "but-secret");
        assert_eq!(words("pin is 1234", &["1234"]), "");
    }

    #[test]
    fn a_secret_is_seen_as_it_was_sent_and_as_it_would_be_shown() {
        assert_eq!(words("not pässwort-geheim", &["pässwort-geheim"]), "");
        assert_eq!(words("not correct\thorse\nbattery", &["correct horse battery"]), "");
    }

    #[test]
    fn a_secret_that_is_too_long_to_search_for_hides_all_words() {
        for (length, shown) in [(16_383, "plain words"), (16_384, ""), (16_385, "")] {
            assert_eq!(words("plain words", &[&"x".repeat(length)]), shown, "{length}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_short_plain_and_free_of_the_secret(
            before in ".*", after in ".*", secret in "[!-~]{8,60}",
        ) {
            let shown = words(&format!("{before}{secret}{after}"), &[&secret]);
            prop_assert!(shown.len() <= SHOWN_MAX);
            prop_assert!(shown.chars().all(|c| c == ' ' || c.is_ascii_graphic()));
            prop_assert!(!shown.contains(&secret));
        }
    }
}
