//! People in as little memory as they need: a fleet has millions of them.

use std::cmp::Ordering;
use std::sync::Arc;

use uuid::Uuid;

use super::privileges::Privileges;
use super::{Account, Email, Person};

/// People in order of email, each email once.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Packed {
    /// As nearly always: the account of each person is a UUID, and the privileges have a number.
    Small(Small),
    /// If the details of a person do not fit in a [`Row`].
    Large(Box<[Person]>),
}

/// All in one allocation: on a list of ten people, a second one would cost several bytes for each.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Small {
    people: u32,
    /// Where the common domain ends in the text.
    domain_end: u32,
    /// The [`Row`] of each person, and then the text: the common domain, which is stored once, and the emails
    /// without it.
    bytes: Box<[u8]>,
}

/// One person.
struct Row {
    /// Where the email ends in the text. It begins where the previous one ends.
    email_end: u32,
    /// The number of the privileges.
    privileges: u16,
    /// True if the text has the whole email, because its domain is not the common one.
    has_own_domain: bool,
    account: SmallAccount,
}

/// The docs of `People` say how many bytes a row takes.
const ROW: usize = 23;

/// A flag of a row.
const OWN_DOMAIN: u8 = 1;
/// A flag of a row, for [`SmallAccount::Known`].
const KNOWN: u8 = 2;
/// A flag of a row, for [`SmallAccount::Disputed`].
const DISPUTED: u8 = 4;

/// An [`Account`] whose id is a UUID.
enum SmallAccount {
    Unknown,
    Known(Uuid),
    Disputed,
}

/// An email in its stored form: the first part, and the common domain if that follows.
#[derive(Clone, Copy)]
struct Parts<'a>(&'a [u8], &'a [u8]);

impl Packed {
    /// Packs people, who must be in order of email, each email once.
    pub(super) fn new(people: Vec<Person>) -> Self {
        match Small::new(&people) {
            Some(small) => Self::Small(small),
            None => Self::Large(people.into()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Small(small) => small.people as usize,
            Self::Large(people) => people.len(),
        }
    }

    /// The place of an email, without an allocation.
    pub(super) fn find(&self, email: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.email_parts(middle).cmp(email) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Some(middle),
                Ordering::Greater => high = middle,
            }
        }
        None
    }

    pub(super) fn email(&self, place: usize) -> Email {
        let Parts(first, domain) = self.email_parts(place);
        let email = String::from_utf8([first, domain].concat());
        Email::listed(email.expect("the parts of an email are text"))
    }

    /// Without an allocation.
    pub(super) fn account(&self, place: usize) -> Account {
        match self {
            Self::Small(small) => small.row(place).account.into(),
            Self::Large(people) => people[place].account.clone(),
        }
    }

    pub(super) fn privileges(&self, place: usize) -> &Arc<Privileges> {
        match self {
            Self::Small(small) => Privileges::numbered(small.row(place).privileges),
            Self::Large(people) => &people[place].privileges,
        }
    }

    fn email_parts(&self, place: usize) -> Parts<'_> {
        match self {
            Self::Small(small) => small.email_parts(place),
            Self::Large(people) => Parts(people[place].email.as_str().as_bytes(), b""),
        }
    }
}

impl Small {
    /// None if a row has no room for a person's details.
    fn new(people: &[Person]) -> Option<Self> {
        let common = common_domain(people);
        let mut text = String::from(common);
        let mut rows = Vec::with_capacity(people.len());
        for person in people {
            let (local, domain) = split(&person.email);
            let has_own_domain = domain != common;
            text.push_str(local);
            if has_own_domain {
                text.push_str(domain);
            }
            let row = Row {
                email_end: compact(text.len()),
                privileges: person.privileges.number()?,
                has_own_domain,
                account: SmallAccount::of(&person.account)?,
            };
            rows.push(row.to_bytes());
        }
        Some(Self {
            people: compact(people.len()),
            domain_end: compact(common.len()),
            bytes: [rows.as_flattened(), text.as_bytes()].concat().into(),
        })
    }

    fn row(&self, place: usize) -> Row {
        let (rows, _) = self.bytes.as_chunks();
        Row::from_bytes(rows[place])
    }

    fn email_parts(&self, place: usize) -> Parts<'_> {
        let row = self.row(place);
        let previous = place.checked_sub(1);
        let start = previous.map_or(self.domain_end, |previous| self.row(previous).email_end);
        let text = &self.bytes[self.people as usize * ROW..];
        let stored = &text[start as usize..row.email_end as usize];
        match row.has_own_domain {
            true => Parts(stored, b""),
            false => Parts(stored, &text[..self.domain_end as usize]),
        }
    }
}

impl Row {
    fn to_bytes(&self) -> [u8; ROW] {
        let (account, id) = match self.account {
            SmallAccount::Unknown => (0, Uuid::nil()),
            SmallAccount::Known(id) => (KNOWN, id),
            SmallAccount::Disputed => (DISPUTED, Uuid::nil()),
        };
        let domain = if self.has_own_domain { OWN_DOMAIN } else { 0 };
        let mut bytes = [0; ROW];
        bytes[..4].copy_from_slice(&self.email_end.to_ne_bytes());
        bytes[4..6].copy_from_slice(&self.privileges.to_ne_bytes());
        bytes[6] = account | domain;
        bytes[7..].copy_from_slice(id.as_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; ROW]) -> Self {
        let [a, b, c, d, e, f, flags, id @ ..] = bytes;
        Self {
            email_end: u32::from_ne_bytes([a, b, c, d]),
            privileges: u16::from_ne_bytes([e, f]),
            has_own_domain: flags & OWN_DOMAIN != 0,
            account: match flags & (KNOWN | DISPUTED) {
                KNOWN => SmallAccount::Known(Uuid::from_bytes(id)),
                DISPUTED => SmallAccount::Disputed,
                _ => SmallAccount::Unknown,
            },
        }
    }
}

impl Parts<'_> {
    /// Compares the whole email. The parts alone have another order: `a-b@x` is before `a@x`.
    fn cmp(self, email: &str) -> Ordering {
        let (Self(first, domain), email) = (self, email.as_bytes());
        match email.split_at_checked(first.len()) {
            Some((start, rest)) => first.cmp(start).then_with(|| domain.cmp(rest)),
            None => first.cmp(email),
        }
    }
}

impl SmallAccount {
    /// None if the id is not a UUID.
    fn of(account: &Account) -> Option<Self> {
        Some(match account {
            Account::Unknown => Self::Unknown,
            Account::Known(id) => Self::Known(id.as_uuid()?),
            Account::Disputed => Self::Disputed,
        })
    }
}

impl From<SmallAccount> for Account {
    fn from(account: SmallAccount) -> Self {
        match account {
            SmallAccount::Unknown => Self::Unknown,
            SmallAccount::Known(uuid) => Self::Known(uuid.into()),
            SmallAccount::Disputed => Self::Disputed,
        }
    }
}

/// The domain, with its `@`, that more than half of the people have. Any other if there is none.
fn common_domain(people: &[Person]) -> &str {
    // The majority vote of Boyer and Moore: each vote for another domain cancels one for this.
    let (mut common, mut votes) = ("", 0_usize);
    for person in people {
        let (_, domain) = split(&person.email);
        if votes == 0 {
            common = domain;
        }
        match domain == common {
            true => votes += 1,
            false => votes -= 1,
        }
    }
    common
}

/// The local part, and the domain with its `@`.
fn split(email: &Email) -> (&str, &str) {
    let email = email.as_str();
    email.split_at(email.find('@').unwrap_or(email.len()))
}

/// The gate reads at most 100 pages of 4 MiB of a list at Heroku, of which only the emails are here.
fn compact(length: usize) -> u32 {
    u32::try_from(length).expect("a list is shorter than 4 GB")
}

#[cfg(test)]
mod tests;
