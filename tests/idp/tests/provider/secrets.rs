//! Clients with a secret: where it is taken, and where not.

use bearerd_test_idp::{Authentication, Client, Settings, TestIdp};
use serde_json::Value;

use crate::client::{assert_refused, http, post};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
/// Everything that form-encoding and Basic could trip over.
const SECRET: &str = "p%20a:s+s wörd&=";

async fn by_header(idp: &TestIdp, id: &str, secret: &str) -> (u16, Value) {
    let encoded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let request = http().post(idp.token_endpoint()).basic_auth(encoded(id), Some(encoded(secret)));
    let response = request.form(&[GRANT]).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn by_form(idp: &TestIdp, id: &str, secret: &str) -> (u16, Value) {
    post(&idp.token_endpoint(), &[GRANT, ("client_id", id), ("client_secret", secret)]).await
}

#[tokio::test]
async fn a_secret_is_taken_where_its_client_has_it() {
    let idp = TestIdp::start(Settings::default());
    for (authentication, header, form) in [
        (Authentication::Secret(SECRET.into()), 200, 200),
        (Authentication::SecretBasic(SECRET.into()), 200, 401),
        (Authentication::SecretPost(SECRET.into()), 401, 200),
        (Authentication::SecretJwt(SECRET.into()), 401, 401),
    ] {
        idp.register(Client::new("a b:c", authentication.clone()));
        let statuses =
            (by_header(&idp, "a b:c", SECRET).await.0, by_form(&idp, "a b:c", SECRET).await.0);
        assert_eq!(statuses, (header, form), "{authentication:?}");
        let wrong = by_header(&idp, "a b:c", "wrong").await;
        assert_refused(&wrong, 401, "unauthorized_client", "Invalid client");
        assert!(!format!("{:?}", idp.settings()).contains(SECRET));
    }
    assert!(idp.issued_secrets().iter().any(|secret| secret == SECRET));
    let ways: Vec<_> = idp.calls()[..2].iter().map(|call| call.authentication).collect();
    assert_eq!(ways, ["client_secret_basic", "client_secret_post"]);
}

#[tokio::test]
async fn a_client_gets_another_secret_or_shows_two() {
    let idp = TestIdp::start(Settings::default());
    idp.register(Client::new("service-client", Authentication::Secret("another".into())));
    let old = by_form(&idp, "service-client", "service-secret").await;
    assert_refused(&old, 401, "unauthorized_client", "");
    assert_eq!(by_form(&idp, "service-client", "another").await.0, 200);

    let both = http().post(idp.token_endpoint()).basic_auth("service-client", Some("another"));
    let both = both.form(&[GRANT, ("client_secret", "another")]).send().await.unwrap();
    let both = (both.status().as_u16(), both.json().await.unwrap());
    assert_refused(&both, 400, "invalid_request", "More than one way");
    idp.disable_client("service-client");
    let disabled = by_form(&idp, "service-client", "another").await;
    assert_refused(&disabled, 401, "invalid_client", "");
}
