//! Tests of the server over real connections.

mod access;
mod holes;
mod house;
mod logged_models;
mod registry;
mod registry_client;
mod told;
