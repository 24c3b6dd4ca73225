//! Pixels out of the bytes of an image, within bounds that are held before anything is decoded.
//!
//! The decoders are `png` and `zune-jpeg`, those that the crate `image` stands on, without that crate's colour
//! management and drawing. `zune-jpeg` is built without its `unsafe` shortcuts for single processors, so an image
//! is the same pixels anywhere.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// How many pixels an image may have: those of 4,096 x 4,096.
pub const MOST_PIXELS: u64 = 1 << 24;

/// How many passes a progressive JPEG may have; programs write some ten.
const PASSES: usize = 64;
/// What a side of a JPEG has at most, by its format.
const SIDE: usize = 65_535;
/// How many bytes may be taken beside the pixels of a PNG, such as for its palette.
const BESIDE: usize = 4 << 20;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = &[0xFF, 0xD8, 0xFF];

/// How much red, green and blue are in grey, in thousandths: ITU-R BT.601.
const GREY: [u64; 3] = [299, 587, 114];
const THOUSAND: u64 = 1_000;
/// The value of full brightness.
const FULL: u64 = 255;

/// Why bytes are no image that can be used; the words go on behind the name of a file or a place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// Another format, or none.
    #[error("is neither a PNG nor a JPEG")]
    Unknown,
    /// More pixels than are decoded.
    #[error("has {width} x {height} pixels; an image may have {MOST_PIXELS}")]
    TooLarge {
        /// What its header says.
        width: u64,
        /// What its header says.
        height: u64,
    },
    /// A format that is known, and broken content.
    #[error("is a damaged {format}: {found}")]
    Damaged {
        /// Which format.
        format: &'static str,
        /// What the decoder said.
        found: String,
    },
}

impl PictureError {
    /// What would do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unknown => "convert it to PNG or JPEG, or leave it out",
            Self::TooLarge { .. } => "make it smaller",
            Self::Damaged { .. } => "copy it again, or leave it out",
        }
    }
}

/// Which numbers stand for a pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Colors {
    /// One: how bright it is, 0.299 red + 0.587 green + 0.114 blue.
    #[default]
    Grey,
    /// Three: red, green and blue.
    Rgb,
}

impl Colors {
    /// How many numbers stand for a pixel.
    pub const fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
        }
    }
}

/// The pixels of an image: grey, or red, green and blue, each of 8 bits.
///
/// Of 16 bits the upper 8 are taken. What is transparent is shown on white, as a page shows it. Of an animation the
/// first picture is taken. Colour profiles, and how a camera was held, are passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    channels: usize,
    samples: Vec<u8>,
}

/// What stands for the pixels of one side of an image in the cells of one side of a grid.
struct Overlap {
    pixel: usize,
    cell: usize,
    share: u64,
}

impl Picture {
    /// Width and height in pixels, as the header of an image tells; what follows it is not looked at.
    ///
    /// # Errors
    /// As [`Picture::decode`], as far as the header shows it.
    ///
    /// ```
    /// # use gristmill_core::{Picture, PictureError};
    /// assert_eq!(Picture::size(b"GIF89a"), Err(PictureError::Unknown));
    /// ```
    pub fn size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
        let (width, height) = if bytes.starts_with(PNG) {
            png_size(bytes).ok_or_else(|| damaged("PNG", "its header is cut off"))?
        } else if bytes.starts_with(JPEG) {
            guarded("JPEG", || jpeg_header(&mut jpeg(bytes)))?
        } else {
            return Err(PictureError::Unknown);
        };
        let (wide, high) = (u64::from(width), u64::from(height));
        if wide * high > MOST_PIXELS {
            return Err(PictureError::TooLarge { width: wide, height: high });
        }
        if width == 0 || height == 0 {
            let format = if bytes.starts_with(PNG) { "PNG" } else { "JPEG" };
            return Err(damaged(format, "it has no pixels"));
        }
        Ok((width, height))
    }

    /// The pixels of a PNG or a JPEG. Memory is bounded by [`MOST_PIXELS`], whatever the bytes say.
    ///
    /// # Errors
    /// [`PictureError`] for another format, more than [`MOST_PIXELS`], and content that is damaged or cut off.
    pub fn decode(bytes: &[u8]) -> Result<Self, PictureError> {
        Self::size(bytes)?;
        if bytes.starts_with(PNG) {
            guarded("PNG", || decode_png(bytes))
        } else {
            guarded("JPEG", || decode_jpeg(bytes))
        }
    }

    /// The means over a grid of `width` x `height` cells that covers the image, each from 0 (black) to 1, cell by
    /// cell, row by row; of a cell red, green and blue follow one another. Pixels on a border count for both sides
    /// by their share.
    ///
    /// Sums are exact and each mean is rounded once, so it does not matter in which order pixels are added.
    pub fn means(&self, width: usize, height: usize, colors: Colors) -> Vec<f64> {
        let (across, down) = (overlaps(self.width, width), overlaps(self.height, height));
        let stride = width * self.channels;
        let mut sums = vec![0_u64; stride * height];
        let mut of_row = vec![0_u64; stride];
        for same in down.chunk_by(|a, b| a.pixel == b.pixel) {
            let Some(row) = same.first().and_then(|first| self.row(first.pixel)) else { continue };
            of_row.fill(0);
            for Overlap { pixel, cell, share } in &across {
                let samples = &row[pixel * self.channels..][..self.channels];
                let cells = of_row[cell * self.channels..][..self.channels].iter_mut();
                cells.zip(samples).for_each(|(sum, sample)| *sum += share * u64::from(*sample));
            }
            for Overlap { cell, share, .. } in same {
                let cells = sums[cell * stride..][..stride].iter_mut();
                cells.zip(&of_row).for_each(|(sum, of_row)| *sum += share * of_row);
            }
        }
        let area = self.width as u64 * self.height as u64;
        sums.chunks_exact(self.channels).flat_map(|cell| shares(cell, area, colors)).collect()
    }

    /// How much red, green and blue are spread over the image: the population deviation of each, from 0 where all
    /// pixels are alike to 1 where half are black and half are full.
    pub fn spreads(&self) -> [f64; 3] {
        let count = (self.width * self.height) as f64;
        let of_channel = |channel: usize| {
            let samples = self.samples.iter().skip(channel).step_by(self.channels);
            let (sum, squares) = samples.fold((0_u64, 0_u64), |(sum, squares), sample| {
                let sample = u64::from(*sample);
                (sum + sample, squares + sample * sample)
            });
            let mean = sum as f64 / count;
            (squares as f64 / count - mean * mean).max(0.0).sqrt() * 2.0 / FULL as f64
        };
        match self.channels {
            1 => [of_channel(0); 3],
            _ => [of_channel(0), of_channel(1), of_channel(2)],
        }
    }

    fn row(&self, at: usize) -> Option<&[u8]> {
        self.samples.chunks_exact(self.width * self.channels).nth(at)
    }
}

/// What the sums of a cell come to.
fn shares(cell: &[u64], area: u64, colors: Colors) -> impl Iterator<Item = f64> {
    let full = (area * FULL) as f64;
    let of = |channel: usize| cell.get(channel).or(cell.first()).copied().unwrap_or(0);
    let shares = match colors {
        Colors::Rgb => [of(0) as f64 / full, of(1) as f64 / full, of(2) as f64 / full],
        Colors::Grey => {
            let grey: u64 = (0..3).map(|channel| GREY[channel] * of(channel)).sum();
            [grey as f64 / (full * THOUSAND as f64), 0.0, 0.0]
        }
    };
    shares.into_iter().take(colors.count())
}

/// How `pixels` pixels lie over `cells` cells of equal width, pixel by pixel. In units of which a pixel has `cells`
/// and a cell has `pixels`, all borders are whole numbers.
fn overlaps(pixels: usize, cells: usize) -> Vec<Overlap> {
    let mut overlaps = Vec::with_capacity(pixels + cells);
    let (mut pixel, mut cell, mut at) = (0, 0, 0);
    while pixel < pixels && cell < cells {
        let (pixel_ends, cell_ends) = ((pixel + 1) * cells, (cell + 1) * pixels);
        let end = pixel_ends.min(cell_ends);
        overlaps.push(Overlap { pixel, cell, share: (end - at) as u64 });
        pixel += usize::from(pixel_ends == end);
        cell += usize::from(cell_ends == end);
        at = end;
    }
    overlaps
}

fn damaged(format: &'static str, found: impl ToString) -> PictureError {
    PictureError::Damaged { format, found: found.to_string() }
}

/// What a decoder makes of bytes from anywhere; should it fall over them, they are damaged.
fn guarded<T>(
    format: &'static str,
    decode: impl FnOnce() -> Result<T, PictureError>,
) -> Result<T, PictureError> {
    let fell = |_| Err(damaged(format, "it cannot be decoded"));
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(fell)
}

/// Width and height, which stand at the same place in every PNG.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    let name = PNG.len() + 4;
    (bytes.get(name..name + 4)? == b"IHDR").then_some(())?;
    number(name + 4).zip(number(name + 8))
}

fn decode_png(bytes: &[u8]) -> Result<Picture, PictureError> {
    let failed = |error: png::DecodingError| damaged("PNG", error);
    let limits = png::Limits { bytes: BESIDE };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(failed)?;
    let size = reader.output_buffer_size().ok_or_else(|| damaged("PNG", "it is too large"))?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).map_err(failed)?;
    samples.truncate(frame.buffer_size());
    let (channels, samples) = match frame.color_type {
        png::ColorType::Grayscale => (1, samples),
        png::ColorType::GrayscaleAlpha => (1, on_white(&samples, 2)),
        png::ColorType::Rgba => (3, on_white(&samples, 4)),
        png::ColorType::Rgb | png::ColorType::Indexed => (3, samples),
    };
    picture("PNG", (frame.width as usize, frame.height as usize), channels, samples)
}

/// Samples of which each `channels` end with how opaque they are, as they look on white.
fn on_white(samples: &[u8], channels: usize) -> Vec<u8> {
    let full = FULL as u16;
    let pixels = samples.chunks_exact(channels).filter_map(|pixel| pixel.split_last());
    let shown = |sample: &u8, opaque: u8| {
        let (sample, opaque) = (u16::from(*sample), u16::from(opaque));
        // Both products are at most 255 · 255, and their sum is too.
        ((sample * opaque + full * (full - opaque) + full / 2) / full) as u8
    };
    pixels.flat_map(|(opaque, rest)| rest.iter().map(|sample| shown(sample, *opaque))).collect()
}

fn jpeg(bytes: &[u8]) -> JpegDecoder<ZCursor<&[u8]>> {
    let options = DecoderOptions::new_safe()
        .set_strict_mode(true)
        .set_max_width(SIDE)
        .set_max_height(SIDE)
        .jpeg_set_max_scans(PASSES);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options)
}

fn jpeg_header(decoder: &mut JpegDecoder<ZCursor<&[u8]>>) -> Result<(u32, u32), PictureError> {
    decoder.decode_headers().map_err(|error| damaged("JPEG", error))?;
    let info = decoder.info().ok_or_else(|| damaged("JPEG", "it has no header"))?;
    Ok((u32::from(info.width), u32::from(info.height)))
}

fn decode_jpeg(bytes: &[u8]) -> Result<Picture, PictureError> {
    let mut decoder = jpeg(bytes);
    let (width, height) = jpeg_header(&mut decoder)?;
    let (channels, wanted) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (1, ColorSpace::Luma),
        _ => (3, ColorSpace::RGB),
    };
    let options = decoder.options().jpeg_set_out_colorspace(wanted);
    decoder.set_options(options);
    let samples = decoder.decode().map_err(|error| damaged("JPEG", error))?;
    picture("JPEG", (width as usize, height as usize), channels, samples)
}

/// A picture of so many samples, if there are as many as its size says.
fn picture(
    format: &'static str,
    (width, height): (usize, usize),
    channels: usize,
    samples: Vec<u8>,
) -> Result<Picture, PictureError> {
    if samples.is_empty() || samples.len() != width * height * channels {
        return Err(damaged(format, "it has more or fewer pixels than its header says"));
    }
    Ok(Picture { width, height, channels, samples })
}

#[cfg(test)]
mod tests;
