//! What stands on the disk: what every process sees, and what is left of it when the power goes.
//!
//! As ext4 and its like do it. A file's content is durable from its sync on; before, a power loss leaves all, a part,
//! zeros or nothing of it. Names are durable from their folder's sync on; before, a power loss keeps as many of the
//! changes as were on their way, in the order in which they were made.

use super::dice::Dice;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Files and their names.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    names: Names,
    durable: Names,
    /// Changes of names since the folder's last sync, the oldest first.
    on_their_way: VecDeque<NameChange>,
    files: BTreeMap<FileId, Content>,
}

/// An inode: other than its name, it is never used for another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId(pub(super) u64);

type Name = Arc<str>;
type Names = BTreeMap<Name, FileId>;

/// What a step does to the tree.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    Nothing,
    Create {
        name: Name,
        file: FileId,
    },
    Write {
        file: FileId,
        bytes: Arc<[u8]>,
    },
    SyncFile {
        file: FileId,
    },
    /// A sync of the file failed: what was written is gone, though it is seen until the power goes.
    LoseFile {
        file: FileId,
    },
    Link {
        from: Name,
        to: Name,
    },
    Rename {
        from: Name,
        to: Name,
    },
    Remove {
        name: Name,
    },
    SyncNames,
}

#[derive(Debug, Clone)]
struct Content {
    bytes: Arc<[u8]>,
    fate: Fate,
}

/// What a power loss does to a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing.
    Kept,
    /// It may be whole, or torn.
    Open,
    /// It is torn, whatever is synced later: the system has forgotten that it was to be written.
    Lost,
}

/// A change of the folder, which a power loss undoes whole or not at all.
#[derive(Debug, Clone)]
struct NameChange {
    taken: Option<Name>,
    given: Option<(Name, FileId)>,
}

/// So many changes of names wait for a sync: a file system writes its journal now and then, whoever asks for it.
const JOURNALED: usize = 24;

impl NameChange {
    fn gives(&self, file: &FileId) -> bool {
        self.given.as_ref().is_some_and(|(_, given)| given == file)
    }

    fn make(&self, names: &mut Names) {
        if let Some(taken) = &self.taken {
            names.remove(taken);
        }
        if let Some((name, file)) = &self.given {
            names.insert(Arc::clone(name), *file);
        }
    }
}

impl Tree {
    /// The file of this name.
    pub(super) fn file(&self, name: &str) -> Option<FileId> {
        self.names.get(name).copied()
    }

    /// What a process reads of it.
    pub(super) fn content(&self, file: FileId) -> &[u8] {
        self.files.get(&file).map_or(&[], |content| &content.bytes)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(|name| &**name)
    }

    pub(super) fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Nothing => {}
            Effect::Create { name, file } => {
                self.files.insert(*file, Content { bytes: Arc::default(), fate: Fate::Open });
                self.change(None, Some((Arc::clone(name), *file)));
            }
            Effect::Write { file, bytes } => {
                self.files.insert(*file, Content { bytes: Arc::clone(bytes), fate: Fate::Open });
            }
            Effect::SyncFile { file } => self.decide(*file, Fate::Kept),
            Effect::LoseFile { file } => self.decide(*file, Fate::Lost),
            Effect::Link { from, to } => {
                let file = self.named(from);
                self.change(None, Some((Arc::clone(to), file)));
            }
            Effect::Rename { from, to } => {
                let file = self.named(from);
                self.change(Some(Arc::clone(from)), Some((Arc::clone(to), file)));
            }
            Effect::Remove { name } => self.change(Some(Arc::clone(name)), None),
            Effect::SyncNames => {
                self.on_their_way.clear();
                self.durable.clone_from(&self.names);
                self.drop_nameless();
            }
        }
    }

    /// The power goes and comes back.
    pub(super) fn lose_power(&mut self, dice: &mut Dice) {
        let survived = dice.cut(self.on_their_way.len());
        for change in self.on_their_way.drain(..).take(survived) {
            change.make(&mut self.durable);
        }
        self.names.clone_from(&self.durable);
        self.drop_nameless();
        for content in self.files.values_mut() {
            let torn = match content.fate {
                Fate::Kept => false,
                Fate::Open => dice.throw(2) == 0,
                Fate::Lost => true,
            };
            if torn {
                content.bytes = torn_at_random(&content.bytes, dice);
            }
            content.fate = Fate::Kept;
        }
    }

    /// Every tree that a power loss may leave, by the names that survive. What is not synced is blank in all of them,
    /// the worst that can become of it.
    pub(super) fn survivors(&self) -> impl Iterator<Item = Tree> {
        let mut names = self.durable.clone();
        let mut files = self.files.clone();
        for content in files.values_mut().filter(|content| content.fate != Fate::Kept) {
            content.bytes = Arc::from(vec![0; content.bytes.len()]);
        }
        let first = Tree { names: names.clone(), files: files.clone(), ..Tree::default() };
        let later = self.on_their_way.iter().map(move |change| {
            change.make(&mut names);
            Tree { names: names.clone(), files: files.clone(), ..Tree::default() }
        });
        std::iter::once(first).chain(later)
    }

    fn change(&mut self, taken: Option<Name>, given: Option<(Name, FileId)>) {
        let change = NameChange { taken, given };
        change.make(&mut self.names);
        self.on_their_way.push_back(change);
        if self.on_their_way.len() > JOURNALED
            && let Some(oldest) = self.on_their_way.pop_front()
        {
            oldest.make(&mut self.durable);
            let (names, durable) = (&self.names, &self.durable);
            let given = |file: &FileId| self.on_their_way.iter().any(|change| change.gives(file));
            self.files.retain(|file, _| {
                names.values().chain(durable.values()).any(|named| named == file) || given(file)
            });
        }
    }

    fn decide(&mut self, file: FileId, fate: Fate) {
        let content = self.files.get_mut(&file).expect("a file is synced while it is there");
        if content.fate != Fate::Lost {
            content.fate = fate;
        }
    }

    fn named(&self, name: &str) -> FileId {
        self.file(name).expect("a step was tried on the tree that it is applied to")
    }

    fn drop_nameless(&mut self) {
        let names = &self.names;
        self.files.retain(|file, _| names.values().any(|named| named == file));
    }
}

/// A prefix of it (none of it, all but a byte), zeros in its length, or a prefix with zeros up to its length.
fn torn_at_random(bytes: &[u8], dice: &mut Dice) -> Arc<[u8]> {
    let cut = dice.cut(bytes.len().saturating_sub(1));
    match dice.throw(4) {
        0 => Arc::default(),
        1 => vec![0; bytes.len()].into(),
        2 => bytes[..cut].into(),
        _ => {
            let mut torn = bytes[..cut].to_vec();
            torn.resize(bytes.len(), 0);
            torn.into()
        }
    }
}
