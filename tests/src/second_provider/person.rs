//! The person's side of a device login on oidc-provider's development pages, over HTTP alone.

use crate::web::Pages;

/// Pages in a row: the code, its confirmation, the login, the consent; the fifth says that it is done.
const MAX_PAGES: usize = 5;

/// Opens `verification_uri_complete` in a new browser, and logs in under any name.
///
/// # Panics
/// Where the pages are not the expected ones.
pub fn approve(verification_uri_complete: &str, name: &str) {
    let mut pages = Pages::default();
    let mut page = pages.open(verification_uri_complete).unwrap();
    for _ in 0..MAX_PAGES {
        assert_eq!(page.status, 200, "the login stopped at {}", page.url.path());
        if page.text.contains("Sign-in Success") {
            return;
        }
        let mut form = page.form().unwrap_or_else(|| panic!("no form at {}", page.url.path()));
        if form.has_field("login") {
            form.fill("login", name);
            form.fill("password", "any");
        }
        page = pages.submit(&page, form, None).unwrap();
    }
    panic!("the login did not end");
}
