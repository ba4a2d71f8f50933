//! The web console, as a browser without JavaScript uses it.

mod sign_in;
