//! The end of a resource in processes that are killed with SIGKILL during each step. The next process finds
//! the state before or after the step, and no data is destroyed on a hint.

mod a_second_process;
mod absences;
pub mod at_random;
mod child;
mod deprovisioning;
mod held;
mod partner;
pub mod process;
pub mod scene;
mod sign_ins;
mod steps;
