//! Ids of the simulated Heroku as the gate's types.

use heroku_addon_simulator::AddOn;
use tower_heroku_sso::ResourceId;

pub trait AddOnExt {
    fn resource_id(&self) -> ResourceId;
}

impl AddOnExt for AddOn {
    fn resource_id(&self) -> ResourceId {
        self.id().into()
    }
}
