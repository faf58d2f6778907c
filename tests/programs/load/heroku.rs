//! The sequence of Heroku's faults.

use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use tokio::time::sleep;

use crate::load::answers::Answers;
use crate::load::dashboard::Dashboard;

/// The faults of all calls, with names. Hanging calls last longest, into the following phases.
pub fn faults() -> [(&'static str, Fault); 5] {
    let retry_after = Some("1".to_owned());
    [
        ("hang", Fault::Hang),
        ("slow", Fault::Slow(Duration::from_millis(700))),
        ("429", Fault::RateLimited { retry_after }),
        ("503", Fault::Status(503)),
        ("reset", Fault::Reset),
    ]
}

impl Dashboard {
    /// Applies each fault for this time, followed by the same time without faults.
    pub async fn one_round(&self, phase: Duration, answers: &Answers) {
        for (name, fault) in faults() {
            answers.in_phase(name);
            self.heroku.faults().set(Endpoint::Any, fault);
            sleep(phase).await;
            answers.in_phase("healthy");
            self.heroku.faults().clear_all();
            sleep(phase).await;
        }
    }
}
