//! From the form to the session, what each request goes through, and why the answer is what it is.
//!
//! One rule is above all others: **no request reaches your service unless its email was on a list that
//! Heroku gave within the allowed age. When in doubt, it is refused.** This chapter says how the crate
//! holds it, and names the source of each step. Where Heroku's articles are silent or disagree, it says
//! what the crate chose.
//!
//! # A sign-in
//! A customer opens the add-on in Heroku's dashboard. Heroku knows who that is, and answers with a page
//! whose form posts itself to your SSO path.
//!
//! | step | rule | source |
//! | --- | --- | --- |
//! | 1. read | a form by POST, of 64 KiB at most, within 10 seconds; each known field once, and none of them in the query | the crate's own; [RFC 9110] for 405, 408, 413, 415 |
//! | 2. verify | `user_scoped_resource_token` must be there and match; without it, `resource_token` counts only under [`AllowUnsignedEmail`](crate::SsoPolicy::AllowUnsignedEmail) or [`Legacy`](crate::SsoPolicy::Legacy), and the version 1 pair `id` and `token` under `Legacy` alone | [Add-on SSO]: the first is the recommended one of Heroku's three tokens |
//! | 3. time | at most 5 minutes old, at most 60 seconds ahead | [Add-on SSO] for the age; Heroku states no rule for the future |
//! | 4. the list | the email is on the resource's access list, and the list names no other account for it | [Syncing user access] |
//! | 5. open | a session under a new id, for this resource alone, which lasts as long as its list does | [Ownership model]: a list of who may enter is good for 5 minutes |
//! | 6. use up | the form counts once, in all processes; also without its stronger token, and in another spelling | the crate's own: Heroku asks for no replay protection |
//! | 7. answer | 303 to the landing page, with the cookie | [RFC 9110] 15.4.4 |
//!
//! The tokens are hashes with the salt in the middle, and no MACs. So all fields go through a narrow
//! grammar before anything is hashed ([`sso`](crate::sso)), and digests are compared in constant time. The
//! older token does not cover the email; where it counts, the session is marked
//! [`Proof::UnsignedEmail`](crate::Proof::UnsignedEmail), and has nothing that rests on the email. See
//! [`threats`](crate::guide::threats#unsigned-emails).
//!
//! Step 6 comes late on purpose: a form that met a database or a Heroku that was away is not used up, and
//! can be sent again.
//!
//! Your own login ([`HerokuSso::admit`](crate::HerokuSso::admit)) is steps 4, 5 and 7, with your word in
//! the place of Heroku's signature.
//!
//! # The list
//! An access list is what four calls of the Platform API tell, with the token of that one resource: the
//! add-on (whose app is it?), the app (has it a team?), the app's collaborators, and the team's members. The
//! union of the two is the list ([Syncing user access]).
//!
//! - **Emails** are compared without regard to ASCII case and to spaces around them. Heroku does not say
//!   whether its lists and its forms spell alike.
//! - **Accounts.** Where both sides name one, they must be the same one. An address that was given to
//!   another account lets nobody in. A session of an account that has another address on the list now is
//!   over, and its browser is led through Heroku once, where the new address gets in.
//! - **Owners of team apps** are accounts of Heroku's own, `…@herokumanager.com`. They are nobody.
//! - **Roles** are the union of both lists, as strings that Heroku may add to. They are asked at each
//!   request and are not part of a session.
//! - **[`ListPolicy::Documented`](crate::ListPolicy::Documented)** is Heroku's recipe to the letter. It lets
//!   in team members whose only role is `collaborator`, who were added to some app of the team and perhaps
//!   not to this one; [`ListPolicy::Strict`](crate::ListPolicy::Strict) leaves them out.
//! - **People of other apps** that the add-on is attached to are not on it: the list is that of the app
//!   which the add-on belongs to.
//! - **Whole or not at all.** A list takes the place of another only when every page of it has arrived.
//!   Errors, partial answers and answers about something else change nothing.
//! - **Its end.** That Heroku says that the add-on is not there suspends access after a quarter of an hour,
//!   and ends the resource after a week: see [`end_of_a_resource`](crate::guide::end_of_a_resource).
//! - **A team that Heroku does not tell.** If Heroku answers 403 for the members, collaborators come in
//!   still; about everybody else nobody knows, so they get 503.
//!
//! # How old it may be
//! | what | age | then |
//! | --- | --- | --- |
//! | a list in use | fetched again after 70 to 90 % of `refresh_interval` (5 min) | sessions follow it |
//! | at a sign-in, at a request, while a stream is open | older than `refresh_interval` | Heroku is asked first, once for all who wait |
//! | somebody who is not on it | any age | Heroku is asked once more: a collaborator of a minute ago gets in. 10 times at once for a resource, then once in 10 seconds, and for all of them 150 calls at once, then 6 a minute, so that strangers do not spend your rate limit |
//! | Heroku does not answer | up to `max_list_age` (10 min) | the last list counts |
//! | Heroku does not answer | older than that | 503; sessions are kept |
//! | nothing used the resource | older than `max_list_age` | its sessions are over; a sign-in fetches |
//! | a list that nobody uses | fetched again after 70 to 90 % of `idle_interval` (6 h) | |
//! | a webhook says that somebody left | any age | that person waits for a list that was asked for since |
//!
//! Two of Heroku's articles set a limit. The [Ownership model] says that lists of users are not to be kept,
//! or for five minutes at most. [Syncing user access] wants a sync at least as often as sessions end. The
//! defaults obey both. `refresh_interval` can be made longer, and then that is your decision, not Heroku's.
//!
//! Ages are told by the wall clock and by the time that has passed in the process, whichever is more: a
//! clock that is set back makes no list younger.
//!
//! # A request
//! 1. The path is looked at: SSO path and sign-out path are the gate's own.
//! 2. The session is found by its cookie (or bearer token, [RFC 6750]). None: 401 `no-session`.
//! 3. Under [`resource_in_path`](crate::Config::resource_in_path) it must be that of the resource in the
//!    path. Else: 403 `other-resource`.
//! 4. It must not be over: see below. Else: 401 `session-ended`. A resource that is gone, a session that was
//!    revoked: the same.
//! 5. The newest list is taken from memory, after one fetch if it is older than `refresh_interval`. No list
//!    that may decide: 503 `cannot-check`.
//! 6. The email must be on it. Else: 403 `not-listed`, and the session is over for good.
//! 7. Your service is called, with a [`HerokuUser`](crate::HerokuUser) in the extensions. One that came
//!    from anywhere else was taken out before.
//!
//! One list decides a whole request, also if a newer one arrives meanwhile. Response bodies that are still
//! being read are ended when their reader's access ends ([`Streams`](crate::Streams)).
//!
//! # When a session is over
//! A session stores the user, the resource, the proof and the sign-in time. It has no stored end: the newest
//! list decides, whether or not a request comes. The same rule holds for requests, streams, downloads, WebSockets, signed cookies and bearer tokens:
//!
//! | the newest list is | then |
//! | --- | --- |
//! | at most `refresh_interval` old | it decides |
//! | older, at most `max_list_age` | one fetch, which all who wait share, decides; without an answer (from Heroku, the rate limit, the store, another process) the current list decides |
//! | older than that, and fetches failed | 503 `cannot-check` with `Retry-After`. The session is kept, and works again after the next successful fetch. A stream is not cut while an attempt is under way |
//! | older than that, as nothing used the resource | the session is over: 401 `session-ended`, and a browser is led through Heroku once |
//!
//! In any case it is over `max_session` after its sign-in, and by a sign-out, a revocation or a removal.
//! [`HerokuUser::session_expires_at`](crate::HerokuUser::session_expires_at) is one `refresh_interval` after
//! the newest list, at most that end.
//!
//! A resource is **in use**, and its list fetched every `refresh_interval`, while it had a request within
//! [`in_use_for`](crate::Config::in_use_for) (15 minutes), or a response body is still being read, or a
//! WebSocket awaits [`HerokuUser::ended`](crate::HerokuUser::ended). Long downloads, event streams and forms
//! that take minutes to fill in therefore keep their session.
//!
//! # Why 401, why 403, why 503
//! | status | meaning | what helps | kinds |
//! | --- | --- | --- | --- |
//! | 401 | nobody is known here | signing in through Heroku | `no-session`, `session-ended` |
//! | 403 | somebody is known, or a form was read, and the answer is no | another person, another form, another role | `not-listed`, `missing-role`, `unsigned-email`, `other-resource`, `invalid-sign-in`, `stale-sign-in`, `used-sign-in`, `cross-site` |
//! | 503 | nobody can tell right now | waiting: `Retry-After` says how long | `cannot-check` |
//! | 405, 408, 413, 415 | what came is no SSO form, or no sign-out | | `method-not-allowed`, `slow-body`, `too-large`, `not-a-form` |
//!
//! This is the distinction of [RFC 9110] (15.5.2, 15.5.4, 15.6.4). Two answers deserve a word:
//!
//! - **An unknown resource and an unlisted email are one answer**, 403 `not-listed`. Who may not come in
//!   learns nothing of who else is there.
//! - **503 is never 403.** When Heroku is away nothing is known against the customer; and it is never a way
//!   in.
//!
//! A browser whose session has ended is not shown a 401. It is led (303) to the add-on's page at Heroku,
//! which signs the person in again, and back to the page that it wanted; at most once a minute, then the
//! page comes. [`OnExpired::Page`](crate::OnExpired::Page) turns that off. A 401 carries
//! `WWW-Authenticate: Heroku-SSO`, as [RFC 9110] wants a challenge and `Basic` would make browsers ask for
//! a password; for bearer tokens it is `Bearer error="invalid_token"` ([RFC 6750]).
//!
//! Programs get `application/problem+json` ([RFC 9457]).
//!
//! ## Pages of your own
//! [`gate::Refusal`](crate::gate::Refusal) is in the extensions of every page and problem document, with
//! all that our page says, for a layer of yours outside of the gate. With it the pages can be your own;
//! escape what you take from it, and keep the response's status and headers, as cookies and `Retry-After`
//! are among them, but for a `Content-Security-Policy` that your page does not fit:
//!
//! ```
//! use axum::body::Body;
//! use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
//! use axum::response::Response;
//! use tower_heroku_sso::gate::Refusal;
//! use tower_heroku_sso::partner_api::NoProvisioning;
//!
//! async fn in_our_colours(mut response: Response) -> Response {
//!     let kind = response.headers().get(CONTENT_TYPE);
//!     let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
//!     let Some(refusal) = response.extensions_mut().remove::<Refusal>().filter(|_| is_page) else {
//!         return response;
//!     };
//!     let (mut head, _) = response.into_parts();
//!     head.headers.remove(CONTENT_LENGTH);
//!     let (title, advice) = (refusal.kind().title(), refusal.kind().advice());
//!     let mut page = format!("<!doctype html><title>{title}</title><h1>{title}</h1><p>{advice}");
//!     if let Some(url) = refusal.sign_in_url() {
//!         page += &format!("<p><a href=\"{url}\">Sign in again</a>");
//!     }
//!     Response::from_parts(head, Body::from(page))
//! }
//! # fn site(sso: tower_heroku_sso::HerokuSso) -> axum::Router {
//! axum::Router::new()
//!     // your routes
//!     .layer(sso.layer())
//!     .merge(sso.partner_api(NoProvisioning))
//!     .layer(axum::middleware::map_response(in_our_colours)) // last of all: forms are refused there too
//! # }
//! ```
//!
//! # A sign-out
//! By POST to the sign-out path, from your own site: `Sec-Fetch-Site`, or else `Origin` against `Host`, tell.
//! What another site sends is 403 `cross-site`, and the session stays.
//!
//! # The cookies
//! | cookie | holds | lives |
//! | --- | --- | --- |
//! | `__Host-heroku_sso` | the session's id; the signed grant under [`stateless`](crate::HerokuSsoBuilder::stateless) | `max_session`. Only a sign-in sets it, only a sign-out takes it away: what it says is asked at each use |
//! | `__Host-heroku_sso_hint` | which resource this browser last used: whose page at Heroku signs it in again. Authenticated; grants nothing | 30 days |
//! | `__Host-heroku_sso_back` | the page to come back to | 10 minutes |
//!
//! Under `resource_in_path` each resource has a session cookie of its own, with its id in the name.
//!
//! All are `Secure`, `HttpOnly`, `SameSite=Lax`, `Path=/`. Not `Strict`, as a browser would not send such
//! a cookie on the redirect that follows Heroku's cross-site form. `__Host-` keeps hosts beside yours from
//! setting one ([RFC 6265bis]).
//!
//! [Add-on SSO]: https://devcenter.heroku.com/articles/add-on-single-sign-on
//! [Ownership model]: https://devcenter.heroku.com/articles/add-on-ownership-model-for-add-on-partners
//! [RFC 6265bis]: https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis
//! [RFC 6750]: https://www.rfc-editor.org/rfc/rfc6750
//! [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110
//! [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457
//! [Syncing user access]: https://devcenter.heroku.com/articles/syncing-user-access-as-an-ecosystem-partner
