//! Tests of the server over real connections.

mod artifacts;
mod clients;
mod connections;
mod gate;
mod hooks;
mod house;
mod tracking;
mod wild;
