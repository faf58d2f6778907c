//! A dashboard with a sign-in of its own adopts the gate. The steps are in `README.md`, beside this file.
//!
//! Run `cargo run --example adopt --features adopt`, then open the simulator and from there the add-on.

mod dashboard;
mod staff;
mod tokens;

use std::env;
use std::error::Error;

use shared::demo::Demo;
use tower_heroku_sso::Enforcement;

use dashboard::{Dashboard, Sessions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let enforcement = env::var("HEROKU_SSO_ENFORCEMENT");
    let enforcement: Enforcement = enforcement.as_deref().unwrap_or("observe").parse()?;
    let sessions = Sessions::default();
    let own = sessions.clone();
    let demo = Demo::unregistered(|builder| {
        builder
            .enforcement(enforcement)
            .resource_of(move |parts| own.resource_of(&parts.headers))
    });
    let demo = demo.await?;
    let tokens = tokens::table(demo.simulator()).await?;
    let dashboard = Dashboard::new(demo.simulator().sso_salt(), sessions);
    let app = dashboard
        .router()
        .layer(demo.sso.layer())
        // Outside of the gate. In your app: behind the login of your own staff.
        .merge(staff::router(demo.sso.clone(), tokens));
    demo.serve(app).await
}
