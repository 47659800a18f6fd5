//! The messages of the wire by name: a type, its golden files, its schema.

use bearerd_proto::{
    ErrorBody, Event, Health, ImportRequest, LoggedOut, LoginAnswer, LoginCancelled, LoginRequest,
    LogoutAnswer, LogoutRequest, ProfileInfo, ProfileSettings, Profiles, RejectRequest, Status,
    TokenAnswer, TokenQuery,
};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// One type that travels alone: as a body, a query, or the data of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    /// Names `schema/NAME.json` and `golden/NAME.CASE.json`.
    pub(crate) name: &'static str,
    read_and_write: fn(&str) -> serde_json::Result<Value>,
    schema: fn() -> Schema,
}

/// Every type that travels alone, in the order of `PROTOCOL.md`.
pub(crate) const MESSAGES: [Message; 17] = [
    Message::of::<TokenQuery>("token-query"),
    Message::of::<TokenAnswer>("token-answer"),
    Message::of::<RejectRequest>("reject-request"),
    Message::of::<LoginRequest>("login-request"),
    Message::of::<LoginAnswer>("login-answer"),
    Message::of::<LoginCancelled>("login-cancelled"),
    Message::of::<ImportRequest>("import-request"),
    Message::of::<LogoutRequest>("logout-request"),
    Message::of::<LogoutAnswer>("logout-answer"),
    Message::of::<Profiles>("profiles"),
    Message::of::<ProfileSettings>("profile-settings"),
    Message::of::<ProfileInfo>("profile-info"),
    Message::of::<LoggedOut>("profile-removed"),
    Message::of::<Status>("status"),
    Message::of::<Event>("event"),
    Message::of::<Health>("health"),
    Message::of::<ErrorBody>("error"),
];

impl Message {
    const fn of<T: Serialize + DeserializeOwned + JsonSchema>(name: &'static str) -> Self {
        Self {
            name,
            read_and_write: |text| serde_json::to_value(serde_json::from_str::<T>(text)?),
            schema: schema_of::<T>,
        }
    }

    /// Whether its fields are data, each of which is kept, and not the protocol's own.
    pub(crate) fn is_data(self) -> bool {
        self.name == "profile-settings"
    }

    /// Reads `text` into the type and gives what the type writes.
    pub(crate) fn read_and_write(self, text: &str) -> serde_json::Result<Value> {
        (self.read_and_write)(text)
    }

    /// The schema as schemars makes it.
    pub(crate) fn schema(self) -> Schema {
        (self.schema)()
    }
}

/// One golden file.
#[derive(Debug)]
pub(crate) struct Golden {
    pub(crate) message: Message,
    pub(crate) case: String,
    pub(crate) text: String,
}

impl Golden {
    /// Whether it says what only a newer version would say.
    pub(crate) fn is_newer(&self) -> bool {
        self.case == "newer"
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// All golden files, by name.
pub(crate) fn golden_files() -> Vec<Golden> {
    let files = names(&folder("golden")).into_iter().filter(|name| name.ends_with(".json"));
    files.map(|name| golden_file(&name)).collect()
}

/// The golden file `MESSAGE.CASE.json`.
pub(crate) fn golden_file(name: &str) -> Golden {
    let [message, case, "json"] = name.split('.').collect::<Vec<_>>()[..] else {
        panic!("golden/{name}: call it MESSAGE.CASE.json");
    };
    let Some(message) = MESSAGES.into_iter().find(|known| known.name == message) else {
        panic!("golden/{name}: no message is called `{message}`");
    };
    let text = fs::read_to_string(folder("golden").join(name)).expect(name);
    Golden { message, case: case.to_owned(), text }
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A folder or file of this crate.
pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What a reader must take: the schema of deserialising, with the words of an enum left open.
fn schema_of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(leave_words_open).transform(&mut schema);
    schema
}

/// schemars takes `#[serde(other)] Unknown` for a word `unknown`. It is no word but room for those to come: any text.
fn leave_words_open(schema: &mut Schema) {
    let Some(words) = schema.get("oneOf").and_then(Value::as_array) else { return };
    let Some(open) = words.iter().position(|word| word["const"] == "unknown") else { return };
    let mut words = words.clone();
    words[open].as_object_mut().unwrap().remove("const");
    schema.remove("oneOf");
    schema.insert("anyOf".to_owned(), Value::Array(words));
}
