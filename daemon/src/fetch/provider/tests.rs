//! Which way a request takes to its provider.

use super::*;
use crate::clock::TestClock;
use crate::config::{Auth, Config};
use crate::tasks::Tasks;

/// What stands between this machine and `url`, for a profile with these further lines.
fn via(url: &str, more: &str) -> Via {
    let text = format!(
        "[profile.p]\nauth_type = \"sso\"\nkeycloak_addr = \"https://keycloak.example.com\"\n{more}"
    );
    let config = Config::parse(&text, Path::new("/nowhere/config.toml")).unwrap();
    let Auth::Sso(sso) = config.default_profile().unwrap().auth() else { panic!("sso") };
    let clients = HttpClients::new(Tasks::new(), TestClock::default().clock());
    let routes = Routes::new(sso.client(), &clients);
    let client = match is_this_machine(&Url::parse(url).unwrap()) {
        true => &routes.here,
        false => &routes.elsewhere,
    };
    client.via().clone()
}

#[tokio::test]
async fn this_machine_is_never_looked_for_through_the_environments_proxy() {
    for here in
        ["http://127.0.0.1:8080", "http://localhost", "https://[::1]:8443", "http://127.9.9.9"]
    {
        assert_eq!(via(here, ""), Via::Nothing, "{here}");
    }
    for elsewhere in ["https://keycloak.example.com", "https://localhost.example.com"] {
        assert_eq!(via(elsewhere, ""), Via::Environment, "{elsewhere}");
    }
    let proxy = Via::Proxy(Url::parse("http://proxy.example.com:3128").unwrap());
    for anywhere in ["http://127.0.0.1", "https://keycloak.example.com"] {
        let line = "proxy = \"http://proxy.example.com:3128\"";
        assert_eq!(via(anywhere, line), proxy, "{anywhere}");
    }
}
