//! Tests of the server over real connections.

mod access;
mod artifacts;
mod clients;
mod connections;
mod gate;
mod holes;
mod hooks;
mod house;
mod logged_models;
mod memory;
mod pieces;
mod registry;
mod registry_client;
mod told;
mod tracking;
mod traffic;
mod wild;
mod wild_registry;
