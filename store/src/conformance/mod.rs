//! Rules that every [`Store`] obeys, for authors of stores (feature `conformance`).
//!
//! Each rule is a test: it panics if the store breaks it. [`check`] runs those of one process, and
//! [`check_restart`] those of a store whose data outlives the process. With
//! [`store_rules`](crate::store_rules), each can be a test of its own.
//!
//! ```
//! use heroku_sso_store::MemoryStore;
//! use heroku_sso_store::conformance;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! conformance::check(async || MemoryStore::default()).await;
//! # }
//! ```
//!
//! [`check_restart`] gets a function that makes an empty database. That function returns another one, which
//! opens a store on this database each time:
//!
//! ```no_run
//! # use heroku_sso_store::{MemoryStore, StoreError, conformance};
//! # struct EmptyDatabase;
//! # impl EmptyDatabase {
//! #     async fn create() -> Self { Self }
//! #     fn url(&self) -> &str { "" }
//! # }
//! # struct MyStore;
//! # impl MyStore {
//! #     async fn open(_: &str) -> Result<MemoryStore, StoreError> { Ok(MemoryStore::default()) }
//! # }
//! # async fn restarts() {
//! conformance::check_restart(async || {
//!     let database = EmptyDatabase::create().await;
//!     async move || MyStore::open(database.url()).await.unwrap()
//! })
//! .await;
//! # }
//! ```
//!
//! The rules need a tokio runtime with real time, so no `start_paused`. [`check`] opens about 40 empty
//! databases, one at a time, and [`check_restart`] five. Up to 50 tasks call one store concurrently.
//!
//! The rules check neither [`SharedStore`](crate::SharedStore), nor encryption, nor what happens when a call
//! fails or is dropped. Test yours by the [rules of `Store`](crate::Store).

mod absences;
mod forms;
mod lists;
mod people;
mod resources;
mod restart;
mod sessions;
mod values;

use crate::store::Store;

pub use absences::*;
pub use forms::*;
pub use lists::*;
pub use people::*;
pub use resources::*;
pub use restart::*;
pub use sessions::*;

/// Gives the names of all rules to a macro of yours, so that each can be a test of its own. A rule takes a
/// new, empty store; those of `restart` and `session_restart` take a function that opens the same store,
/// again and again. The rules of the two groups with sessions are for a store that [keeps
/// sessions](Store::sessions).
///
/// ```
/// use heroku_sso_store::MemoryStore;
/// use heroku_sso_store::conformance;
///
/// macro_rules! tests {
///     (rules { $($rule:ident)* } sessions { $($of_sessions:ident)* } $($restart:tt)*) => {
///         $(#[tokio::test]
///         async fn $rule() {
///             conformance::$rule(MemoryStore::default()).await;
///         })*
///     };
/// }
/// heroku_sso_store::store_rules!(tests);
/// ```
#[macro_export]
macro_rules! store_rules {
    ($macro:ident) => {
        $macro! {
            rules {
                sequence_numbers_increase_for_all_callers
                concurrent_registrations_store_one
                changed_registration_is_not_overwritten
                registration_round_trips
                tokens_are_replaced_only_from_the_latest_revision
                legacy_id_finds_active_resources_only
                ambiguous_legacy_id_finds_no_resource
                closing_deletes_the_list_and_keeps_the_tokens
                ended_resource_keeps_no_data_and_cannot_be_registered
                erased_resource_can_be_registered_again
                webhook_fingerprint_is_stored_without_a_new_revision
                absence_grows_until_a_later_list_clears_it
                absence_of_another_kind_restarts_the_count
                only_the_latest_answer_makes_dormant_or_ends
                new_grant_clears_an_absence_and_new_legacy_id_does_not
                dormant_resource_is_loaded_and_deprovisioning_one_is_not
                partner_call_is_owed_until_it_is_done
                brake_counts_dormancies_within_an_hour
                brake_limits_concurrent_dormancies
                list_is_stored_with_its_sequence_number
                older_list_never_replaces_a_newer_one
                newest_members_are_stored_once_per_team
                pages_contain_every_active_resource_once_in_order
                latest_revocation_counts_and_old_ones_are_deleted
                revocation_of_all_is_stored_with_the_latest_sequence_number
                pending_removal_lasts_until_a_later_list
                erased_person_is_in_no_record
                consumed_key_is_known_before_it_is_consumed_again
                one_of_50_concurrent_consumers_of_a_key_succeeds
                consumed_key_stays_consumed_an_hour_past_its_expiry
                closed_session_stays_closed_an_hour_past_its_expiry
            }
            sessions {
                session_round_trips
                session_of_a_resource_that_is_not_active_is_not_stored
                closed_session_has_no_record
                sessions_are_listed_by_resource_and_email_latest_first
                revoked_sessions_are_not_listed
                use_of_a_session_is_stored_after_a_minute
                sessions_end_with_their_resource
                expired_sessions_are_deleted_an_hour_later
                erased_person_has_no_session
            }
            restart {
                restart_loses_no_state
                dormant_resource_is_dormant_after_a_restart
                reopened_store_continues_with_higher_sequence_numbers
            }
            session_restart {
                restart_keeps_sessions
            }
        }
    };
}

/// Checks all rules of a store that need no restart. `open` opens a new, empty store each time. The rules of
/// sessions are checked if the store [keeps sessions](Store::sessions).
///
/// # Panics
/// If the store breaks a rule.
pub async fn check<S: Store>(open: impl AsyncFn() -> S) {
    macro_rules! check {
        (rules { $($rule:ident)* } sessions { $($of_sessions:ident)* } $($restart:tt)*) => {
            $($rule(open().await).await;)*
            if open().await.sessions().is_some() {
                $($of_sessions(open().await).await;)*
            }
        };
    }
    store_rules!(check);
}

/// Checks the rules of a durable store. `open_empty` makes an empty place and returns the function that opens
/// a store there, again and again.
///
/// # Panics
/// If the store breaks a rule.
pub async fn check_restart<S: Store, O: AsyncFn() -> S>(open_empty: impl AsyncFn() -> O) {
    macro_rules! check {
        (
            rules $rules:tt
            sessions $sessions:tt
            restart { $($rule:ident)* }
            session_restart { $($of_sessions:ident)* }
        ) => {
            $($rule(open_empty().await).await;)*
            let open = open_empty().await;
            if open().await.sessions().is_some() {
                $($of_sessions(open_empty().await).await;)*
            }
        };
    }
    store_rules!(check);
}
