//! What is defended, what is not, and what remains your responsibility.
//!
//! [SECURITY.md] has the table: each attack by number, with the tests whose names begin with it, and how to
//! report a vulnerability. This chapter helps you decide whether these defences are enough.
//!
//! # What is defended
//! No user reaches the wrapped service unless their email is on a list that Heroku gave within the allowed
//! age, for the resource of their session. In particular:
//!
//! | an attacker who | is stopped by |
//! | --- | --- |
//! | writes, alters or lengthens a form | the digests, over fields of a narrow grammar |
//! | keeps a form, or sends it again, also in another spelling or to another process | its time window, and each form is accepted once |
//! | has left the app or the team | the newest list, at each request. With [`include_attached_apps`](crate::HerokuSsoBuilder::include_attached_apps), not a person who is on an attached app as well |
//! | has a form of one resource and wants another's | the id that the token covers |
//! | has one resource's session and wants another's pages | one session, one resource ([`HerokuUser::resource`](crate::HerokuUser::resource)); with `resource_in_path`, the path must name the same resource |
//! | opens a WebSocket with a customer's cookie, from a page of a sibling host or over plain http | its `Origin` ([`RejectionKind::ForeignOrigin`](crate::RejectionKind::ForeignOrigin)) |
//! | plants a session id in a browser | a new id at each sign-in, and cookies with `__Host-` |
//! | makes up resources, or users, by the thousand | a budget of calls, and the same answer for all of them |
//! | is a customer, and causes as many calls as possible: forms of unlisted users, refreshes, webhooks, used forms | a budget per resource, and one for all; lists in use of other customers are refreshed as before |
//! | attaches the add-on to many apps, to crowd out others, or to make many calls | at most 20 apps are read, those with people at the last reading first; readings have budgets of their own |
//! | adds an identity to the request ([`HerokuUser`](crate::HerokuUser), an assertion) | removal of both before the gate decides |
//! | is on the network path between you and Heroku | TLS; https only, no redirect is followed, answers are capped |
//! | has a copy of the database | encrypted tokens, and hashes of session ids that open nothing. Not encrypted: the emails of lists and sessions; and all of a given session store |
//! | sends a changed link, or one that leads elsewhere | a signature over resource, path and end; only paths of this site; the list decides as for any sign-in |
//! | reads the log | the log has no secrets, and names people in the audit target only |
//!
//! # What is not defended
//! | attack | why it works | what helps |
//! | --- | --- | --- |
//! | an attacker's own form in a customer's browser ("login CSRF") | Heroku's form is cross-site and cannot carry a token of yours | show who is signed in, and for which app: [`whoami_html`](crate::Routes::whoami_html) |
//! | use of a customer's browser, or of its cookie | the cookie is the session | https, `max_session`, [`revoke`](crate::Sessions::revoke) |
//! | access of a user who was removed a moment ago | lists are polled | webhooks; a shorter `refresh_interval` |
//! | write access to your database | a writer can create a session | the database's own access rules |
//! | knowledge of `SESSION_KEY`, the salt or the client secret | the gate trusts these secrets | [changing them](crate::guide::deploying) |
//! | a dump of the process' memory | tokens, lists and the salt are in it | |
//! | a flood of requests | the gate caps the cost of each request, not their number | a rate limit in front |
//!
//! # Unsigned emails
//! Heroku's forms carry up to three tokens. Only the newest covers the email. All of them travel in the
//! same form, through the customer's browser. Any user who can open the add-on can remove the newest token
//! from their own form, write another email into it, and still has a valid older token. So can a user who
//! has left the app, for five minutes, with an earlier form.
//!
//! By default ([`SsoPolicy::UserScoped`](crate::SsoPolicy::UserScoped)) such a form is rejected, and the log
//! says which variable changes that. [`AllowUnsignedEmail`](crate::SsoPolicy::AllowUnsignedEmail) is for
//! an add-on that Heroku does not send the newest token. The email must still be on that resource's list,
//! and its user is *claimed*, not proved ([`Proof::UnsignedEmail`](crate::Proof::UnsignedEmail)):
//! [`roles`](crate::HerokuUser::roles), [`permissions`](crate::HerokuUser::permissions) and
//! [`user_id`](crate::HerokuUser::user_id) are empty, guards reject them, assertions name neither role nor
//! account, `/whoami` says `unsigned_email`, and so does the audit log. Decide yourself what the email
//! alone may authorize: any user who can open the add-on can open it under any email on the list.
//! [`trust_unsigned_email`](crate::HerokuUser::trust_unsigned_email) of a user, a guard or the assertions
//! accepts the claim as proved.
//!
//! # The `Legacy` policy
//! [`SsoPolicy::Legacy`](crate::SsoPolicy::Legacy) also accepts Heroku's oldest pair, `id` and `token`, and
//! forms by GET, at the SSO path and at `/heroku/resources/:id`. The pair is accepted only if the form has
//! no newer token. This has three consequences. With that pair the email is always unsigned. A form by GET
//! is a URL, and so it is in browser histories and proxy logs; others can use it there until it was used or
//! is too old. The resource is named by an id that you chose, so an id must never be given to a second
//! customer. The policy is for add-ons from before 2023 and for `kensa`. A warning at the start says that
//! it is on.
//!
//! # What you must do yourself
//! - **https**, in front of everything that the gate wraps, and HSTS. Over plain http a browser does not
//!   keep the cookie (some make an exception of your own machine).
//! - **Put every page inside the gate.** What is added to the result of
//!   [`protect`](crate::HerokuSso::protect) is open. Have a test that requests each path without a cookie:
//!   see [`testing_your_app`](crate::guide::testing_your_app).
//! - **Keep the four secrets**: the salt, the Partner API's password, the client secret,
//!   `TOKEN_ENCRYPTION_KEY`. With the salt an attacker can sign a form for any user. Do not write the
//!   secrets into the image, the repository or a support ticket, and use different ones for each
//!   environment.
//! - **CSRF of your own forms.** The session cookie is `SameSite=Lax`: a browser does not send it with a POST
//!   from another site. It does with a GET, so no GET may change state. Hosts under your own domain are the
//!   same site: if others control some of them, use CSRF tokens in your forms. The sign-out path has its
//!   own protection.
//! - **Content.** The gate identifies the user, it does not decide which data they may see. Look data up by
//!   [`HerokuUser::resource`](crate::HerokuUser::resource), never by an id in the URL alone. Escape the
//!   values that you show: app names, emails and roles come from outside.
//! - **Roles.** A listed user is not necessarily an admin: put role guards on dangerous actions.
//! - **[`context_app`](crate::HerokuUser::context_app)** is not signed by any token. Show it, but base no
//!   decision on it.
//! - **Connections that stay open.** WebSocket handlers must close the connection on
//!   [`HerokuUser::ended`](crate::HerokuUser::ended); the gate ends event streams and downloads for you.
//! - **Bypasses.** A service behind the gate must not be reachable without it: bind the service behind a
//!   proxy to loopback, and have it check the [`assertion`](crate::assertion).
//! - **Your own login.** [`VerifiedEmail`](crate::VerifiedEmail) is your assurance. An address that a user
//!   typed in is not verified, nor one that an OAuth provider passes on unchecked.
//! - **Heroku's own rules for partners**, such as hiding password and billing pages from users who signed
//!   in by SSO.
//!
//! [SECURITY.md]: https://docs.rs/crate/tower-heroku-sso/latest/source/SECURITY.md
