//! Answers that give nothing, case by case.

use super::*;

/// Status, body, kind and message of each case; an empty line in between, `#` starts a comment.
const CASES: &str = include_str!("failures.txt");

#[test]
fn each_answer_that_gives_nothing_has_its_kind_and_its_words() {
    let lines = CASES.lines().filter(|line| !line.starts_with('#'));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let cases: Vec<_> = text.split("\n\n").filter(|case| !case.trim().is_empty()).collect();
    assert!(cases.len() > 30, "the cases are there");
    for case in cases {
        let mut lines = case.trim().lines();
        let mut line = || lines.next().expect(case);
        let (head, kind, message) = (line(), line(), line());
        let (status, body) = head.split_once(' ').unwrap_or((head, ""));
        let failure = failure(&answer(status.parse().expect(case), body));
        assert_eq!(cause(&failure), kind, "{case}");
        assert_eq!(failure.message, format!("`idp.example.com` answered {message}"), "{case}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_date_against_the_answers_own() {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (value, date, seconds) in [
        ("0", None, Some(0)),
        (" 120 ", None, Some(120)),
        ("99999999999999999999", None, Some(u64::MAX)),
        ("Sun, 06 Nov 1994 08:50:37 GMT", Some(date), Some(60)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", Some(date), Some(0)),
        ("Sun, 06 Nov 1994 08:50:37 GMT", None, None),
        ("-1", None, None),
        ("1.5", None, None),
        ("soon", Some(date), None),
        ("", None, None),
    ] {
        let answer = HttpAnswer {
            retry_after: Some(value.into()),
            date: date.map(str::to_owned),
            ..answer(503, "")
        };
        let expected = seconds.map(Duration::from_secs);
        assert_eq!(failure(&answer).retry_after, expected, "{value:?} {date:?}");
    }
}

#[test]
fn a_body_that_did_not_come_whole_is_lost_only_where_it_was_a_success() {
    for (status, kind) in [(200, "Lost"), (400, "Later"), (503, "Later"), (404, "WrongPlace")] {
        let answer = HttpAnswer { body: Err("its body broke off".into()), ..answer(status, "") };
        let failure = failure(&answer);
        assert_eq!(cause(&failure), kind, "{status}");
        assert!(failure.message.contains(", but its body broke off"), "{}", failure.message);
    }
}

#[test]
fn a_redirect_names_its_host_and_no_more() {
    for (location, host) in [
        (Some(format!("https://login.example.com/x?token={SENT}")), " to `login.example.com`"),
        (Some(format!("https://{SENT}/x")), ""),
        (Some("/elsewhere".into()), ""),
        (None, ""),
    ] {
        let answer = HttpAnswer {
            location: location.clone(),
            body: Err("its body was not read".into()),
            ..answer(302, "")
        };
        let failure = failure(&answer);
        assert_eq!(cause(&failure), "Unusable", "{location:?}");
        let expected = format!(
            "`idp.example.com` answered HTTP 302, a redirect{host}, and redirects are not \
             followed: configure the address that the IdP answers at itself"
        );
        assert_eq!(failure.message, expected, "{location:?}");
    }
}

#[test]
fn a_refused_grant_names_what_would_mend_it_where_something_would() {
    let refused = json_answer(400, &json!({"error": "invalid_grant"}));
    for (grant, said) in [("", ""), ("`password_file`", " (check `password_file`)")] {
        let mends = Mends { grant, ..MENDS };
        let asked = Asked { host: "idp.example.com", secrets: &[], mends };
        let Err(failure) = refused.token(asked) else { panic!("it is refused") };
        assert!(
            failure.message.ends_with(&format!("`invalid_grant`{said}")),
            "{}",
            failure.message
        );
    }
}
