//! Heroku in a box.
