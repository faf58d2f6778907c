//! What browsers and their libraries get from the gate: caches, the way back, scripts, frames, uploads.
//!
//! The behaviour on this page is tested in Chromium, Firefox and WebKit; [SECURITY.md] has the result of the
//! last run.
//!
//! # Caches
//! | response | `Cache-Control` | other headers |
//! | --- | --- | --- |
//! | of your service, HTML without a `Cache-Control` of its own | `no-store`; `private` with [`HtmlCache::Private`](crate::HtmlCache::Private) | `Vary: Cookie` |
//! | of your service, any other type without one | `private` | `Vary: Cookie` |
//! | of your service, with a `Cache-Control` | unchanged | `Vary: Cookie` |
//! | of your service, with a `Vary` | as above | `Cookie` is added, unless it is there or `*` is |
//! | under [`optional_layer`](crate::HerokuSso::optional_layer), without a user | `private`, unless your handler sets one | `Vary: Cookie` |
//! | a rejection, as page or JSON | `no-store` | `Vary: Accept, Cookie` |
//! | a redirect of the gate: after a sign-in, to Heroku, back to a page | `no-store` | `Vary: Accept, Cookie` |
//! | a sign-out, and the page that confirms it | `no-store` | `Clear-Site-Data: "cache"` |
//! | outside of the gate | unchanged | none |
//!
//! With [`bearer_tokens`](crate::HerokuSsoBuilder::bearer_tokens) `Vary` also names `Authorization`. A session's
//! cookie is set on the `no-store` response to a sign-in, and on no other, so a shared cache never keeps one.
//!
//! **Back after a sign-out** shows no page of the user, in any of the three engines. That takes both headers:
//! without `no-store` Chromium and Firefox show the page from memory, and without `Clear-Site-Data` WebKit
//! does over http. With `HtmlCache::Private`, Back and Forward are faster while signed in, and the last pages
//! can be seen after a sign-out.
//!
//! # The way back
//! A browser that requests a page after its session has ended is redirected to Heroku, once a minute for each
//! page, and returns to that page. Several tabs that a browser restores each return to a page of their own.
//! Addresses of more than about 1,500 bytes are not remembered; the browser then lands on the dashboard.
//!
//! Otherwise it gets the 401 page. Its link leads to Heroku and back to the same page. For ten minutes the page
//! also reloads itself every 30 seconds, so that it continues once another tab has signed in. The page that
//! rejects a form does not reload, as that would send the form again: it says that the form was not processed,
//! and its link opens another tab. After signing in there, a reload sends the form again.
//!
//! # Scripts
//! A request of a script cannot follow a redirect through Heroku. It gets 401 and a problem document, whatever
//! its `Accept` says: `fetch` and `XMLHttpRequest` (by `Sec-Fetch-Mode` or `X-Requested-With`), htmx (`HX-Request`), a
//! Turbo frame (`Turbo-Frame`).
//!
//! | library | after the session has ended | to do |
//! | --- | --- | --- |
//! | Turbo Drive | a visit gets the 401, and Turbo loads the page in the normal way, which leads through Heroku and back | nothing |
//! | Turbo, a form | the form stays as it is | reload on `turbo:submit-end` with status 401 |
//! | htmx | nothing is swapped | reload on `htmx:responseError` with status 401 |
//! | `fetch` | a response with status 401 | reload, or show `sign_in_url` of its JSON |
//!
//! ```js
//! addEventListener("htmx:responseError", (event) => {
//!   if (event.detail.xhr.status === 401) location.reload();
//! });
//! ```
//!
//! A **sign-out** by a form, by Turbo, by htmx or by `fetch` is answered with 303 to a page that confirms it. A
//! program that asks for JSON, or accepts anything, gets 204.
//!
//! # A page that is loaded in advance
//! A prefetch or a prerender (`Sec-Purpose`) with an ended session gets 401, is not redirected, and changes no
//! cookie. The browser drops it, and requests the page again when the user opens it.
//!
//! # Frames
//! Your own pages may show gated pages in frames. If the session has ended, the frame shows the gate's page,
//! whose link leads the whole window to Heroku. Frames of other sites show nothing.
//!
//! # Other origins
//! A browser sends no credentials with a CORS preflight, so the gate would reject it. Put the CORS layer outside
//! of the gate. It answers preflights itself, and lets the page read the gate's 401. Cookies are
//! `SameSite=Lax`: a page of another site needs a bearer token.
//!
//! ```text
//! Router::new()
//!     .route("/api", get(api))
//!     .layer(sso.layer())
//!     .layer(CorsLayer::new().allow_origin(console).allow_headers([AUTHORIZATION]))
//! ```
//!
//! # Uploads and downloads
//! Over HTTP/1.1, a client that is still sending when the connection is closed may never see the response. So
//! the gate reads up to 8 MiB of a rejected request's body and discards it, for at most 5 seconds and for at
//! most 64 requests at a time. Of a larger upload the browser shows a connection error. A client that sends
//! `Expect: 100-continue` is answered before it sends anything.
//!
//! A download whose user loses access is cut with an error, so that it is not taken for complete. Set its
//! `Content-Length` where you know it: WebKitGTK takes a cut chunked download over HTTP/1.1 for complete. An event
//! stream (`text/event-stream`) ends like a complete one: the browser connects again, is rejected, and stops.
//!
//! # Cookies
//! Heroku's router, like most servers, limits the cookies of a request to 8 KiB. The gate's cookies stay below
//! that. The cookie of a page to return to has at most 2 KiB, and a browser has at most 8 of them. With sessions in
//! signed cookies (`CookieSessions`) and [`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path), the
//! oldest session cookies are removed when all together exceed 4.5 KiB, about eight dashboards. A removed
//! dashboard is opened again through Heroku.
//!
//! [SECURITY.md]: https://docs.rs/crate/tower-heroku-sso/latest/source/SECURITY.md
