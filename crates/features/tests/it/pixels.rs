//! Images as numbers.

use gristmill_core::{Colors, FitContext, Frame, Notes, Seed, SemanticType, Table, Transform};
use gristmill_features::*;
use gristmill_testkit::{conformance, grey_png, table};
use serde::Serialize;

use crate::support::{catalog, fit, numbers, try_fit};

#[track_caller]
fn conforms(settings: impl Transform + Serialize, table: Table) {
    conformance::transform(&catalog(), settings, &table);
}

/// Images of different forms, one of them missing.
fn images() -> Table {
    let made = |row: usize| {
        let (width, height) = (1 + row % 5, 1 + row % 3);
        let samples: Vec<u8> = (0..width * height).map(|at| (at * 37 + row * 11) as u8).collect();
        (row != 4).then(|| grey_png(width, &samples))
    };
    table()
        .numbers("n", (0..9).map(f64::from))
        .images("image", (0..9).map(made))
        .images("none", vec![None::<Vec<u8>>; 9])
        .build()
}

fn pixels(width: u32, height: u32, colors: Colors) -> Pixels {
    Pixels { width, height, colors, ..Default::default() }
}

#[test]
fn pixels_conform() {
    conforms(Pixels::default(), images());
    conforms(pixels(3, 2, Colors::Rgb), images());
    conforms(Pixels { columns: "image".into(), ..pixels(1, 1, Colors::Grey) }, images());
}

#[test] // by hand: columns of 0 and 255, of which the grid halves the middle one
fn an_image_becomes_the_means_of_its_cells() {
    let rows = table().images("i", [Some(grey_png(3, &[0, 255, 255])), None]).frame();
    let (_, made, _) = fit(&pixels(2, 1, Colors::Grey), rows);
    assert_eq!(made.schema().names(), ["i_y0_x0", "i_y0_x1"]);
    let found: Vec<&[f64]> = (0..2).map(|at| made.numbers(at).unwrap()).collect();
    assert!((found[0][0] - 1.0 / 3.0).abs() < 1e-15 && found[1][0] == 1.0);
    assert!(found[0][1].is_nan() && found[1][1].is_nan());
    let one = table().images("i", [grey_png(1, &[51])]).frame();
    let (_, made, _) = fit(&pixels(1, 1, Colors::Rgb), one);
    assert_eq!(made.schema().names(), ["i_y0_x0_red", "i_y0_x0_green", "i_y0_x0_blue"]);
    assert_eq!(numbers(&made, "i_y0_x0_blue"), [0.2]);
}

#[test]
fn what_is_no_image_is_named_by_column_and_row() {
    let good = || Some(grey_png(1, &[7]));
    let refused = |bytes: &[u8]| {
        let rows = table().images("photo", [good(), None, Some(bytes.to_vec())]).frame();
        let error = try_fit(&Pixels::default(), rows).unwrap_err();
        format!("{error}; {}", error.hint().unwrap_or_default())
    };
    assert_eq!(
        refused(b"GIF89a"),
        "column `photo` in row 3 is neither a PNG nor a JPEG; convert it to PNG or JPEG, or leave it out"
    );
    let cut = refused(&grey_png(1, &[7])[..40]);
    assert!(cut.starts_with("column `photo` in row 3 is a damaged PNG: "), "{cut}");
    // The same is said of rows that come later.
    let (fitted, ..) = fit(&Pixels::default(), table().images("photo", [good()]).frame());
    let later = table().images("photo", [Some(b"x".to_vec())]).frame();
    assert!(fitted.apply(later).unwrap_err().to_string().contains("in row 1"));
}

#[test]
fn grids_without_cells_and_columns_without_images_are_refused() {
    let rows = images();
    let refused = |settings: &Pixels| settings.check(rows.schema()).unwrap_err().to_string();
    assert_eq!(refused(&pixels(0, 8, Colors::Grey)), "`width` is 0, expected at least 1");
    assert_eq!(refused(&pixels(8, 0, Colors::Grey)), "`height` is 0, expected at least 1");
    for (width, height) in [(128, 129), (u32::MAX, u32::MAX), (1, 16_385)] {
        assert!(refused(&pixels(width, height, Colors::Grey)).contains("at most 16384 numbers"));
    }
    assert!(pixels(128, 128, Colors::Grey).check(rows.schema()).is_ok());
    let of_numbers = Pixels { columns: "n".into(), ..Default::default() };
    let found = refused(&of_numbers);
    assert!(found.contains("column `n` is numeric, expected image"), "{found}");
}

#[test]
fn an_image_is_the_same_numbers_alone_and_among_others() {
    let many: Vec<Vec<u8>> = (0..600)
        .map(|row| grey_png(7, &(0..63).map(|at| (at * row) as u8).collect::<Vec<u8>>()))
        .collect();
    let rows: Frame = table().images("image", many).frame();
    assert_eq!(rows.schema().fields()[0].semantic, SemanticType::Image);
    let notes = Notes::default();
    let context = FitContext::new(Seed(0), &notes);
    let (fitted, all) = Pixels::default().fit_apply(rows.clone(), &context).unwrap();
    for row in [0, 255, 256, 511, 599] {
        let alone = fitted.apply(rows.slice(row..row + 1)).unwrap();
        for at in 0..64 {
            let (alone, among) = (alone.numbers(at).unwrap()[0], all.numbers(at).unwrap()[row]);
            assert_eq!(alone.to_bits(), among.to_bits(), "row {row}, cell {at}");
        }
    }
}
