//! The classic flow: read a CSV, split, scale, reduce, fit a forest, score.
//!
//!     cargo run --release --workspace --example classic -- rows.csv label

use gristmill::prelude::*;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(target)) = (arguments.next(), arguments.next()) else {
        return Err(Error::input("expected a CSV file and the name of its target"));
    };

    let table = read_csv(path)?.with_class_target(&target)?;
    let (train, test) = train_test_split(&table, 0.2, 42)?;

    let model = Pipeline::new()
        .then(StandardScaler::default())
        .then(Pca::new(5))
        .model(RandomForest::trees(100))
        .seed(42)
        .fit(&train)?;

    let predicted = model.predict(&test)?;
    println!("Accuracy: {:.4}", accuracy(&test, &predicted)?);
    Ok(())
}
