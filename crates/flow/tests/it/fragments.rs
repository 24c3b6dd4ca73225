//! `include:` over real folders.

use std::path::Path;

use gristmill_flow::{Document, render};
use insta::assert_snapshot;
use serde_json::json;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    folder
}

/// What a person sees when the pipeline in `folder` is refused, without the folder's name.
fn refused(folder: &Path) -> String {
    let mistakes = Document::load(&folder.join("p.yaml"), &[]).unwrap_err();
    render(&mistakes).replace(&format!("{}/", folder.display()), "")
}

#[test]
fn fragments_join_and_the_including_file_wins() {
    let folder = folder(&[
        (
            "p.yaml",
            "include: [shared/data.yaml, model.yaml]\nname: p\nparams: {trees: 7}\nmodel: {mine: '${trees}'}\n",
        ),
        ("shared/data.yaml", "include: deep.yaml\ndata: {source: '${file}'}\n"),
        ("shared/deep.yaml", "params: {file: a.csv, trees: 100}\n"),
        ("model.yaml", "model: {theirs: 1}\nevaluate: {x: 1}\n"),
    ]);
    let document = Document::load(&folder.path().join("p.yaml"), &[]).unwrap();
    let expected = json!({
        "name": "p", "model": {"mine": 7}, "data": {"source": "a.csv"}, "evaluate": {"x": 1},
    });
    assert_eq!(document.root().to_json(), expected);
    let span = &document.root().get("data.source").unwrap().span;
    assert!(span.source.name().ends_with("shared/data.yaml"), "{span:?}");
    assert_eq!((span.line, span.column), (2, 16));
}

#[test]
fn a_fragment_included_by_two_ways_is_one() {
    let folder = folder(&[
        ("p.yaml", "include: [a.yaml, b.yaml]\nname: p\n"),
        ("a.yaml", "include: c.yaml\na: 1\n"),
        ("b.yaml", "include: c.yaml\nb: 1\n"),
        ("c.yaml", "c: 1\n"),
    ]);
    let document = Document::open(&folder.path().join("p.yaml")).unwrap();
    assert_eq!(document.root().to_json(), json!({"name": "p", "a": 1, "b": 1, "c": 1}));
}

#[test]
fn mistakes_in_fragments_name_their_file() {
    let folder = folder(&[
        ("p.yaml", "include: [a.yaml, b.yaml, c.yaml]\nname: p\n"),
        ("a.yaml", "data: 1\nx: {y: 1, y: 2}\n"),
        ("b.yaml", "data: 2\n"),
        ("c.yaml", "data: 3\n"),
    ]);
    assert_snapshot!(refused(folder.path()), @"
    error: key `y` stands twice, first in line 2
      at: a.yaml, line 2
       2 | x: {y: 1, y: 2}
         |           ^
    hint: remove one of the two

    error: `data` stands in two fragments, here and in b.yaml
      at: c.yaml, line 1
       1 | data: 3
         | ^^^^
    hint: keep it in one of them, or in the file that includes them
    ");
}

#[test]
fn what_cannot_be_included_is_refused() {
    let cases = [
        ("circle", "include: p.yaml\n"),
        ("missing", "include: none.yaml\n"),
        ("absolute", "include: /etc/passwd\n"),
        ("outside", "include: ../../../../../../../../etc/hostname\n"),
        ("number", "include: 7\n"),
        ("list", "include: list.yaml\n"),
    ];
    let said: Vec<String> = cases
        .iter()
        .map(|(_, text)| refused(folder(&[("p.yaml", text), ("list.yaml", "[1]\n")]).path()))
        .collect();
    assert_snapshot!(said.join("\n"), @"
    error: `p.yaml` is already being included, so this has no end
      at: p.yaml, line 1
       1 | include: p.yaml
         |          ^^^^^^
    hint: remove one of the includes

    error: fragment `none.yaml` cannot be read: it does not exist
      at: p.yaml, line 1
       1 | include: none.yaml
         |          ^^^^^^^^^
    hint: name a file relative to the one that includes it

    error: `/etc/passwd` is an absolute path
      at: p.yaml, line 1
       1 | include: /etc/passwd
         |          ^^^^^^^^^^^
    hint: name a fragment relative to the file that includes it

    error: fragment `../../../../../../../../etc/hostname` lies outside of the pipeline's folder
      at: p.yaml, line 1
       1 | include: ../../../../../../../../etc/hostname
         |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: put it beside the pipeline file or below

    error: `include` takes a path or a list of paths
      at: p.yaml, line 1
       1 | include: 7
         |          ^
    hint: write `include: other.yaml`

    error: a fragment must be a block of keys
      at: list.yaml, line 1
       1 | [1]
         | ^
    hint: write `key: value` lines
    ");
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_outside_is_refused() {
    let outside = folder(&[("secret.yaml", "a: 1\n")]);
    let folder = folder(&[("p.yaml", "include: link.yaml\n")]);
    let link = folder.path().join("link.yaml");
    fs_err::os::unix::fs::symlink(outside.path().join("secret.yaml"), link).unwrap();
    assert!(refused(folder.path()).contains("outside of the pipeline's folder"));
}

#[test]
fn files_that_are_no_text_are_refused() {
    let folder = folder(&[]);
    let path = folder.path().join("p.yaml");
    assert_snapshot!(refused(folder.path()), @"
    error: the file cannot be read: it does not exist
      at: p.yaml
    hint: check the path; it is relative to the current folder
    ");
    fs_err::write(&path, b"name: caf\xe9\n").unwrap();
    assert_snapshot!(refused(folder.path()), @"
    error: line 1 is no UTF-8: it holds the byte 0xE9
      at: p.yaml
    hint: save the file as UTF-8
    ");
    fs_err::remove_file(&path).unwrap();
    fs_err::create_dir(&path).unwrap();
    assert_snapshot!(refused(folder.path()), @"
    error: the file cannot be read: it is a folder
      at: p.yaml
    hint: name a file that can be read
    ");
}

#[test]
fn values_from_the_command_line_come_first_and_their_mistakes_together() {
    let folder = folder(&[("p.yaml", "params: {trees: 1}\nmodel: '${trees}'\n")]);
    let path = folder.path().join("p.yaml");
    let set = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    };
    let document = Document::load(&path, &set(&[("params.trees", "9")])).unwrap();
    assert_eq!(document.root().to_json(), json!({"model": 9}));
    let wrong = Document::load(&path, &set(&[("", "9"), ("model.x", "1")])).unwrap_err();
    assert_eq!(wrong.len(), 2);
}
