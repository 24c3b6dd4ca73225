//! Small images in a line of code.

/// A PNG of grey samples, row by row, of which a row has `width`. Nothing is packed: the form is that of RFC 1950 and
/// 1951 with stored blocks.
///
/// # Panics
/// When a row is cut off, or all are more than 65,535 bytes with one before each row.
pub fn grey_png(width: usize, samples: &[u8]) -> Vec<u8> {
    assert_eq!(samples.len() % width, 0, "a row is cut off");
    let height = samples.len() / width;
    let rows: Vec<u8> = samples.chunks_exact(width).flat_map(|row| [&[0], row].concat()).collect();
    let length = u16::try_from(rows.len()).expect("one block holds the rows");
    let mut header = [width as u32, height as u32].map(u32::to_be_bytes).concat();
    header.extend([8, 0, 0, 0, 0]);
    let mut packed = vec![0x78, 0x01, 1];
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    packed.extend(&rows);
    packed.extend(adler(&rows).to_be_bytes());
    let chunks = [chunk(b"IHDR", &header), chunk(b"IDAT", &packed), chunk(b"IEND", &[])];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let named = [name, content].concat();
    let length = (content.len() as u32).to_be_bytes();
    [length.as_slice(), &named, &crc(&named).to_be_bytes()].concat()
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

fn adler(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    (b << 16) | a
}
