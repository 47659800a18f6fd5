//! `auth_type = "none"` and `auth_type = "test_auth"`: nothing is fetched, and there are no keys.

use super::auth::{Auth, AuthSettings, TokenOrigin};
use super::auth_type::{AuthType, Row};

pub(super) static NONE: Row = Row { word: "none", keys: &[], read: |_| Ok(Auth::None) };

pub(super) static TEST_AUTH: Row =
    Row { word: "test_auth", keys: &[], read: |_| Ok(Auth::TestAuth) };

/// What the two say of themselves.
pub(super) static NO_AUTH: Constant = Constant(&NONE);
pub(super) static CONSTANT_TOKEN: Constant = Constant(&TEST_AUTH);

/// One of the two.
#[derive(Debug)]
pub(super) struct Constant(&'static Row);

impl AuthSettings for Constant {
    fn auth_type(&self) -> AuthType {
        AuthType::of(self.0)
    }

    fn origin(&self) -> TokenOrigin {
        TokenOrigin::Constant
    }
}
