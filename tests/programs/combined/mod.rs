//! The gate combined with other parts of an app: layers of tower-http around and inside of it, cookie jars,
//! sessions and logins of the app. No cookie is lost on either side.

mod layers;
mod logins;
