//! How a form becomes a session, how each request is checked, and the reason for each answer.
//!
//! One rule is above all others: **no request reaches your service unless its email was on a list that
//! Heroku gave within the allowed age. When in doubt, the request is rejected.** This chapter says how the
//! crate enforces it, and names the source of each step. Where Heroku's articles are silent or disagree, it
//! says what the crate chose.
//!
//! # A sign-in
//! A customer opens the add-on in Heroku's dashboard. Heroku has authenticated the user, and answers with a
//! page whose form posts itself to your SSO path.
//!
//! | step | rule | source |
//! | --- | --- | --- |
//! | 1. read | a form by POST, of 64 KiB at most, within 10 seconds; each known field once, and none of them in the query | the crate's own; [RFC 9110] for 405, 408, 413, 415 |
//! | 2. verify | `user_scoped_resource_token` must be there and match; without it, `resource_token` counts only under [`AllowUnsignedEmail`](crate::SsoPolicy::AllowUnsignedEmail) or [`Legacy`](crate::SsoPolicy::Legacy), and the version 1 pair `id` and `token` under `Legacy` alone | [Add-on SSO]: the first is the recommended one of Heroku's three tokens |
//! | 3. time | at most 5 minutes old, at most 60 seconds ahead | [Add-on SSO] for the age; Heroku states no rule for the future |
//! | 4. the list | the email is on the resource's access list, and the list names no other account for it | [Syncing user access] |
//! | 5. open | a session under a new id, for this resource only, which is valid as long as its list | [Ownership model]: an access list is valid for 5 minutes |
//! | 6. consume | the form is accepted once, in all processes; this includes copies without its stronger token, or in another spelling | the crate's own: Heroku requires no replay protection |
//! | 7. answer | 303 to the landing page, with the cookie | [RFC 9110] 15.4.4 |
//!
//! The tokens are plain hashes with the salt in the middle, not MACs. So all fields must match a narrow
//! grammar before anything is hashed ([`sso`](crate::sso)), and digests are compared in constant time. The
//! older token does not cover the email. Where the policy accepts it, the session is marked
//! [`Proof::UnsignedEmail`](crate::Proof::UnsignedEmail), and has no privileges that depend on the email.
//! See [`threats`](crate::guide::threats#unsigned-emails).
//!
//! Step 6 comes late on purpose. A form that was received while the database or Heroku was unavailable is
//! not consumed, and can be sent again.
//!
//! Your own login ([`Sessions::admit`](crate::Sessions::admit)) consists of steps 4, 5 and 7, with your
//! own verification in place of Heroku's signature.
//!
//! # The list
//! An access list is built from four calls to the Platform API, with the token of that one resource: the
//! add-on (which app owns it?), the app (does it have a team?), the app's collaborators, and the team's
//! members. The list is the union of collaborators and members ([Syncing user access]).
//!
//! - **Emails** are compared ignoring ASCII case and surrounding spaces. Heroku does not document whether
//!   its lists and its forms use the same spelling.
//! - **Accounts.** If both the form and the list name an account, the two must be equal. An address that
//!   now belongs to another account admits no user. If an account has another address on the list now, its
//!   session ends, and its browser is redirected through Heroku once. The sign-in then succeeds with the
//!   new address.
//! - **Owners of team apps** are Heroku's own accounts, `…@herokumanager.com`. They are ignored.
//! - **Roles** are the union of both lists, as strings; Heroku may add new ones. They are read at each
//!   request and are not part of a session.
//! - **[`ListPolicy::Documented`](crate::ListPolicy::Documented)** is exactly Heroku's recipe. It admits
//!   team members whose only role is `collaborator`. They were added to some app of the team, perhaps not
//!   to this one; [`ListPolicy::Strict`](crate::ListPolicy::Strict) excludes them.
//! - **Users of other apps** that the add-on is attached to are not on the list: it is the list of the app
//!   that the add-on belongs to. With [`include_attached_apps`](crate::HerokuSsoBuilder::include_attached_apps) the
//!   collaborators of those apps are on it, without roles and permissions. In a team's app, Heroku lists the
//!   members with access to it among them. They are read after every third refresh, or as often as
//!   `max_list_age` requires, and have an age of their own. If they cannot be read, the list of the app that
//!   owns the add-on is not affected, and their people get 503 once the last answer is too old. If Heroku
//!   refuses twice in a row to list an attached app, the people of that app lose access.
//! - **Complete or not at all.** A list replaces another only when every page of it has arrived. Errors,
//!   partial answers and answers about another subject change nothing.
//! - **Its end.** If Heroku reports the add-on as missing for 15 minutes, access is suspended; after a week
//!   the resource ends: see [`end_of_a_resource`](crate::guide::end_of_a_resource).
//! - **A team whose members Heroku withholds.** If Heroku answers 403 for the members, collaborators are
//!   still admitted. All other users get 503, as their access is unknown.
//!
//! # How old a list may be
//! | what | age | then |
//! | --- | --- | --- |
//! | a list in use | fetched again after 70 to 90 % of `refresh_interval` (5 min) | sessions follow it |
//! | at a sign-in, at a request, while a stream is open | older than `refresh_interval` | it is fetched first, once for all waiting requests |
//! | a user who is not on the list | any age | it is fetched once more, so that a collaborator added a minute ago is admitted. A resource has a burst of 10 such fetches, then one per 10 seconds; all resources together have a burst of 150 calls, then 6 per minute. So outsiders cannot spend your rate limit |
//! | Heroku does not answer | up to `max_list_age` (10 min) | the last list decides |
//! | Heroku does not answer | older than that | 503; sessions are kept |
//! | nothing used the resource | older than `max_list_age` | its sessions have ended; a sign-in fetches the list |
//! | a list that is not in use | fetched again after 70 to 90 % of `idle_interval` (6 h) | |
//! | a webhook says that a user was removed | any age | that user's requests wait for a list that was requested after the webhook |
//!
//! Two of Heroku's articles set a limit. The [Ownership model] says that lists of users must not be kept,
//! or for five minutes at most. [Syncing user access] requires a sync at least as often as sessions end.
//! The defaults comply with both. You can make `refresh_interval` longer at your own responsibility: that
//! is more than Heroku's article allows.
//!
//! Age is measured by the wall clock and by the monotonic clock of the process; the greater age counts. So
//! a clock that is set back makes no list younger.
//!
//! # A request
//! 1. The path is checked: the gate itself handles the SSO path and the sign-out path.
//! 2. The session is looked up by its cookie (or bearer token, [RFC 6750]). If there is none: 401
//!    `no-session`.
//! 3. Under [`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path) it must belong to the resource in the
//!    path. Otherwise: 403 `other-resource`.
//! 4. The session must not have ended: see below. Otherwise: 401 `session-ended`. The same applies to a
//!    deprovisioned resource and to a revoked session.
//! 5. The newest list is read from memory, after one fetch if it is older than `refresh_interval`. If no
//!    list is young enough: 503 `cannot-check`.
//! 6. The email must be on the list. Otherwise: 403 `not-listed`, and the session ends permanently.
//! 7. Your service is called, with a [`HerokuUser`](crate::HerokuUser) in the extensions. A `HerokuUser`
//!    from any other source was removed before.
//!
//! One list decides a whole request, even if a newer list arrives meanwhile. The gate ends response bodies
//! that are still being read when their user's access ends ([`Streams`](crate::Streams)).
//!
//! # When a session ends
//! A session stores the user, the resource, the proof and the sign-in time. It has no stored expiry: the
//! newest list decides, with or without requests. The same rule holds for requests, streams, downloads,
//! WebSockets, signed cookies and bearer tokens:
//!
//! | the newest list is | then |
//! | --- | --- |
//! | at most `refresh_interval` old | it decides |
//! | older, at most `max_list_age` | one fetch, shared by all waiting requests, decides; without an answer (from Heroku, the rate limit, the store, another process) the current list decides |
//! | older than that, and fetches failed | 503 `cannot-check` with `Retry-After`. The session is kept, and works again after the next successful fetch. A stream is not cut while a fetch is in progress |
//! | older than that, as nothing used the resource | the session ends: 401 `session-ended`, and a browser is redirected through Heroku once |
//!
//! In any case it ends `max_session` after its sign-in, and at a sign-out, a revocation or a removal.
//! [`HerokuUser::session_expires_at`](crate::HerokuUser::session_expires_at) is one `refresh_interval`
//! after the newest list, but at most `max_session` after the sign-in.
//!
//! A resource is **in use**, and its list fetched every `refresh_interval`, while it had a request within
//! [`in_use_for`](crate::HerokuSsoBuilder::in_use_for) (15 minutes), or a response body is still being read, or a
//! WebSocket awaits [`HerokuUser::ended`](crate::HerokuUser::ended). Long downloads, event streams and forms
//! that take minutes to fill in therefore keep their session.
//!
//! # Why 401, why 403, why 503
//! | status | meaning | remedy | kinds |
//! | --- | --- | --- | --- |
//! | 401 | the request is not authenticated | signing in through Heroku | `no-session`, `session-ended` |
//! | 403 | the user is known, or a form was read, but access is denied | another user, another form, another role | `not-listed`, `missing-role`, `missing-permission`, `unsigned-email`, `other-resource`, `invalid-sign-in`, `stale-sign-in`, `used-sign-in`, `invalid-link`, `expired-link`, `cross-site` |
//! | 503 | access cannot be checked right now | waiting: `Retry-After` says how long | `cannot-check` |
//! | 405, 408, 413, 415 | the request is not a valid SSO form or sign-out | | `method-not-allowed`, `slow-body`, `too-large`, `not-a-form` |
//!
//! This is the distinction of [RFC 9110] (15.5.2, 15.5.4, 15.6.4). Two answers need an explanation:
//!
//! - **An unknown resource and an unlisted email get the same answer**, 403 `not-listed`. So a rejected
//!   user cannot find out which resources and users exist.
//! - **503 is never 403.** While Heroku is unavailable, the user's access is unknown, not denied. A 503
//!   never admits a request.
//!
//! A browser whose session has ended does not get a 401. It is redirected (303) to the add-on's page at
//! Heroku, which signs the user in again, and back to the page that it requested. This happens at most once
//! a minute for each page; otherwise the browser gets the 401 page, whose link leads back as well.
//! [`OnExpired::Page`](crate::OnExpired::Page) turns that off; [`browsers`](crate::guide::browsers#the-way-back)
//! has the details. A 401 carries `WWW-Authenticate: Heroku-SSO`, as [RFC 9110] requires a challenge, and `Basic`
//! would make browsers ask for a password; for bearer tokens it is `Bearer error="invalid_token"` ([RFC
//! 6750]).
//!
//! Programs get `application/problem+json` ([RFC 9457]):
//!
//! ```json
//! {
//!   "type": "urn:tower-heroku-sso:session-ended",
//!   "title": "Your session has ended",
//!   "status": 401,
//!   "detail": "Open the add-on from your app's Resources page in the Heroku Dashboard.",
//!   "sign_in_url": "https://addons-sso.heroku.com/apps/…/addons/…"
//! }
//! ```
//!
//! The last part of `type` is [`RejectionKind::code`](crate::RejectionKind::code).
//!
//! What the gate does to the cacheability of a page is [one table](crate::guide::browsers#caches).
//!
//! ## Pages of your own
//! [`on_rejection`](crate::HerokuSsoBuilder::on_rejection) gives your own response in place of the crate's
//! page. [`gate::Rejection`](crate::gate::Rejection) has everything that the crate's page says. Escape the
//! values that you take from it. The gate keeps its status, cookies and headers:
//!
//! ```
//! use http::Response;
//! use http::request::Parts;
//! use tower_heroku_sso::HerokuSsoBuilder;
//! use tower_heroku_sso::gate::Rejection;
//!
//! fn in_our_colours(rejection: &Rejection, _request: &Parts) -> Option<Response<String>> {
//!     if !rejection.is_page() {
//!         return None; // a program gets the problem document
//!     }
//!     let (title, advice) = (rejection.kind().title(), rejection.kind().advice());
//!     let mut page = format!("<!doctype html><title>{title}</title><h1>{title}</h1><p>{advice}");
//!     if let Some(url) = rejection.sign_in_url() {
//!         page += &format!("<p><a href=\"{url}\">Sign in again</a>");
//!     }
//!     Some(Response::new(page))
//! }
//!
//! # fn set_up(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
//! builder.on_rejection(in_our_colours)
//! # }
//! ```
//!
//! The `Rejection` is in the extensions of the response as well, for layers of yours outside of the gate.
//!
//! # A sign-out
//! A sign-out is a POST to the sign-out path from your own site. The gate checks `Sec-Fetch-Site`, or, if that
//! header is missing, whether `Origin` is that of this site, as [for a WebSocket](#a-websocket). Allowed origins
//! do not count. A sign-out from another site gets 403 `cross-site`, and the session stays.
//! A browser is redirected to the same path, where GET confirms that it is signed out; a program that asks for
//! JSON gets 204.
//!
//! # A WebSocket
//! Browsers send the cookies of a site with a WebSocket handshake from any page, and show its messages to that
//! page. `SameSite` does not stop pages of sibling hosts. So a handshake with a session cookie, by `Upgrade:
//! websocket` or by HTTP/2's extended CONNECT, gets 403 `foreign-origin` if its `Origin` differs from
//! [`public_url`](crate::HerokuSsoBuilder::public_url), or from `Host` if that is not set.
//!
//! If `Host` decides, a page over plain http is foreign, even of the same host: an attacker on the network can
//! write it. Pages of your own machine (`localhost`, loopback addresses) are not, nor is any with
//! [`insecure_cookies`](crate::HerokuSsoBuilder::insecure_cookies).
//!
//! [`allowed_origins`](crate::HerokuSsoBuilder::allowed_origins) permits others. The log names the origin. Programs send
//! no `Origin`, and a browser never adds a bearer token on its own: both pass.
//!
//! # A signed link
//! [`Lists::link`](crate::Lists::link) makes a link to a page of one resource, for a mail to a colleague. It
//! leads to the SSO path. A browser with a session for the resource is redirected to the page. Any other is led
//! through Heroku, as one whose session has ended, and from there to the page. The link gives no access: a user
//! who is not on the list gets the usual 403. A changed link gets 403 `invalid-link`, an expired one 403
//! `expired-link`. If the resource has no list yet, its page at Heroku is not known, and the
//! answer is 401 `no-session`.
//!
//! # The cookies
//! | cookie | holds | lifetime |
//! | --- | --- | --- |
//! | `__Host-heroku_sso` | the session's id; the signed grant under [`CookieSessions`](crate::CookieSessions) | `max_session`. Only a sign-in sets it, only a sign-out removes it: its content is checked at each use |
//! | `__Host-heroku_sso_hint` | the resource that this browser last used, whose page at Heroku signs it in again. Authenticated; grants nothing | 30 days |
//! | `__Host-heroku_sso_back_…` | a page to return to; one cookie for each page, at most 8 | 10 minutes |
//!
//! Under `resource_in_path` each resource has its own session cookie, with its id in the name. Beyond 4.5 KiB of
//! signed cookies, the landing page of a sign-in removes the earliest of the others.
//!
//! All are `Secure`, `HttpOnly`, `SameSite=Lax`, `Path=/`. They are not `Strict`, as a browser would not
//! send such a cookie on the redirect that follows Heroku's cross-site form. `__Host-` prevents sibling
//! hosts from setting one ([RFC 6265bis]).
//!
//! [Add-on SSO]: https://devcenter.heroku.com/articles/add-on-single-sign-on
//! [Ownership model]: https://devcenter.heroku.com/articles/add-on-ownership-model-for-add-on-partners
//! [RFC 6265bis]: https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis
//! [RFC 6750]: https://www.rfc-editor.org/rfc/rfc6750
//! [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110
//! [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457
//! [Syncing user access]: https://devcenter.heroku.com/articles/syncing-user-access-as-an-ecosystem-partner
