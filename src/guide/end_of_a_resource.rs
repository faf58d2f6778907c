//! The end of a resource: what ends it, what only suspends it, and how each endpoint answers meanwhile.
//!
//! A single hint never destroys a customer's data. Three things end a resource:
//!
//! - Heroku's authenticated DELETE, once your
//!   [`Addon::deprovision`](crate::partner_api::Addon::deprovision) has succeeded.
//! - Your own call of [`Resources::deprovision`](crate::Resources::deprovision).
//! - A lasting absence: Heroku reports the resource as missing, or refuses its refresh token, until
//!   [`dormant_for`](crate::HerokuSsoBuilder::dormant_for) (7 days) after the resource became dormant.
//!
//! # Dormant
//! Only a 404 or 410 that is Heroku's own counts: JSON with Heroku's error `id`, and a `Request-Id` header.
//! Any other is a failed fetch. One such answer changes nothing: the list stays valid until its age limit.
//! Three or more over at least 15 minutes, with no successful fetch between, make the resource *dormant*.
//! Access is suspended, and nothing is lost: list, tokens, sessions and registration stay.
//!
//! The sync checks a dormant resource with Heroku every hour. An answer with its list revives it, and so does
//! a new grant, by provisioning or [`register`](crate::Resources::register). A resource whose grant was
//! refused is revived by a new grant only. [`Resources::dormant`](crate::Resources::dormant) lists dormant
//! resources and what revives each. The first answer after `dormant_for` that the resource is still missing
//! deprovisions it.
//!
//! A refresh token that Heroku refuses takes the same path after it was refused for `dormant_for`: dormant
//! then, and deprovisioned another `dormant_for` later. Until then
//! [`needing_grant`](crate::Resources::needing_grant) names it.
//!
//! # The brake
//! If many resources go missing at the same time, the cause is a mistake, such as a wrong `HEROKU_API_URL`.
//! At most 3 resources, or 5 % of all if that is more, become dormant per hour. Beyond that, the other
//! resources keep their lists to their age limit, dormant ones are checked immediately, and the audit event
//! `dormancy_braked` is logged as an error. The count is in the store, so all processes share it.
//!
//! # How each endpoint answers
//! Sign-in and request are by a person on the list. *Waits*: up to 10 s for the call in progress; for one in
//! another process until 15 s have passed; then 503, and Heroku retries. *Asked*: a webhook triggers a fetch
//! within the resource's budget, unless Heroku has just refused the grant. *Next*: when the background sync
//! fetches again. The last column is the event that [`changes`](crate::Lists::changes) yields on the
//! way there. A dormant resource answers a sign-in with 403 and a request with 503, and keeps the session;
//! 401 means that the session has ended, as nothing used the resource until its list was too old.
//! `tests/suite/end_of_a_resource.rs` reads this table and tests each cell.
//!
//! | situation | sign-in | request | POST | PUT | DELETE | webhook | `register` | next | changes |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | unknown | 403 | 401 | 200 | 404 | 404 | nothing | done | never | nothing |
//! | POST under way, grant not traded yet | 403 | 401 | waits | waits | waits | nothing | waits | never | nothing |
//! | POST under way, in your method | 303 | 401 | waits | waits | waits | asked | done | minutes | nothing |
//! | active | 303 | 200 | 200 | 200 | 204 | asked | done | in turn | Snapshot |
//! | Heroku says it is not there, list young | 303 | 200 | 200 | 200 | 204 | asked | done | minutes | nothing |
//! | Heroku says it is not there, list too old | 503 | 503 | 200 | 200 | 204 | asked | done | minutes | nothing |
//! | grant refused, list too old | 503 | 401 | 200 | 200 | 204 | nothing | done | minutes | nothing |
//! | too many would be dormant | 503 | 503 | 200 | 200 | 204 | asked | done | minutes | nothing |
//! | dormant | 403 | 503 | 200 | 200 | 204 | asked | done | hourly | ResourceDormant |
//! | dormant, grant refused | 403 | 401 | 200 | 200 | 204 | nothing | done | hourly | ResourceDormant |
//! | revived by an answer | 303 | 200 | 200 | 200 | 204 | asked | done | in turn | ResourceRevived |
//! | revived by a grant | 303 | 200 | 200 | 200 | 204 | asked | done | in turn | ResourceRevived |
//! | DELETE under way | 303 | 200 | waits | waits | waits | asked | done | in turn | nothing |
//! | DELETE failed in your method | 303 | 200 | 200 | 200 | 204 | asked | done | in turn | nothing |
//! | deprovisioning (202) | 403 | 401 | 410 | 410 | 204 | nothing | gone | never | nothing |
//! | deprovisioned without DELETE | 403 | 401 | 410 | 410 | 204 | nothing | gone | never | ResourceGone |
//! | deprovisioned | 403 | 401 | 410 | 410 | 410 | nothing | gone | never | ResourceGone |
//!
//! A POST or `register` revives a dormant resource only with a new grant that Heroku accepts. Access continues
//! during a DELETE, and ends once your method has succeeded.
//!
//! # When a process stops
//! Each step is one change in the store, and the actions that follow from it are idempotent. So if a
//! process stops at any point, the next process finds one of the situations above:
//!
//! | stopped after | next process finds |
//! | --- | --- |
//! | an answer was noted | Heroku says it is not there |
//! | it was made dormant, before any event was sent | dormant |
//! | a list or a grant was stored that revives it | active |
//! | it was ended, before any event was sent | deprovisioned without DELETE |
//! | your method has succeeded, before its end was stored | active: Heroku's next DELETE calls it again |
//! | its end was stored, before Heroku had its answer | deprovisioned |
//! | Heroku rotated the refresh token, before the new one was stored | active, and [`needing_grant`](crate::Resources::needing_grant) names it: register it with a new grant |
//!
//! An older release treats dormant resources as active. It shares the tables, and Heroku's answers to it
//! apply to all processes.
