//! The estimators through their public face.

mod trees;
