//! How the harnesses of the providers speak to them: as a program and as a person with a browser.

mod call;
mod form;
mod pages;
mod trust;

pub(crate) use call::{Call, url};
pub(crate) use form::Form;
pub(crate) use pages::{Page, Pages};
pub(crate) use trust::trust;
