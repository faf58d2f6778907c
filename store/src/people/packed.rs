//! People in as little memory as they need: a fleet has millions of them.

use std::cmp::Ordering;
use std::sync::Arc;

use uuid::Uuid;

use super::privileges::Privileges;
use super::{Account, Person};

/// People in order of email, each email once.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Packed {
    /// The emails, one after the other.
    emails: Box<str>,
    rows: Box<[Row]>,
    /// The details that no row has room for; nearly always none.
    large: Box<[Large]>,
}

/// One person.
#[derive(Debug, Eq, PartialEq)]
struct Row {
    /// Where the email ends. It begins where the previous one ends.
    email_end: u32,
    details: Details,
}

const _: () = assert!(size_of::<Row>() == 24, "the docs of `People` say 24 bytes");

/// What a list says about a person.
#[derive(Debug, Eq, PartialEq)]
enum Details {
    /// As nearly always: an account whose id is a UUID, or none, and privileges with a number.
    Small {
        account: Option<Uuid>,
        privileges: u16,
    },
    /// An index into [`Packed::large`].
    Large(u32),
}

#[derive(Debug, Eq, PartialEq)]
struct Large {
    account: Account,
    privileges: Arc<Privileges>,
}

impl Packed {
    /// Packs people, who must be in order of email, each email once.
    pub(super) fn new(people: Vec<Person>) -> Self {
        let length = people.iter().map(|it| it.email.as_str().len()).sum();
        let mut emails = String::with_capacity(length);
        let mut rows = Vec::with_capacity(people.len());
        let mut large = Vec::new();
        for person in people {
            emails.push_str(person.email.as_str());
            let details = Details::small(&person).unwrap_or_else(|| {
                large.push(Large {
                    account: person.account,
                    privileges: person.privileges,
                });
                Details::Large(compact(large.len() - 1))
            });
            rows.push(Row {
                email_end: compact(emails.len()),
                details,
            });
        }
        Self {
            emails: emails.into(),
            rows: rows.into(),
            large: large.into(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The place of an email.
    pub(super) fn find(&self, email: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.rows.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.email(middle).cmp(email) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Some(middle),
                Ordering::Greater => high = middle,
            }
        }
        None
    }

    pub(super) fn email(&self, place: usize) -> &str {
        let previous = place.checked_sub(1);
        let start = previous.map_or(0, |previous| self.rows[previous].email_end);
        &self.emails[start as usize..self.rows[place].email_end as usize]
    }

    /// Without an allocation.
    pub(super) fn account(&self, place: usize) -> Account {
        match self.rows[place].details {
            Details::Small { account, .. } => {
                account.map_or(Account::Unknown, |uuid| Account::Known(uuid.into()))
            }
            Details::Large(index) => self.large[index as usize].account.clone(),
        }
    }

    pub(super) fn privileges(&self, place: usize) -> &Arc<Privileges> {
        match self.rows[place].details {
            Details::Small { privileges, .. } => Privileges::numbered(privileges),
            Details::Large(index) => &self.large[index as usize].privileges,
        }
    }
}

impl Details {
    /// None if they need more room.
    fn small(person: &Person) -> Option<Self> {
        let account = match &person.account {
            Account::Unknown => None,
            Account::Known(id) => Some(id.as_uuid()?),
            Account::Disputed => return None,
        };
        let privileges = person.privileges.number()?;
        Some(Self::Small {
            account,
            privileges,
        })
    }
}

/// The gate reads at most 100 pages of 4 MiB of a list at Heroku, of which only the emails are here.
fn compact(length: usize) -> u32 {
    u32::try_from(length).expect("a list is shorter than 4 GB")
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    fn id(text: &str) -> Account {
        Account::Known(text.parse().unwrap())
    }

    #[test]
    fn packed_people_are_found_and_read_unchanged() {
        let accounts = [
            Account::Unknown,
            Account::Disputed,
            id("01234567-89ab-cdef-0123-456789abcdef"),
            id("account_7"),
            id("00000000-0000-0000-0000-000000000000"),
            id("ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ];
        let privileges = [
            Privileges::of(Some(Role::Admin)).shared(),
            // As if there were no number left for it.
            Arc::new(Privileges::of(Some(Role::from("without-number")))),
        ];
        let people: Vec<_> = (0..24)
            .map(|number| Person {
                email: format!("person-{number:02}@example.com").parse().unwrap(),
                account: accounts[number % accounts.len()].clone(),
                privileges: Arc::clone(&privileges[number / 12]),
            })
            .collect();
        let packed = Packed::new(people.clone());
        assert_eq!(packed.len(), people.len());
        for (place, person) in people.iter().enumerate() {
            assert_eq!(packed.find(person.email.as_str()), Some(place));
            assert_eq!(packed.email(place), person.email.as_str());
            assert_eq!(packed.account(place), person.account);
            assert_eq!(*packed.privileges(place), person.privileges);
        }
        for absent in ["", "a@b", "person-07@example.co", "z@example.com"] {
            assert_eq!(packed.find(absent), None);
        }
        assert_eq!(packed, Packed::new(people));
    }
}
