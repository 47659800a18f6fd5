//! The format under tables and random damage.

use super::*;
use crate::key::KEY_LEN;
use proptest::prelude::*;

fn key(fill: u8) -> Key {
    Key::from_bytes(Zeroizing::new([fill; KEY_LEN]))
}

fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}

fn sealed(session: &[u8]) -> Vec<u8> {
    seal(&name("wallaroo"), KeySource::KeyFile, &key(1), &[9; NONCE_LEN], session).unwrap()
}

fn open(file: &[u8], profile: &str, key: &Key) -> Result<SavedSession, UnreadableReason> {
    let profile = name(profile);
    Sealed::parse(file, &profile)?.open(&profile, key)
}

/// The file with its header line edited.
fn with_header(file: &[u8], edit: impl Fn(&str) -> String) -> Vec<u8> {
    let end = file.iter().position(|&byte| byte == b'\n').unwrap();
    let header = edit(std::str::from_utf8(&file[..end]).unwrap());
    [header.as_bytes(), &file[end..]].concat()
}

#[test]
fn the_header_is_one_readable_line_and_the_rest_is_not() {
    let file = sealed(b"refresh-token-value");
    let expected = format!(
        r#"{{"bearerd":"sealed-session","version":1,"profile":"wallaroo","key_source":"key-file","key_id":"{}","sealed_bytes":59}}"#,
        key(1).id()
    );
    assert!(file.starts_with(format!("{expected}\n").as_bytes()));
    assert!(!file.windows(7).any(|window| window == b"refresh"));
    assert!(file.len() < HEADER_MAX + 59);
}

#[test]
fn what_is_wrong_is_told_apart() {
    use UnreadableReason as Reason;
    let file = sealed(b"session");
    let open = |file: &[u8]| open(file, "wallaroo", &key(1)).unwrap_err();

    for torn in [&file[..0], &file[..1], &file[..40], &file[..100], &file[..file.len() - 1]] {
        assert!(matches!(open(torn), Reason::Torn { found } if found == torn.len()));
    }
    assert!(matches!(open(&[0; 4096]), Reason::Torn { .. }));
    for foreign in [b"hello\n".as_slice(), b"{}\n", b"hello", &[b'x'; 5000], b"\n"] {
        assert!(matches!(open(foreign), Reason::Foreign), "{foreign:?}");
    }
    let longer = [file.as_slice(), b"x"].concat();
    assert!(matches!(open(&longer), Reason::Tampered));

    let newer = with_header(&file, |_| {
        r#"{"bearerd":"sealed-session","version":2,"key":{"from":"elsewhere"}}"#.into()
    });
    assert!(matches!(open(&newer), Reason::NewerVersion { found: 2, known: 1 }));
    let elder = with_header(&file, |header| header.replace(r#""version":1"#, r#""version":0"#));
    assert!(matches!(open(&elder), Reason::Tampered));
    let strange = with_header(&file, |header| header.replace("key-file", r"tpm\u001b[1m"));
    assert!(
        matches!(open(&strange), Reason::UnknownKeySource { named } if named == r"tpm\u{1b}[1m")
    );
    let spaced = with_header(&file, |header| header.replace(r#","version""#, r#", "version""#));
    assert!(matches!(open(&spaced), Reason::Tampered), "the header is sealed as it stands");
}

#[test]
fn a_file_under_another_profiles_name_does_not_open() {
    let file = sealed(b"session");
    let moved = open(&file, "other", &key(1)).unwrap_err();
    assert!(
        matches!(&moved, UnreadableReason::OtherProfile { named } if named == "wallaroo"),
        "{moved}"
    );
    let renamed = with_header(&file, |header| header.replace(r#""wallaroo""#, r#""other""#));
    assert!(matches!(open(&renamed, "other", &key(1)), Err(UnreadableReason::Tampered)));
}

#[test]
fn the_name_is_sealed_even_where_the_header_is_believed() {
    let file = sealed(b"session");
    let parsed = Sealed::parse(&file, &name("wallaroo")).unwrap();
    assert!(matches!(parsed.open(&name("other"), &key(1)), Err(UnreadableReason::Tampered)));
}

#[test]
fn another_key_is_named_with_both_fingerprints() {
    let error = open(&sealed(b"session"), "wallaroo", &key(2)).unwrap_err().to_string();
    assert!(error.contains(&key(1).id().to_string()), "{error}");
    assert!(error.contains(&key(2).id().to_string()), "{error}");
}

#[test]
fn the_size_has_a_limit_that_a_sealed_file_keeps() {
    let profile = name(&"n".repeat(64));
    let seal =
        |length| seal(&profile, KeySource::KeyFile, &key(1), &[0; NONCE_LEN], &vec![0; length]);
    let largest = seal(SESSION_MAX).unwrap();
    assert!(largest.len() <= FILE_MAX);
    assert_eq!(HEADER_MAX + NONCE_LEN + SESSION_MAX + TAG_LEN, FILE_MAX);
    assert!(matches!(seal(SESSION_MAX + 1), Err(NotSavedReason::TooLarge { .. })));
}

#[test]
fn debug_shows_no_session() {
    let session = open(&sealed(b"refresh-token-value"), "wallaroo", &key(1)).unwrap();
    assert_eq!(session.expose(), b"refresh-token-value");
    assert_eq!(format!("{session:?}"), "REDACTED");
}

proptest! {
    #[test]
    fn what_is_sealed_opens(
        profile in "[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
        secret in any::<[u8; KEY_LEN]>(),
        nonce in any::<[u8; NONCE_LEN]>(),
        session in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        let key = Key::from_bytes(Zeroizing::new(secret));
        let file = seal(&name(&profile), KeySource::KeyFile, &key, &nonce, &session).unwrap();
        let opened = open(&file, &profile, &key).unwrap();
        prop_assert_eq!(opened.expose(), session.as_slice());
    }

    #[test]
    fn a_changed_byte_is_an_error(
        session in proptest::collection::vec(any::<u8>(), 0..200),
        position in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let mut file = sealed(&session);
        let position = position.index(file.len());
        file[position] ^= flip;
        prop_assert!(open(&file, "wallaroo", &key(1)).is_err());
    }

    #[test]
    fn a_cut_is_an_error(
        session in proptest::collection::vec(any::<u8>(), 0..200),
        cut in any::<prop::sample::Index>(),
    ) {
        let file = sealed(&session);
        let opened = open(&file[..cut.index(file.len())], "wallaroo", &key(1));
        let torn = matches!(opened, Err(UnreadableReason::Torn { .. }));
        prop_assert!(torn, "{:?}", opened);
    }

    #[test]
    fn anything_is_an_error_and_never_a_panic(
        head in prop_oneof![Just(Vec::new()), Just(MAGIC.to_vec()), Just(sealed(b"x")[..100].to_vec())],
        tail in proptest::collection::vec(any::<u8>(), 0..3000),
    ) {
        prop_assert!(open(&[head, tail].concat(), "wallaroo", &key(1)).is_err());
    }
}

#[test]
fn a_length_that_the_header_does_not_tell_is_seen_without_the_key() {
    let parse = |file: &[u8]| Sealed::parse(file, &name("wallaroo")).map(drop);
    let file = sealed(b"session");
    let longer = [file.as_slice(), b"x"].concat();
    assert!(matches!(parse(&longer), Err(UnreadableReason::Tampered)));
    // Shorter than nonce and tag, and the header says so.
    let short = with_header(&sealed(b""), |header| {
        header.replace(r#""sealed_bytes":40"#, r#""sealed_bytes":39"#)
    });
    let short = &short[..short.len() - 1];
    assert!(matches!(parse(short), Err(UnreadableReason::Tampered)));
    assert_eq!(open(&sealed(b""), "wallaroo", &key(1)).unwrap().expose(), b"");
}

#[test]
fn a_version_before_the_first_is_none() {
    let whole = sealed(b"session");
    let elder = with_header(&whole, |header| header.replace(r#""version":1"#, r#""version":0"#));
    assert!(matches!(Sealed::parse(&elder, &name("wallaroo")), Err(UnreadableReason::Tampered)));
}
