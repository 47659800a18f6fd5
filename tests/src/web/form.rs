//! The first form of an HTML page: where it goes, what it holds, which buttons it has.

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) buttons: Vec<(String, String)>,
}

impl Form {
    /// Reads what a browser would send of the page's first form; `None` where the page has none.
    pub(crate) fn first(page: &str) -> Option<Self> {
        let mut form: Option<Self> = None;
        for tag in page.split('<').skip(1) {
            let name = tag.split(|c: char| !c.is_ascii_alphanumeric() && c != '/').next()?;
            match (name.to_ascii_lowercase().as_str(), &mut form) {
                ("form", None) => {
                    let action = attribute(tag, "action").unwrap_or_default();
                    form = Some(Self { action, ..Self::default() });
                }
                ("/form", Some(_)) => return form,
                (element @ ("input" | "button"), Some(form)) => form.add(element, tag),
                _ => {}
            }
        }
        form
    }

    pub(crate) fn has_field(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    pub(crate) fn fill(&mut self, name: &str, value: &str) {
        self.fields.retain(|(field, _)| field != name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    fn add(&mut self, element: &str, tag: &str) {
        let Some(name) = attribute(tag, "name") else { return };
        let value = attribute(tag, "value").unwrap_or_default();
        let kind = attribute(tag, "type").unwrap_or_default();
        match kind.as_str() {
            "submit" | "image" => self.buttons.push((name, value)),
            // A box that nobody ticked is not sent.
            "checkbox" | "radio" => {}
            _ if element == "button" => self.buttons.push((name, value)),
            _ => self.fields.push((name, value)),
        }
    }
}

/// The value of one attribute of a tag, unescaped. The providers' pages quote every value.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    loop {
        let at = rest.find(&format!("{name}="))?;
        let before = rest[..at].chars().next_back();
        rest = &rest[at + name.len() + 1..];
        if before.is_some_and(char::is_whitespace) {
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let value = rest[1..].split(quote).next()?;
            return Some(unescape(value));
        }
    }
}

fn unescape(value: &str) -> String {
    // The ampersand last, so that an escaped escape stays one.
    value
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#x3D;", "=")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_login_page_gives_its_action_fields_and_buttons() {
        let page = r#"<html><body><form id="kc-form-login" data-action="no" action="http://h/a?x=1&amp;y=2" method="post">
            <input id="username" name="username" value="" type="text"/>
            <input name="password" type="password">
            <input type="checkbox" name="rememberMe">
            <input type="hidden" name="credentialId" value='a&quot;b'/>
            <input name="login" type="submit" value="Sign In"/><button name="more"></button>
            </form><form action="/second"><input name="other"></form>"#;
        let form = Form::first(page).unwrap();
        assert_eq!(form.action, "http://h/a?x=1&y=2");
        assert_eq!(
            form.fields,
            [pair("username", ""), pair("password", ""), pair("credentialId", "a\"b")]
        );
        assert_eq!(form.buttons, [pair("login", "Sign In"), pair("more", "")]);
        assert!(form.has_field("password") && !form.has_field("other"));
    }

    #[test]
    fn a_page_without_a_form_has_none() {
        assert_eq!(Form::first("<p>done</p>"), None);
    }
}
