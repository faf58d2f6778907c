//! The gate among what apps put around it and inside of it: layers of tower-http, cookie jars, sessions and
//! logins of their own. No cookie is lost on either side.

mod layers;
mod logins;
