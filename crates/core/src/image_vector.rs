//! Images as vectors, by arithmetic alone: the same image is the same vector anywhere and for ever.
//!
//! Method: a thumbnail of brightness by area means, as in Torralba, Fergus and Freeman, *80 Million Tiny Images*,
//! IEEE TPAMI 30 (2008), with mean and deviation of each colour beside it.

use rayon::prelude::*;

use crate::Result;
use crate::picture::{Colors, Picture};
use crate::sketch::VectorMoments;

/// How many numbers the vector of an image has.
pub const IMAGE_DIMENSIONS: usize = SIDE * SIDE + 6;

/// How many cells a side of the thumbnail has.
const SIDE: usize = 8;
/// How many vectors are made at once.
const AT_ONCE: usize = 512;

/// The vector of an image: its brightness in 8 x 8 cells, row by row, then the means of red, green and blue, then
/// how much each is spread. All lie from 0 to 1.
pub fn image_vector(picture: &Picture) -> [f64; IMAGE_DIMENSIONS] {
    let thumbnail = picture.means(SIDE, SIDE, Colors::Grey);
    let means = picture.means(1, 1, Colors::Rgb);
    let all = thumbnail.into_iter().chain(means).chain(picture.spreads());
    let mut vector = [0.0; IMAGE_DIMENSIONS];
    vector.iter_mut().zip(all).for_each(|(to, value)| *to = value);
    vector
}

/// How bright each image is as a whole, from 0 to 1; NaN for one that is missing or cannot be decoded. Where
/// `moments` are given, the vectors of the others are added to them.
///
/// # Errors
/// [`crate::Error::Bug`] when the moments are of vectors of another width.
pub fn add_images(
    images: &[Option<impl AsRef<[u8]> + Sync>],
    mut moments: Option<&mut VectorMoments>,
) -> Result<Vec<f64>> {
    let mut brightness = Vec::with_capacity(images.len());
    for some in images.chunks(AT_ONCE) {
        let of = |image: &Option<_>| -> Option<[f64; IMAGE_DIMENSIONS]> {
            let bytes: &[u8] = AsRef::as_ref(image.as_ref()?);
            Picture::decode(bytes).ok().map(|picture| image_vector(&picture))
        };
        let found: Vec<Option<[f64; IMAGE_DIMENSIONS]>> = some.par_iter().map(of).collect();
        brightness.extend(found.iter().map(|vector| vector.as_ref().map_or(f64::NAN, bright)));
        if let Some(moments) = moments.as_deref_mut() {
            let vectors: Vec<f64> = found.into_iter().flatten().flatten().collect();
            moments.add(&vectors, &vec![1; vectors.len() / IMAGE_DIMENSIONS])?;
        }
    }
    Ok(brightness)
}

/// How bright the image of a vector is: the mean of its thumbnail, whose cells are of equal size.
fn bright(vector: &[f64; IMAGE_DIMENSIONS]) -> f64 {
    let cells = SIDE * SIDE;
    vector.iter().take(cells).sum::<f64>() / cells as f64
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A grey PNG of these samples.
    fn grey(width: u32, samples: &[u8]) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let height = samples.len() as u32 / width;
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(samples).unwrap();
        bytes.into_inner()
    }

    #[test] // by hand: half black, half full
    fn a_vector_is_thumbnail_means_and_spreads() {
        let vector = image_vector(&Picture::decode(&grey(2, &[0, 255])).unwrap());
        for (at, value) in vector.iter().take(64).enumerate() {
            assert_eq!(*value, if at % 8 < 4 { 0.0 } else { 1.0 }, "cell {at}");
        }
        assert_eq!(vector[64..], [0.5, 0.5, 0.5, 1.0, 1.0, 1.0]);
        assert_eq!(bright(&vector), 0.5);
    }

    #[test]
    fn what_is_missing_or_no_image_has_no_brightness_and_no_vector() {
        let images = [Some(grey(1, &[51])), None, Some(b"GIF89a".to_vec()), Some(grey(1, &[255]))];
        let mut moments = VectorMoments::new(IMAGE_DIMENSIONS);
        let found = add_images(&images, Some(&mut moments)).unwrap();
        assert!((found[0] - 0.2).abs() < 1e-15 && found[3] == 1.0);
        assert!(found[1].is_nan() && found[2].is_nan());
        assert_eq!(moments.count(), 2);
        assert!((moments.mean()[0] - 0.6).abs() < 1e-15);
        assert!(add_images(&images, Some(&mut VectorMoments::new(3))).is_err());
        assert_eq!(add_images(&images, None).unwrap()[3], 1.0);
    }
}
