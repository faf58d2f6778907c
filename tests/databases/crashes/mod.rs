//! The end of a resource in processes that are ended by SIGKILL, in the middle of each step of it. What the
//! next process finds is what was before the step or what is after it, and nothing is destroyed on a hint.

mod a_second_process;
mod absences;
mod at_random;
mod child;
mod deprovisioning;
mod held;
mod partner;
mod process;
mod scene;
mod steps;
