//! Everything that can change while the simulator runs, behind one lock.

use time::OffsetDateTime;

use super::calls::CallLog;
use super::changes::Changes;
use super::fault::FaultSwitches;
use super::oauth::Authorizations;
use super::rate_pools::Rates;
use super::settings::AnswerSettings;
use super::webhooks::WebhookQueue;
use super::world::World;

#[derive(Debug)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) webhooks: WebhookQueue,
    pub(super) authorizations: Authorizations,
    /// The base URL of the add-on, without a slash at its end.
    pub(super) partner_url: String,
    pub(super) answers: AnswerSettings,
    pub(super) rates: Rates,
    pub(super) faults: FaultSwitches,
    pub(super) log: CallLog,
    /// The dashboard's message about its last action, shown once.
    pub(super) notice: Option<String>,
}

impl State {
    /// For changes that webhooks report.
    pub(super) fn changes(&mut self, now: OffsetDateTime) -> Changes<'_> {
        Changes::new(&mut self.world, &mut self.webhooks, now)
    }
}
