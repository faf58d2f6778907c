//! An existing app, and the one line that puts it behind the gate. That line is in `gate.diff`, beside
//! this file.
//!
//! Run `cargo run --example existing_app`, then open the simulator and from there the add-on.

mod app;

use std::error::Error;

use shared::demo::Demo;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let demo = Demo::start(|builder| builder).await?;
    let app = demo.sso.protect(app::router());
    demo.serve(app).await
}
