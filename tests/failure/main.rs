//! What goes on when something is gone.
