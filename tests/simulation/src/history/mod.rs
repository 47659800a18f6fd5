//! Histories: what may happen, as data, and how a seed becomes one.

mod drawing;
mod policy;
mod script;
mod slots;

pub use policy::{Obtains, Policy, Rotation};
pub use script::{
    Condition, Content, DiskWeather, Happening, Imported, Person, Scheduled, Script, When, Which,
};
pub use slots::{Slot, key_of, slot_of};
pub(crate) use slots::{is_misheard, refusal};
