//! Parquet files byte by byte, whose numbers may lie. Source: the format's `parquet.thrift`.

/// A file of columns in one group of rows.
#[derive(Clone, Debug)]
pub struct ParquetFile {
    /// How many rows it says that it has.
    pub rows: i64,
    /// Its columns.
    pub columns: Vec<ParquetColumn>,
}

/// A column, whose values are never missing.
#[derive(Clone, Debug)]
pub struct ParquetColumn {
    /// What it is called.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// By what its pages are packed: 0 nothing, 2 gzip.
    pub codec: i64,
    /// Its pages.
    pub pages: Vec<Page>,
}

/// What values are, by the format's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers of 64 bits.
    Whole = 2,
    /// Texts.
    Text = 6,
}

/// A page as it stands in the file.
#[derive(Clone, Debug)]
pub struct Page {
    /// Whether it is a dictionary, and no values.
    pub is_dictionary: bool,
    /// How many values it says that it has.
    pub values: i64,
    /// In which encoding: 0 plain, 7 pieces of texts, 8 places in the dictionary.
    pub encoding: i64,
    /// How many bytes it says that it has once it is unpacked.
    pub unpacked: i64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Page {
    /// A dictionary of these texts.
    pub fn dictionary(texts: &[&[u8]]) -> Self {
        let bytes = plain(texts);
        let (values, unpacked) = (texts.len() as i64, bytes.len() as i64);
        Self { is_dictionary: true, values, encoding: 0, unpacked, bytes }
    }

    /// The first word of the dictionary, so many times.
    pub fn repeated(values: i64) -> Self {
        let mut bytes = vec![1];
        varint(&mut bytes, (values as u64) << 1);
        bytes.push(0);
        let unpacked = bytes.len() as i64;
        Self { is_dictionary: false, values, encoding: 8, unpacked, bytes }
    }

    /// Texts, each written out.
    pub fn texts(texts: &[&[u8]]) -> Self {
        Self { is_dictionary: false, ..Self::dictionary(texts) }
    }
}

fn plain(texts: &[&[u8]]) -> Vec<u8> {
    let text = |text: &&[u8]| [&(text.len() as u32).to_le_bytes(), *text].concat();
    texts.iter().flat_map(text).collect()
}

impl ParquetFile {
    /// A file of one column of texts.
    pub fn of_texts(name: &'static str, rows: i64, pages: Vec<Page>) -> Self {
        Self { rows, columns: vec![ParquetColumn { name, kind: Kind::Text, codec: 0, pages }] }
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = b"PAR1".to_vec();
        let mut chunks = Vec::new();
        for column in &self.columns {
            let start = file.len() as i64;
            let mut values_at = start;
            for page in &column.pages {
                if page.is_dictionary {
                    values_at = -1;
                } else if values_at == -1 {
                    values_at = file.len() as i64;
                }
                head(&mut file, page);
                file.extend(&page.bytes);
            }
            let length = file.len() as i64 - start;
            chunks.push(chunk(column, self.rows, start, values_at, length));
        }
        let mut footer = Struct::default();
        footer.number(1, 5, 1);
        let elements = self.columns.iter().map(|column| {
            let mut element = Struct::default();
            element.number(1, 5, column.kind as i64);
            element.number(3, 5, 0);
            element.text(4, column.name);
            if column.kind == Kind::Text {
                element.number(6, 5, 0);
            }
            element.end()
        });
        let schema: Vec<Vec<u8>> =
            [group("schema", self.columns.len() as i64)].into_iter().chain(elements).collect();
        footer.list(2, &schema);
        footer.number(3, 6, self.rows);
        let mut rows = Struct::default();
        rows.list(1, &chunks);
        rows.number(2, 6, 0);
        rows.number(3, 6, self.rows);
        footer.list(4, &[rows.end()]);
        with_footer(file, &footer.end())
    }
}

/// A file without rows whose columns stand so deep in each other.
pub fn nested(depth: usize) -> Vec<u8> {
    let mut leaf = Struct::default();
    leaf.number(1, 5, 2);
    leaf.number(3, 5, 0);
    leaf.text(4, "leaf");
    let mut schema: Vec<Vec<u8>> = (0..depth).map(|_| group("g", 1)).collect();
    schema.push(leaf.end());
    let mut footer = Struct::default();
    footer.number(1, 5, 1);
    footer.list(2, &schema);
    footer.number(3, 6, 0);
    footer.list(4, &[]);
    with_footer(b"PAR1".to_vec(), &footer.end())
}

/// A file with this footer behind what it has already.
pub fn with_footer(mut file: Vec<u8>, footer: &[u8]) -> Vec<u8> {
    file.extend(footer);
    file.extend((footer.len() as u32).to_le_bytes());
    file.extend(b"PAR1");
    file
}

fn group(name: &str, children: i64) -> Vec<u8> {
    let mut group = Struct::default();
    group.number(3, 5, 0);
    group.text(4, name);
    group.number(5, 5, children);
    group.end()
}

fn head(file: &mut Vec<u8>, page: &Page) {
    let mut head = Struct::default();
    head.number(1, 5, if page.is_dictionary { 2 } else { 0 });
    head.number(2, 5, page.unpacked);
    head.number(3, 5, page.bytes.len() as i64);
    let mut own = Struct::default();
    own.number(1, 5, page.values);
    own.number(2, 5, page.encoding);
    if !page.is_dictionary {
        own.number(3, 5, 3);
        own.number(4, 5, 3);
    }
    head.structure(if page.is_dictionary { 7 } else { 5 }, own);
    file.extend(head.end());
}

fn chunk(column: &ParquetColumn, rows: i64, start: i64, values_at: i64, length: i64) -> Vec<u8> {
    let mut own = Struct::default();
    own.number(1, 5, column.kind as i64);
    own.numbers(2, &[0, 3, 8]);
    own.texts(3, &[column.name]);
    own.number(4, 5, column.codec);
    own.number(5, 6, rows);
    own.number(6, 6, length);
    own.number(7, 6, length);
    own.number(9, 6, values_at);
    if values_at != start {
        own.number(11, 6, start);
    }
    let mut chunk = Struct::default();
    chunk.number(2, 6, start);
    chunk.structure(3, own);
    chunk.end()
}

/// A structure in Thrift's compact protocol, its fields in rising order.
#[derive(Default)]
struct Struct {
    bytes: Vec<u8>,
    last: u8,
}

impl Struct {
    fn field(&mut self, field: u8, kind: u8) {
        self.bytes.push((field - self.last) << 4 | kind);
        self.last = field;
    }

    fn number(&mut self, field: u8, kind: u8, number: i64) {
        self.field(field, kind);
        zigzag(&mut self.bytes, number);
    }

    fn text(&mut self, field: u8, text: &str) {
        self.field(field, 8);
        varint(&mut self.bytes, text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    fn structure(&mut self, field: u8, own: Self) {
        self.field(field, 12);
        self.bytes.extend(own.end());
    }

    fn list(&mut self, field: u8, elements: &[Vec<u8>]) {
        self.field(field, 9);
        self.bytes.push(0xf0 | 12);
        varint(&mut self.bytes, elements.len() as u64);
        elements.iter().for_each(|element| self.bytes.extend(element));
    }

    fn numbers(&mut self, field: u8, numbers: &[i64]) {
        self.field(field, 9);
        self.bytes.push((numbers.len() as u8) << 4 | 5);
        numbers.iter().for_each(|number| zigzag(&mut self.bytes, *number));
    }

    fn texts(&mut self, field: u8, texts: &[&str]) {
        self.field(field, 9);
        self.bytes.push((texts.len() as u8) << 4 | 8);
        for text in texts {
            varint(&mut self.bytes, text.len() as u64);
            self.bytes.extend(text.as_bytes());
        }
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

fn zigzag(bytes: &mut Vec<u8>, number: i64) {
    varint(bytes, (number << 1 ^ number >> 63) as u64);
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
