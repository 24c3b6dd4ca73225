use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

// 16 x 12 pixels of red 16x, green 21y and blue 9(x + y), written by Pillow 13.0.0 with quality 70.
/// One pass, colours at half of the size.
const COLOR: &str = "\
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAoHBwgHBgoICAgLCgoLDhgQDg0NDh0VFhEYIx8lJCIfIiEmKzcvJik0KSEiMEEx\
    NDk7Pj4+JS5ESUM8SDc9Pjv/2wBDAQoLCw4NDhwQEBw7KCIoOzs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7\
    Ozs7Ozs7Ozs7Ozs7Ozv/wAARCAAMABADASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAA\
    AgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6\
    Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXG\
    x8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREA\
    AgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5\
    OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPE\
    xcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDjrDw50+T9K6Ww8OdPk/SujsLGDj5K6aws\
    YOPkqaNZnPk+c1ND/9k=";
/// In several passes.
const PROGRESSIVE: &str = "\
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAoHBwgHBgoICAgLCgoLDhgQDg0NDh0VFhEYIx8lJCIfIiEmKzcvJik0KSEiMEEx\
    NDk7Pj4+JS5ESUM8SDc9Pjv/2wBDAQoLCw4NDhwQEBw7KCIoOzs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7\
    Ozs7Ozs7Ozs7Ozs7Ozv/wgARCAAMABADASIAAhEBAxEB/8QAFAABAAAAAAAAAAAAAAAAAAAABf/EABUBAQEAAAAAAAAAAAAA\
    AAAAAAED/9oADAMBAAIQAxAAAAEZNFMn/8QAFxABAQEBAAAAAAAAAAAAAAAAAgABBP/aAAgBAQABBQIc8OeAyAy//8QAFhEB\
    AQEAAAAAAAAAAAAAAAAABAAC/9oACAEDAQE/ARs1f//EABURAQEAAAAAAAAAAAAAAAAAAAIA/9oACAECAQE/AQ7/xAAUEAEA\
    AAAAAAAAAAAAAAAAAAAg/9oACAEBAAY/Ah//xAAWEAEBAQAAAAAAAAAAAAAAAAAAUWH/2gAIAQEAAT8hzZp07//aAAwDAQAC\
    AAMAAAAQs//EABURAQEAAAAAAAAAAAAAAAAAAAAh/9oACAEDAQE/EIn/xAAVEQEBAAAAAAAAAAAAAAAAAAAAAf/aAAgBAgEB\
    PxCj/8QAFxABAAMAAAAAAAAAAAAAAAAAACExwf/aAAgBAQABPxCvKvKKxX//2Q==";
/// Grey.
const GREY: &str = "\
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAoHBwgHBgoICAgLCgoLDhgQDg0NDh0VFhEYIx8lJCIfIiEmKzcvJik0KSEiMEEx\
    NDk7Pj4+JS5ESUM8SDc9Pjv/wAALCAAMABABAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgED\
    AwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RF\
    RkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJ\
    ytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AOOsPDnT5P0rpbDw50+T9K6OwsYOPkrprCxg4+Sv/9k=";

fn bytes(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).unwrap()
}

/// A PNG of these samples.
fn png(size: (u32, u32), color: png::ColorType, depth: png::BitDepth, samples: &[u8]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == png::ColorType::Indexed {
        encoder.set_palette(vec![0, 0, 0, 255, 0, 51]);
    }
    encoder.write_header().unwrap().write_image_data(samples).unwrap();
    bytes.into_inner()
}

fn grey(size: (u32, u32), samples: &[u8]) -> Vec<u8> {
    png(size, png::ColorType::Grayscale, png::BitDepth::Eight, samples)
}

#[track_caller]
fn close(found: &[f64], expected: &[f64], within: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= within, "{found} is not {expected}");
    }
}

#[track_caller]
fn check(bytes: &[u8], colors: Colors, expected: &[f64]) {
    let picture = Picture::decode(bytes).unwrap();
    close(
        &picture.means(2, 2, colors),
        &expected.iter().map(|v| v / 255.0).collect::<Vec<_>>(),
        1e-12,
    );
}

#[test] // by hand: the middle column belongs to both cells by half
fn a_cell_is_the_mean_of_what_lies_in_it() {
    let samples: Vec<u8> = (1..=18).map(|i| i * 10).collect();
    let rgb = png((3, 2), png::ColorType::Rgb, png::BitDepth::Eight, &samples);
    check(&rgb, Colors::Rgb, &[20., 30., 40., 60., 70., 80., 110., 120., 130., 150., 160., 170.]);
    let grey = |r: f64, g: f64, b: f64| 0.299 * r + 0.587 * g + 0.114 * b;
    let expected = [(20., 30., 40.), (60., 70., 80.), (110., 120., 130.), (150., 160., 170.)];
    check(&rgb, Colors::Grey, &expected.map(|(r, g, b)| grey(r, g, b)));
}

#[test] // by hand
fn a_grid_may_be_finer_than_the_image() {
    let picture = Picture::decode(&grey((1, 2), &[0, 255])).unwrap();
    assert_eq!(picture.means(2, 3, Colors::Grey), [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]);
    assert_eq!(picture.means(1, 1, Colors::Rgb), [0.5; 3]);
    assert_eq!(picture.spreads(), [1.0; 3]);
}

#[test] // by hand: 51 of 255 opaque is a fifth of the sample and four fifths of white
fn every_kind_of_png_becomes_eight_bits_of_grey_or_colour() {
    use png::{BitDepth, ColorType};
    let one = |color, depth, samples: &[u8], expected: [f64; 3]| {
        let picture = Picture::decode(&png((1, 1), color, depth, samples)).unwrap();
        close(&picture.means(1, 1, Colors::Rgb), &expected.map(|v| v / 255.0), 1e-12);
    };
    one(ColorType::Grayscale, BitDepth::One, &[0x80], [255.; 3]);
    one(ColorType::Grayscale, BitDepth::Sixteen, &[0x64, 0xFF], [100.; 3]);
    one(ColorType::GrayscaleAlpha, BitDepth::Eight, &[0, 51], [204.; 3]);
    one(ColorType::Indexed, BitDepth::Eight, &[1], [255., 0., 51.]);
    one(ColorType::Rgba, BitDepth::Eight, &[10, 20, 30, 255], [10., 20., 30.]);
    one(ColorType::Rgba, BitDepth::Eight, &[10, 20, 30, 0], [255.; 3]);
    one(ColorType::Rgba, BitDepth::Sixteen, &[0, 0, 99, 0, 99, 0, 255, 255], [0., 99., 99.]);
}

#[test] // Pillow 13.0.0 and numpy 2.4.6; decoders may round each sample another way
fn the_pixels_of_a_jpeg_are_those_of_another_decoder() {
    let expected =
        [56.17, 52.0, 53.6, 182.27, 52.58, 125.54, 57.67, 176.5, 109.4, 184.46, 177.96, 182.21];
    for base64 in [COLOR, PROGRESSIVE] {
        let picture = Picture::decode(&bytes(base64)).unwrap();
        close(&picture.means(2, 2, Colors::Rgb), &expected.map(|v| v / 255.0), 1.5 / 255.0);
    }
    let grey = Picture::decode(&bytes(GREY)).unwrap();
    let expected = [53.4, 99.67, 133.33, 180.4].map(|v| v / 255.0);
    close(&grey.means(2, 2, Colors::Grey), &expected, 1.0 / 255.0);
    for base64 in [COLOR, PROGRESSIVE, GREY] {
        assert_eq!(Picture::size(&bytes(base64)), Ok((16, 12)));
    }
}

#[test]
fn what_is_no_image_is_refused_in_words() {
    let refused = |bytes: &[u8]| Picture::decode(bytes).unwrap_err().to_string();
    for none in [&b""[..], b"GIF89a", b"<svg/>", b"\x89PNG"] {
        assert_eq!(refused(none), "is neither a PNG nor a JPEG");
    }
    let whole = grey((40, 40), &[7; 1_600]);
    assert!(refused(&whole[..20]).starts_with("is a damaged PNG: its header is cut off"));
    for end in [30, 50, whole.len() - 20] {
        assert!(refused(&whole[..end]).starts_with("is a damaged PNG"), "{end}");
    }
    for base64 in [COLOR, PROGRESSIVE, GREY] {
        let whole = bytes(base64);
        for end in [3, 100, whole.len() - 20] {
            assert!(refused(&whole[..end]).starts_with("is a damaged JPEG"), "{end}");
        }
    }
}

#[test]
fn an_image_of_too_many_pixels_is_refused_by_its_header() {
    let mut bytes = grey((1, 1), &[7]);
    bytes[16..24].copy_from_slice(&[0, 0, 0x10, 1, 0, 0, 0x10, 0]);
    assert_eq!(
        Picture::decode(&bytes).unwrap_err().to_string(),
        "has 4097 x 4096 pixels; an image may have 16777216"
    );
    bytes[16..24].copy_from_slice(&[0; 8]);
    assert!(Picture::decode(&bytes).is_err());
    let mut bytes = self::bytes(GREY);
    let at = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap() + 5;
    bytes[at..at + 4].copy_from_slice(&[0xFF; 4]);
    assert_eq!(
        Picture::decode(&bytes),
        Err(PictureError::TooLarge { width: 65_535, height: 65_535 })
    );
}

#[test]
fn damage_anywhere_never_panics() {
    for whole in [bytes(COLOR), bytes(PROGRESSIVE), bytes(GREY), grey((9, 9), &[3; 81])] {
        for at in 0..whole.len() {
            for byte in [0, 0xFF, whole[at] ^ 0x10] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                let _ = Picture::decode(&damaged);
            }
        }
    }
}
