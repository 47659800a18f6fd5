//! The pages for people: where a device login is approved or denied.

use axum::http::StatusCode;

use crate::answer::Reply;
use crate::device::Decision;
use crate::provider::{Provider, Request};

/// Asks for the code, or, where it is given, for the decision.
pub(crate) fn device(provider: &mut Provider, request: &Request<'_>) -> Reply {
    let Some(user_code) = request.parameter("user_code") else {
        return page(StatusCode::OK, "Connect a device", ENTER_CODE);
    };
    let users: String = provider
        .settings
        .users
        .iter()
        .filter(|user| !provider.disabled_users.contains(&user.username))
        .map(|user| {
            let name = escaped(&user.username);
            let email = user.email.as_deref().map(|email| format!(" ({})", escaped(email)));
            format!("<option value=\"{name}\">{name}{}</option>", email.unwrap_or_default())
        })
        .collect();
    let code = escaped(user_code);
    let form = format!(
        "<p>A program on your machine wants to sign in. Does it show this code?</p>\
         <p class=code>{code}</p>\
         <form method=post>\
         <input type=hidden name=user_code value=\"{code}\">\
         <label>Sign in as <select name=user>{users}</select></label>\
         <div class=buttons>\
         <button name=decision value=approve class=approve>Approve</button>\
         <button name=decision value=deny>Deny</button>\
         </div></form>"
    );
    page(StatusCode::OK, "Connect a device", &form)
}

/// Takes the decision.
pub(crate) fn decide(provider: &mut Provider, request: &Request<'_>) -> Reply {
    let user = request.parameter("user").unwrap_or_default();
    let (decision, title, text) = match request.parameter("decision") {
        Some("approve") => (
            Decision::Approve(user.into()),
            "Signed in",
            format!("<p>You are signed in as <b>{}</b>.</p>", escaped(user)),
        ),
        Some("deny") => (Decision::Deny, "Denied", "<p>The program was not signed in.</p>".into()),
        _ => return device(provider, request),
    };
    let Some(user_code) = request.parameter("user_code") else {
        return page(StatusCode::BAD_REQUEST, "Connect a device", ENTER_CODE);
    };
    match provider.decide(Some(user_code), decision, request.now) {
        Ok(()) => page(StatusCode::OK, title, &format!("{text}<p>You can close this page.</p>")),
        Err(error) => {
            let text = format!("<p>{}.</p>{ENTER_CODE}", escaped(&error.to_string()));
            page(StatusCode::BAD_REQUEST, "That did not work", &text)
        }
    }
}

fn page(status: StatusCode, title: &str, body: &str) -> Reply {
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style>\
         <main><h1>{title}</h1>{body}<footer>bearerd test identity provider</footer></main></html>"
    );
    Reply::html(status, html)
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => "&quot;".into(),
            '\'' => "&#39;".into(),
            other => other.to_string(),
        })
        .collect()
}

const ENTER_CODE: &str = "<form method=get><label>Code shown by the program \
    <input name=user_code autofocus autocomplete=off placeholder=XXXX-XXXX></label>\
    <div class=buttons><button class=approve>Continue</button></div></form>";

const STYLE: &str = "body{margin:0;font:16px/1.5 system-ui,sans-serif;background:#f2f4f7;color:#1d2733}\
    main{max-width:26rem;margin:12vh auto;padding:2rem;background:#fff;border:1px solid #d8dee6;border-radius:10px}\
    h1{margin-top:0;font-size:1.4rem}.code{font:600 1.8rem ui-monospace,monospace;letter-spacing:.1em;text-align:center}\
    .buttons{display:flex;gap:.8rem;margin-top:1.4rem}button,select,input{font:inherit;padding:.5rem .9rem;\
    border:1px solid #aab4c0;border-radius:6px;background:#fff}button{flex:1;cursor:pointer}\
    .approve{background:#1f6f43;border-color:#1f6f43;color:#fff}footer{margin-top:2rem;font-size:.8rem;color:#6b7785}";

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_came_from_outside_cannot_leave_its_place() {
        assert_eq!(escaped(r#""><b>&'"#), "&quot;&gt;&lt;b&gt;&amp;&#39;");
    }
}
