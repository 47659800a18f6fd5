//! `auth_type = "none"` and `auth_type = "test_auth"`: nothing is fetched, and there are no keys.

use super::auth::{Auth, AuthSettings};
use super::auth_type::{AuthType, Row};
use bearerd_proto::Secret;
use bearerd_session::{Constant, Kind};

pub(super) static NONE: Row = Row { word: "none", keys: &[], read: |_| Ok(Auth::None) };

pub(super) static TEST_AUTH: Row =
    Row { word: "test_auth", keys: &[], read: |_| Ok(Auth::TestAuth) };

/// What the two say of themselves.
pub(super) static NO_AUTH: NoAuth = NoAuth;
pub(super) static CONSTANT_TOKEN: ConstantToken = ConstantToken;

#[derive(Debug)]
pub(super) struct NoAuth;

#[derive(Debug)]
pub(super) struct ConstantToken;

impl AuthSettings for NoAuth {
    fn auth_type(&self) -> AuthType {
        AuthType::of(&NONE)
    }

    /// As `wallaroo.auth`'s `NoAuth`.
    fn kind(&self) -> Kind {
        let user_email = Some("default@ex.co".to_owned());
        Kind::Constant(Constant { token: None, user_id: None, user_email })
    }
}

impl AuthSettings for ConstantToken {
    fn auth_type(&self) -> AuthType {
        AuthType::of(&TEST_AUTH)
    }

    /// As `wallaroo.auth`'s `test_auth`.
    fn kind(&self) -> Kind {
        Kind::Constant(Constant {
            token: Some(Secret::new("definitely_a_bearer_token_str")),
            user_id: Some("99cace15-e0d4-4bb6-bf14-35efee181b90".to_owned()),
            user_email: Some("jane@ex.co".to_owned()),
        })
    }
}
