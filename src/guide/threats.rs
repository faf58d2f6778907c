//! What is defended, what is not, and what stays yours to do.
//!
//! [SECURITY.md] has the table: each attack by number, with the tests whose names begin with it, and how
//! to report what is missing. This chapter is for whoever has to decide whether that is enough.
//!
//! # What is defended
//! Nobody reaches the wrapped service unless their email is on a list that Heroku gave within the allowed
//! age, for the resource whose session they hold. In particular:
//!
//! | somebody who | meets |
//! | --- | --- |
//! | writes, alters or lengthens a form | the digests, over fields of a narrow grammar |
//! | keeps a form, or sends it again, also in another spelling or to another process | its time window, and that each form counts once |
//! | has left the app or the team | the newest list, at each request |
//! | has a form of one resource and wants another's | the id that the token covers |
//! | has one resource's session and wants another's pages | one session, one resource ([`HerokuUser::resource`](crate::HerokuUser::resource)); with `resource_in_path`, the path must say the same |
//! | plants a session id in a browser | a new id at each sign-in, and cookies with `__Host-` |
//! | makes up resources, or people, by the thousand | a budget of calls, and one answer for all of them |
//! | is a customer, and spends all that they can: strangers' forms, refreshes, webhooks, used forms | budgets of their resource, and over all; lists in use of others are refreshed as before |
//! | sends an identity of their own along ([`HerokuUser`](crate::HerokuUser), an assertion) | that both are taken out before the gate decides |
//! | stands between you and Heroku | TLS; https only, no redirect is followed, answers are capped |
//! | has a copy of the database | sealed tokens. Not sealed: the lists with their emails, and the session records |
//! | reads the log | no secret in it; people in the audit target only |
//!
//! # What is not
//! | what | why | what helps |
//! | --- | --- | --- |
//! | a stranger's own form in a customer's browser ("login CSRF") | Heroku's form is cross-site and can bring no token of yours | show who is signed in, and for which app: [`whoami_html`](crate::HerokuSso::whoami_html) |
//! | who holds a customer's browser, or its cookie | the cookie is the session | https, `max_session`, [`revoke`](crate::HerokuSso::revoke) |
//! | somebody who was removed a moment ago | lists are asked, not told | webhooks; a shorter `refresh_interval` |
//! | whoever may write to your database | they may let themselves in | its own access rules |
//! | whoever has `SESSION_KEY`, the salt or the client secret | these are what is believed | [changing them](crate::guide::deploying) |
//! | a dump of the process' memory | tokens, lists and the salt are in it | |
//! | a flood of requests | the gate caps what each one costs, not how many come | a limit in front |
//!
//! # Unsigned emails
//! Heroku's forms carry up to three tokens. Only the newest covers the email. All of them travel in the
//! same form, through the customer's browser: whoever can open the add-on at all can take the newest out of
//! their own form, write another email into it, and still hold a valid older token. So can a person who
//! left the app, for five minutes, with a form of before.
//!
//! By default ([`SsoPolicy::UserScoped`](crate::SsoPolicy::UserScoped)) such a form is rejected, and the log
//! says which variable changes that. [`AllowUnsignedEmail`](crate::SsoPolicy::AllowUnsignedEmail) is for
//! an add-on that Heroku does not send the newest token. Then the email must be on that resource's list all
//! the same, and its user is *claimed*, not proved
//! ([`Proof::UnsignedEmail`](crate::Proof::UnsignedEmail)): [`roles`](crate::HerokuUser::roles),
//! [`permissions`](crate::HerokuUser::permissions) and [`user_id`](crate::HerokuUser::user_id) are empty,
//! guards reject them, assertions name neither role nor account, `/whoami` says `unsigned_email`, and so
//! does the audit log. What you do by the email alone is up to you: whoever can open the add-on can open
//! it under any name on the list. [`trust_unsigned_email`](crate::HerokuUser::trust_unsigned_email) of a user,
//! a guard or the assertions takes the claim for true.
//!
//! # The `Legacy` policy
//! [`SsoPolicy::Legacy`](crate::SsoPolicy::Legacy) also takes Heroku's oldest pair, `id` and `token`, and
//! forms by GET, at the SSO path and at `/heroku/resources/:id`. The pair counts only where no newer token
//! is in the form. What that means: with that pair the email is unsigned, always; a form by GET is an
//! address, and so in histories and in the logs of proxies, where it is of use to others until it was used
//! or is too old; and the resource is named by an id that you chose once, so ids must never be given to a
//! second customer. It is there for add-ons from before 2023 and for `kensa`. A warning at the start says
//! that it is on.
//!
//! # What you must do yourself
//! - **https**, in front of everything that the gate wraps, and HSTS. Over plain http a browser does not
//!   keep the cookie (some make an exception of your own machine).
//! - **Put every page inside.** The layer guards what it wraps. Have a test that asks for each path without a
//!   cookie: see [`testing_your_app`](crate::guide::testing_your_app).
//! - **Keep the four secrets**: the salt, the Partner API's password, the client secret,
//!   `TOKEN_ENCRYPTION_KEY`. Whoever has the salt can sign as anybody. Do not write them into the image, the
//!   repository or a support ticket, and have other ones for each environment.
//! - **CSRF of your own forms.** The session cookie is `SameSite=Lax`: a browser does not send it with a POST
//!   from another site. It does with a GET, so let no GET change anything; and hosts under your own domain
//!   are the same site, so if strangers have some of them, use tokens in your forms. The sign-out path sees
//!   to itself.
//! - **Content.** The gate says who is there, not what they may see. Look everything up by
//!   [`HerokuUser::resource`](crate::HerokuUser::resource), never by an id in the address alone. Escape what
//!   you show: app names, emails and roles come from outside.
//! - **Roles.** Being on the list is one thing, being an admin another: guard what is dangerous.
//! - **[`context_app`](crate::HerokuUser::context_app)** is not signed by any token. Show it, decide nothing
//!   by it.
//! - **Connections that stay open.** WebSockets hang up on
//!   [`HerokuUser::ended`](crate::HerokuUser::ended); event streams and downloads are ended for you.
//! - **Ways around.** What stands behind the gate must not be reachable beside it: bind the service behind a
//!   proxy to loopback, and have it check the [`assertion`](crate::assertion).
//! - **Your own login.** [`VerifiedEmail`](crate::VerifiedEmail) is your word. An address that somebody typed
//!   in is not verified, nor one that an OAuth provider passes on unchecked.
//! - **Heroku's own rules for partners**, such as hiding password and billing pages from people who came by
//!   SSO.
//!
//! [SECURITY.md]: https://docs.rs/crate/tower-heroku-sso/latest/source/SECURITY.md
