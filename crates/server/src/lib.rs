//! What Gristmill answers over HTTP.
