//! Tests with databases: the stores, several processes on one database, and the commands of DEPLOYING.md.
//! `scripts/with-servers` starts the servers that they need.

mod crashes;
mod deploying;
mod fleet;
mod place;
mod pooler;
mod releases;
mod replicas;
mod stores;
