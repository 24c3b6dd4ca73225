//! `docs/pandas.md`, run: every idiom's lines give the result that the page shows, which is pandas'.

use std::fmt::Write as _;
use std::path::Path;

use gristmill_core::{Column, FitContext, Frame, Notes, Seed, Table};

/// A fenced block: what stands behind its fence, and its lines.
struct Block<'a> {
    language: &'a str,
    name: &'a str,
    body: String,
}

/// One idiom: its heading, the lines of a pipeline file, and the result.
struct Idiom<'a> {
    heading: &'a str,
    file: String,
    expected: String,
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pandas.md");
    fs_err::read_to_string(path).unwrap()
}

/// The blocks of a section, in order.
fn blocks(section: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = section.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else { continue };
        let (language, name) = fence.split_once(' ').unwrap_or((fence, ""));
        let body = lines.by_ref().take_while(|line| *line != "```");
        let body = body.fold(String::new(), |body, line| body + line + "\n");
        blocks.push(Block { language, name, body });
    }
    blocks
}

/// The page's tables as files of `folder`, and their names without an ending.
fn tables(page: &str, folder: &Path) -> Vec<String> {
    let files: Vec<_> = blocks(page).into_iter().filter(|b| !b.name.is_empty()).collect();
    for file in &files {
        fs_err::write(folder.join(file.name), &file.body).unwrap();
    }
    let tables = files.iter().filter_map(|f| f.name.strip_suffix(".csv"));
    tables.filter(|name| !name.contains('_')).map(String::from).collect()
}

fn idioms<'a>(page: &'a str, tables: &[String]) -> Vec<Idiom<'a>> {
    page.split("\n### ").skip(1).map(|section| idiom(section, tables)).collect()
}

fn idiom<'a>(section: &'a str, tables: &[String]) -> Idiom<'a> {
    let heading = section.lines().next().unwrap();
    let blocks = blocks(section);
    let of = |language: &str| blocks.iter().find(|b| b.language == language);
    let expected = of("csv").unwrap_or_else(|| panic!("{heading}: no result")).body.clone();
    let mut file = String::from("name: page\n");
    match (of("yaml"), of("sql")) {
        (Some(yaml), None) => file.push_str(&yaml.body),
        (None, Some(sql)) => {
            file.push_str("data:\n  sources:\n");
            for name in tables {
                writeln!(file, "    {name}: {name}.csv").unwrap();
            }
            file.push_str("  sql: |\n");
            for line in sql.body.lines() {
                writeln!(file, "    {line}").unwrap();
            }
        }
        _ => panic!("{heading}: one block of sql or yaml"),
    }
    Idiom { heading, file, expected }
}

/// What the file gives as rows of words, the names first.
fn answer(path: &Path) -> Result<Vec<Vec<String>>, gristmill::Error> {
    let checked = gristmill::check(path, &[])?;
    let notes = Notes::default();
    let table = checked.table(&notes)?;
    if checked.file.features.is_empty() {
        return Ok(rows_of_table(&table));
    }
    let pipeline = checked.pipeline(&gristmill::catalog())?;
    let rows = Frame::from_table(&table.conform(&pipeline.input(table.schema())?)?)?;
    let (_, rows) = pipeline.fit_steps(rows, &FitContext::new(Seed(0), &notes))?;
    Ok(rows_of_frame(&rows.dense()?))
}

fn rows_of_table(table: &Table) -> Vec<Vec<String>> {
    let mut text = Vec::new();
    gristmill_ingest::write_csv(table, &mut text).unwrap();
    rows(std::str::from_utf8(&text).unwrap())
}

fn rows_of_frame(frame: &Frame) -> Vec<Vec<String>> {
    let mut rows = vec![frame.schema().names()];
    for row in 0..frame.rows() {
        let cell = |column: &Column| match column {
            Column::Numbers(values) if values[row].is_nan() => String::new(),
            Column::Numbers(values) => values[row].to_string(),
            Column::Words(words) => words.iter().nth(row).flatten().unwrap_or_default().into(),
            Column::Times(_) | Column::Sparse(_) | Column::Images(_) => panic!("no form as text"),
        };
        rows.push(frame.columns().iter().map(cell).collect());
    }
    rows
}

/// The page holds no value with a comma in it.
fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(',').map(plain).collect()).collect()
}

/// A cell as both sides spell it: midnight is a day, truth is lower case.
fn plain(cell: &str) -> String {
    let cell = cell.trim_matches('"');
    match cell {
        "True" | "False" => cell.to_lowercase(),
        _ => match cell.split_once('T').filter(|(day, _)| day.len() == 10) {
            Some((day, "00:00:00")) => day.into(),
            Some((day, time)) => format!("{day} {time}"),
            None => cell.strip_suffix(" 00:00:00").unwrap_or(cell).into(),
        },
    }
}

fn same(ours: &[Vec<String>], expected: &[Vec<String>]) -> bool {
    ours.len() == expected.len()
        && ours
            .iter()
            .zip(expected)
            .all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || near(a, b)))
}

fn near(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 1e-9 * b.abs().max(1.0),
        _ => false,
    }
}

#[test] // the results are those of pandas 3.1.1
fn every_idiom_gives_what_pandas_gives() {
    let (page, folder) = (page(), tempfile::tempdir().unwrap());
    let tables = tables(&page, folder.path());
    let idioms = idioms(&page, &tables);
    let mut wrong = Vec::new();
    for idiom in &idioms {
        let path = folder.path().join("page.yaml");
        fs_err::write(&path, &idiom.file).unwrap();
        let expected = rows(&idiom.expected);
        match answer(&path) {
            Ok(ours) if same(&ours, &expected) => {}
            Ok(ours) => wrong.push(format!("{}: {ours:?}\n  not {expected:?}", idiom.heading)),
            Err(error) => wrong.push(format!("{}: {error}", idiom.heading)),
        }
    }
    assert!(idioms.len() >= 40, "{}", idioms.len());
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
