//! The end of a resource: what ends it, what only suspends it, and what everything answers meanwhile.
//!
//! Nothing that a customer has is destroyed on a hint. Three things end a resource:
//!
//! - Heroku's authenticated DELETE, once your
//!   [`Addon::deprovision`](crate::partner_api::Addon::deprovision) has succeeded.
//! - Your own call of [`HerokuSso::deprovision`](crate::HerokuSso::deprovision).
//! - An absence that lasts: Heroku says for [`dormant_for`](crate::Config::dormant_for) (7 days) after the
//!   resource became dormant that it is not there.
//!
//! # Dormant
//! A 404 or 410 for the add-on counts only in Heroku's own words: JSON with Heroku's `id` for it, and a
//! `Request-Id`. Anything else with that status is an answer that failed. One such answer changes nothing:
//! the list counts to its age limit. At least three of them over at least 15 minutes, without a list in
//! between, make the resource *dormant*. Access is suspended, and nothing is lost: list, tokens, sessions
//! and registration stay.
//!
//! Heroku is asked for a dormant resource every hour. An answer with its list revives it, and so does a
//! new grant, by provisioning or [`register`](crate::HerokuSso::register).
//! [`HerokuSso::dormant`](crate::HerokuSso::dormant) names those that are dormant, and what revives each.
//! The first answer after `dormant_for` that the resource is still not there deprovisions it.
//!
//! A refresh token that Heroku refuses takes the same path after it was refused for `dormant_for`: dormant
//! then, and deprovisioned another `dormant_for` later. Until then
//! [`needing_grant`](crate::HerokuSso::needing_grant) names it.
//!
//! # The brake
//! Many resources that vanish at once are a mistake, such as a wrong `HEROKU_API_URL`. If more than 3 and
//! more than 5 % of all resources would become dormant within an hour, no further one does: the rest keeps
//! its lists to their age limit, those that are dormant are asked for immediately, and the audit event
//! `dormancy_braked` says so, as an error. The store counts, so that all processes count together.
//!
//! # What everything answers
//! A sign-in and a request are of a person on the list. *Waits*: until the call under way is answered, at
//! most ten seconds, and for another process until fifteen are over; then 503, and Heroku asks again. *Asked* is what
//! comes of a webhook: Heroku is asked, within the resource's budget; not with a grant that it has just
//! refused. *Next* is when the sync asks Heroku
//! by itself. The last column is what [`changes`](crate::HerokuSso::changes) says on the way there.
//! `tests/suite/end_of_a_resource.rs` reads this table and tries each cell.
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
//! A POST or a `register` with a new grant revives a dormant resource; one with the grant that was traded
//! before, or with one that Heroku refuses, does not. While a DELETE is under way, access goes on: it ends
//! when your method has succeeded, as your method may fail.
//!
//! # When a process stops
//! Each step is one change in the store, and what follows from it can be done again. So whatever the process
//! was about, the next one finds one of the situations above:
//!
//! | stopped after | found as |
//! | --- | --- |
//! | an answer was noted | Heroku says it is not there |
//! | it was made dormant, before anybody was told | dormant |
//! | a list or a grant was stored that revives it | active |
//! | it was ended, before anybody was told | deprovisioned without DELETE |
//! | your method has succeeded, before its end was stored | active: Heroku's next DELETE calls it again |
//! | its end was stored, before Heroku had its answer | deprovisioned |
//!
//! A release that does not know of dormant resources takes them for active ones, on the same tables: it asks
//! Heroku, and what it is told counts for all.
