//! Answers of the device authorization endpoint and of the revocation endpoint.

use super::*;

#[test]
fn device_authorizations_are_read_with_their_defaults() {
    let good = json!({
        "device_code": "d", "user_code": "ABCD-EFGH", "verification_uri": "https://idp/device",
        "verification_uri_complete": "https://idp/device?user_code=ABCD-EFGH",
        "expires_in": 600, "interval": 7,
    });
    let asked = Asked { host: "idp", secrets: &[], mends: MENDS };
    let read = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        json_answer(200, &body).device(asked)
    };
    let device = |name: &str, value: Value| match read(name, value.clone()) {
        Ok(device) => device,
        Err(failure) => panic!("{name} {value}: {failure:?}"),
    };

    let whole = device("x", json!(1));
    assert_eq!(whole.device_code.expose(), "d");
    assert_eq!(whole.user_code, "ABCD-EFGH");
    assert_eq!(whole.verification_uri, "https://idp/device");
    let complete = Some("https://idp/device?user_code=ABCD-EFGH");
    assert_eq!(whole.verification_uri_complete.as_deref(), complete);
    assert_eq!((whole.lifetime.as_secs(), whole.interval.as_secs()), (600, 7));

    for (value, seconds) in
        [(json!(null), 5), (json!("3"), 3), (json!(0), 1), (json!(-1), 1), (json!(2.5), 2)]
    {
        assert_eq!(device("interval", value.clone()).interval.as_secs(), seconds, "{value}");
    }
    assert_eq!(device("expires_in", json!(null)).lifetime.as_secs(), 600);
    for link in [json!(null), json!("javascript:alert(1)"), json!("https://idp/\u{1b}[2J")] {
        let device = device("verification_uri_complete", link.clone());
        assert_eq!(device.verification_uri_complete, None, "{link}");
    }

    for (name, value, reason) in [
        ("device_code", json!(null), "without a `device_code`"),
        ("user_code", json!(null), "without a `user_code`"),
        ("user_code", json!("\u{1b}[2J"), "with a `user_code` that nobody can type"),
        ("verification_uri", json!(null), "without a `verification_uri` that a browser can open"),
        (
            "verification_uri",
            json!("file:///x"),
            "without a `verification_uri` that a browser can open",
        ),
        ("expires_in", json!(0), "with a code whose time is over already"),
        ("error", json!("oops"), "with an error, `oops`"),
    ] {
        match read(name, value.clone()) {
            Err(failure) => {
                assert_eq!(cause(&failure), "Unusable", "{name} {value}");
                assert_eq!(failure.message, format!("`idp` answered HTTP 200 {reason}"));
            }
            Ok(device) => panic!("{name} {value}: {device:?}"),
        }
    }
}

#[test]
fn a_revocation_is_done_by_any_success() {
    let dead = json!({"error": "invalid_token", "error_description": "Invalid token"}).to_string();
    let asked = Asked { host: "idp", secrets: &[], mends: MENDS };
    for body in ["", "<html>", &dead] {
        assert!(answer(200, body).revocation(asked).is_ok(), "{body}");
    }
    for (status, body, kind) in [
        (400, json!({"error": "invalid_request"}), "InvalidRequest"),
        (503, json!({}), "Later"),
        (404, json!({}), "WrongPlace"),
    ] {
        match json_answer(status, &body).revocation(asked) {
            Err(failure) => assert_eq!(cause(&failure), kind, "{status}"),
            Ok(()) => panic!("{status}"),
        }
    }
}
