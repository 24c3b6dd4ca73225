//! The official client of the registry, and a stock server's registry beside ours.

use crate::clients::run;
use crate::house::House;

#[tokio::test]
async fn the_official_registry_client_works_unchanged() {
    let house = House::open().await;
    run("registry_client.py", &[house.url("")]);
}

#[tokio::test]
async fn answers_of_the_registry_are_those_of_a_stock_server() {
    let house = House::open().await;
    run("registry_differential.py", &[house.url("")]);
}
