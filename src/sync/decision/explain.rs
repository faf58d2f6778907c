//! Puts the decision of [`decide`] into words, for the partner's own staff: why can this person not get in?

use std::fmt;

use heroku_sso_store::{Email, ResourceId, UserId};

use super::authorize::Authorizer;
use super::decide::{Asked, AttachedState, Decision, Facts, Needed, Strictness, decide};
use super::denial::Denial;
use crate::access::{AccessList, Entitlement};
use crate::clock::Reading;
use crate::lifespan::Attempt;
use crate::sync::SyncError;
use crate::sync::state::person_marks::Principal;

/// Why a person may or may not sign in to a resource now, as far as this process knows.
///
/// `Display` writes one sentence and the inputs that decided, without the email, such as
/// `admitted: the list has the email, as collaborator (list 42 s old)`. It makes no call to Heroku.
#[derive(Clone, Debug)]
pub struct Explanation {
    is_admitted: Option<bool>,
    reason: String,
    inputs: Vec<String>,
}

impl Explanation {
    /// Whether a sign-in would be admitted. None if the sign-in would first ask Heroku, whose answer would
    /// decide.
    pub fn is_admitted(&self) -> Option<bool> {
        self.is_admitted
    }

    /// The reason. For a denial, the same text as in the audit event.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The inputs of the decision: the list's age, the last attempt to fetch a newer one, and what is
    /// recorded about the person.
    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.is_admitted {
            Some(true) => "admitted: ",
            Some(false) => "rejected: ",
            None => "depends on a newer list: ",
        })?;
        f.write_str(&self.reason)?;
        match self.inputs.is_empty() {
            true => Ok(()),
            false => write!(f, " ({})", self.inputs.join("; ")),
        }
    }
}

/// The decision about a sign-in before any fetch, in words.
///
/// # Errors
/// If the store cannot say whether the resource exists.
pub(in crate::sync) async fn explain(
    authorizer: &Authorizer,
    id: &ResourceId,
    email: &Email,
    user_id: Option<&UserId>,
) -> Result<Explanation, SyncError> {
    let denied = |denial: &Denial, inputs| Explanation {
        is_admitted: Some(false),
        reason: denial.reason(),
        inputs,
    };
    let entry = match authorizer.coordinator().entry(id).await {
        Ok(entry) => entry,
        Err(error @ (SyncError::Gone | SyncError::UnknownResource)) => {
            return Ok(denied(&error.into(), Vec::new()));
        }
        Err(error) => return Err(error),
    };
    let who = Principal {
        email,
        user_id,
        is_account_proved: false,
    };
    let facts = authorizer.facts(&entry, who, None, Reading::of(authorizer.clock()));
    let (limits, strictness) = (authorizer.settings().limits(), Strictness::SIGN_IN);
    let decision = decide(&facts, who, None, strictness, &limits, &Asked::Nothing);
    let inputs = inputs(&facts);
    Ok(match decision {
        Decision::Deny(denial) => denied(&denial, inputs),
        Decision::Allow(allowed) => {
            let list = facts.list.as_ref().map(|list| &list.snapshot.list);
            let reason = list.map(|list| membership(list, allowed.listed));
            Explanation {
                is_admitted: Some(true),
                reason: reason.unwrap_or_default(),
                inputs,
            }
        }
        Decision::NeedsList(needed) => Explanation {
            is_admitted: None,
            reason: wanted(needed).to_owned(),
            inputs,
        },
    })
}

/// On which of Heroku's lists the email is, and the roles there.
fn membership(list: &AccessList, listed: Entitlement) -> String {
    let roles = list.entry(listed).roles().iter();
    let roles: Vec<_> = roles.map(ToString::to_string).collect();
    match roles.is_empty() {
        _ if list.is_only_attached(listed) => {
            "the email is on the list of an attached app, without roles here".to_owned()
        }
        true => "the list has the email, without roles".to_owned(),
        false => format!("the list has the email, as {}", roles.join(", ")),
    }
}

fn wanted(needed: Needed) -> &'static str {
    match needed {
        Needed::AskedSince(_) => {
            "Heroku said that the person may have left, and has not been asked since"
        }
        Needed::Attached { .. } => "a sign-in would ask about attached apps first",
        Needed::Newest => "the list lacks the email, and is fetched again within a budget",
        Needed::Recent { .. } | Needed::RecentOrUnused | Needed::Stored => {
            "a sign-in would fetch a newer list first"
        }
    }
}

fn inputs(facts: &Facts) -> Vec<String> {
    let mut inputs = vec![match facts.age {
        Some(age) => format!("list {} s old", age.as_secs()),
        None => "no list yet".to_owned(),
    }];
    if facts
        .list
        .as_ref()
        .is_some_and(|list| list.snapshot.list.is_partial())
    {
        inputs.push("the team's members are withheld".to_owned());
    }
    if let Some(attached) = facts.list.as_ref().and_then(|list| list.attached()) {
        inputs.push(format!(
            "attached apps with people: {}",
            attached.apps.len()
        ));
        if attached.skipped > 0 {
            inputs.push(format!("attached apps skipped: {}", attached.skipped));
        }
        if attached.left_out > 0 {
            inputs.push(format!(
                "attached apps left out, as there are too many: {}",
                attached.left_out
            ));
        }
    }
    match facts.attached {
        AttachedState::TooOld { .. } => {
            inputs.push("the answer about attached apps is too old".to_owned());
        }
        AttachedState::Missing { .. } => {
            inputs.push("heroku was not asked about attached apps yet".to_owned());
        }
        AttachedState::Unwanted | AttachedState::Counts { .. } => {}
    }
    let attempt = match facts.last_attempt {
        Attempt::Failing => Some("the last attempt to fetch it failed"),
        Attempt::Unwanted => Some("the resource is not in use"),
        _ => None,
    };
    inputs.extend(attempt.map(str::to_owned));
    if facts.dormant.is_some() {
        inputs.push("the resource is dormant".to_owned());
    }
    if facts.marks.pending_removal.is_some() {
        inputs.push("a removal is pending".to_owned());
    }
    if facts.marks.revoked.is_some() {
        inputs.push("earlier sessions were revoked".to_owned());
    }
    inputs
}
