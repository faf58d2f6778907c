//! Records that are found by id and by name, and listed in creation order.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

const NEVER_REMOVED: &str = "no record is ever removed";

/// A record with a permanent id and a name that can change.
pub(crate) trait Named {
    fn id(&self) -> Uuid;
    fn name(&self) -> &str;
    fn set_name(&mut self, name: &str);
}

/// All records of one kind.
#[derive(Debug)]
pub(crate) struct Register<T> {
    records: Vec<T>,
    by_id: HashMap<Uuid, usize>,
    /// Names need not be unique: a look-up finds the oldest.
    by_name: BTreeSet<(String, usize)>,
}

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            by_id: HashMap::new(),
            by_name: BTreeSet::new(),
        }
    }
}

impl<T: Named> Register<T> {
    pub(crate) fn add(&mut self, record: T) {
        let place = self.records.len();
        self.by_id.insert(record.id(), place);
        self.by_name.insert((record.name().to_owned(), place));
        self.records.push(record);
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<&T> {
        self.by_id.get(&id).map(|place| &self.records[*place])
    }

    /// For changing any field except the name, which [`rename`](Self::rename) does.
    pub(crate) fn get_mut(&mut self, id: Uuid) -> Option<&mut T> {
        self.by_id.get(&id).map(|place| &mut self.records[*place])
    }

    /// A record that has been added: none is ever removed.
    pub(crate) fn known(&self, id: Uuid) -> &T {
        self.get(id).expect(NEVER_REMOVED)
    }

    /// As [`get_mut`](Self::get_mut), of a record that has been added.
    pub(crate) fn known_mut(&mut self, id: Uuid) -> &mut T {
        self.get_mut(id).expect(NEVER_REMOVED)
    }

    pub(crate) fn of_name(&self, name: &str) -> Option<&T> {
        let first = (name.to_owned(), 0);
        let (found, place) = self.by_name.range(first..).next()?;
        (found == name).then(|| &self.records[*place])
    }

    /// Finds a record by id or by name: Heroku accepts either in every path.
    pub(crate) fn by_id_or_name(&self, id_or_name: &str) -> Option<&T> {
        // Heroku accepts only the usual spelling of a UUID as an id.
        let id = Uuid::try_parse(id_or_name).ok();
        let id = id.filter(|_| id_or_name.len() == 36);
        id.and_then(|id| self.get(id))
            .or_else(|| self.of_name(id_or_name))
    }

    pub(crate) fn rename(&mut self, id: Uuid, name: &str) {
        let Some(&place) = self.by_id.get(&id) else {
            return;
        };
        let record = &mut self.records[place];
        self.by_name.remove(&(record.name().to_owned(), place));
        self.by_name.insert((name.to_owned(), place));
        record.set_name(name);
    }

    /// All records in creation order.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.records.iter()
    }

    /// For changing any field except names.
    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.records.iter_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}
