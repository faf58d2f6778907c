//! Every page checked by axe-core: at phone and desktop width, in light and dark.

mod check;
mod dashboard;
mod gate;
mod site;
