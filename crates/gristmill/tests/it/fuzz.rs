//! Bodies that somebody made out of a good one: each is answered or refused with words, and nothing panics.

use gristmill::prelude::Prediction;
use gristmill_serve::v2::grpc;
use gristmill_serve::{Question, Recall, Refusal, Served, mlflow, tensorflow, v2};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::forms::{self, Row};
use super::serving::all;

/// A change of a document somewhere.
#[derive(Clone, Debug)]
enum Change {
    /// Another value stands there.
    Put(Value),
    /// Nothing stands there.
    Remove,
    /// It stands there twice, where it is an element.
    Repeat,
    /// It stands in so many lists.
    Wrap(usize),
    /// It has another name, where it has one.
    Rename(String),
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-3..100_i64).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        prop::sample::select(vec![
            "Yes",
            "41",
            "1e400",
            "NaN",
            "2024-01-01",
            "data",
            "FP64",
            "BYTES"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn change() -> impl Strategy<Value = (Index, Change)> {
    let name = prop::sample::select(vec![
        "tenure",
        "columns",
        "data",
        "history",
        "params",
        "instances",
        "inputs",
        "shape",
        "x",
        "",
    ]);
    let change = prop_oneof![
        4 => value().prop_map(Change::Put),
        2 => Just(Change::Remove),
        1 => Just(Change::Repeat),
        1 => (1..200_usize).prop_map(Change::Wrap),
        2 => name.prop_map(|name| Change::Rename(name.into())),
    ];
    (any::<Index>(), change)
}

/// How many places a document has.
fn places(value: &Value) -> usize {
    let inner = match value {
        Value::Array(list) => list.iter().map(places).sum(),
        Value::Object(map) => map.values().map(places).sum(),
        _ => 0,
    };
    1 + inner
}

/// Changes what stands at a place, counted from the top; what is left to count where it is further on.
fn apply(value: &mut Value, place: usize, change: &Change) -> Option<usize> {
    if place == 0 {
        match change {
            Change::Put(other) => *value = other.clone(),
            Change::Wrap(deep) => (0..*deep).for_each(|_| *value = json!([value.take()])),
            Change::Remove | Change::Repeat | Change::Rename(_) => {}
        }
        return None;
    }
    let mut left = place - 1;
    match value {
        Value::Array(list) => {
            for at in 0..list.len() {
                match (left, change) {
                    (0, Change::Remove) => {
                        list.remove(at);
                        return None;
                    }
                    (0, Change::Repeat) => {
                        list.insert(at, list[at].clone());
                        return None;
                    }
                    _ => left = apply(&mut list[at], left, change)?,
                }
            }
        }
        Value::Object(map) => {
            let names: Vec<String> = map.keys().cloned().collect();
            for name in names {
                match (left, change) {
                    (0, Change::Remove) => {
                        map.remove(&name);
                        return None;
                    }
                    (0, Change::Rename(other)) => {
                        let value = map.remove(&name).unwrap_or_default();
                        map.insert(other.clone(), value);
                        return None;
                    }
                    _ => left = apply(map.get_mut(&name)?, left, change)?,
                }
            }
        }
        _ => {}
    }
    Some(left)
}

/// A good document of each form of JSON, and what reads it.
type Read = fn(&Served, &[u8]) -> Result<Question, Refusal>;

fn documents(rows: &[&Row]) -> Vec<(Value, Read)> {
    let mlflow: Read = |served, body| Ok(mlflow::read(served, body, Recall::default())?.rows);
    let tensorflow: Read =
        |served, body| Ok(tensorflow::read(served, body, Recall::default())?.rows);
    let tensors: Read = |served, body| Ok(v2::read(served, body, None)?.0);
    let columns = all().served.schema().names();
    let split = json!({"columns": columns, "data": forms::lists(rows, &columns)});
    let inputs: Vec<Value> = columns.iter().map(|c| forms::tensor(rows, c)).collect();
    vec![
        (
            json!({"dataframe_records": rows, "params": {"probabilities": true}, "history": rows}),
            mlflow,
        ),
        (json!({"dataframe_split": split}), mlflow),
        (json!({"inputs": forms::by_column(rows, &columns)}), mlflow),
        (json!({"instances": forms::lists(rows, &columns), "signature_name": "s"}), tensorflow),
        (json!({"id": "7", "inputs": inputs, "parameters": {"history_rows": 1}}), tensors),
    ]
}

/// An answer to each row that is asked about, or a refusal with words, which is no bug of ours.
fn check(served: &Served, asked: Result<Question, Refusal>) -> Result<(), TestCaseError> {
    let rows = asked.as_ref().map(Question::asked).unwrap_or_default();
    match asked.and_then(|question| served.answer(question)) {
        Ok(answers) => {
            let Prediction::Classes { probabilities, .. } = &answers.prediction else {
                return Err(TestCaseError::fail("classes"));
            };
            prop_assert_eq!(probabilities.rows(), rows);
            for row in 0..rows {
                let sum: f64 = (0..2).map(|class| probabilities.get(row, class)).sum();
                prop_assert!((sum - 1.0).abs() < 1e-9, "{} in row {}", sum, row);
            }
        }
        Err(Refusal::Bad(words) | Refusal::TooLarge(words)) => prop_assert!(!words.is_empty()),
        Err(other) => return Err(TestCaseError::fail(other.to_string())),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_document_with_changes_is_answered_or_refused(
        form in any::<Index>(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let rows: Vec<&Row> = all().rows[..3].iter().collect();
        let mut documents = documents(&rows);
        let (mut document, read) = documents.swap_remove(form.index(5));
        for (place, change) in changes {
            let place = place.index(places(&document));
            apply(&mut document, place, &change);
        }
        check(&all().served, read(&all().served, document.to_string().as_bytes()))?;
    }

    #[test]
    fn bytes_with_changes_are_answered_or_refused(
        form in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8),
        end in any::<Index>(),
    ) {
        let rows: Vec<&Row> = all().rows[..3].iter().collect();
        let mut documents = documents(&rows);
        let (document, read) = documents.swap_remove(form.index(5));
        let mut body = document.to_string().into_bytes();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        check(&all().served, read(&all().served, &body))?;
        body.truncate(end.index(body.len()));
        check(&all().served, read(&all().served, &body))?;
        check(&all().served, mlflow::read_csv(&all().served, &body, Recall::default()).map(|a| a.rows))?;
    }

    #[test]
    fn rows_alone_are_read_as_rows_with_more_beside_them(
        changes in prop::collection::vec(change(), 0..3),
        bytes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..3),
        is_spaced in any::<bool>(),
    ) {
        let rows: Vec<&Row> = all().rows[..3].iter().collect();
        let mut document = json!({"dataframe_records": rows});
        for (place, change) in changes {
            let place = place.index(places(&document));
            apply(&mut document, place, &change);
        }
        let body = if is_spaced { format!("{document:#}") } else { document.to_string() };
        let mut body = body.into_bytes();
        for (at, byte) in bytes {
            let at = 1 + at.index(body.len() - 1);
            body[at] = byte;
        }
        // With a key that says nothing the rows go another way.
        let beside = [&br#"{"signature_name": "s","#[..], &body[1..]].concat();
        let read = |body: &[u8]| {
            let read = mlflow::read(&all().served, body, Recall::default());
            read.map(|asked| format!("{:?}", asked.rows.asked_rows()))
        };
        match (read(&body), read(&beside)) {
            (Ok(alone), Ok(beside)) => prop_assert_eq!(alone, beside),
            (Err(_), Err(_)) => {}
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
    }

    #[test]
    fn messages_and_tensors_of_bytes_with_changes_are_answered_or_refused(
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8),
        end in any::<Index>(),
        length in any::<Index>(),
    ) {
        let served = &all().served;
        let rows: Vec<&Row> = all().rows[..3].iter().collect();
        let columns = served.schema().names();
        let sent = forms::Sent { history: &[], rows: &rows, columns: &columns };
        let (mut message, (mut body, json)) = (forms::message(&sent), forms::binary(&sent));
        for (at, byte) in changes {
            let (in_message, in_body) = (at.index(message.len()), at.index(body.len()));
            (message[in_message], body[in_body]) = (byte, byte);
        }
        let grpc = |message: &[u8]| Ok(grpc::Request::read(message.to_vec().into())?.rows(served)?.0);
        check(served, grpc(&message))?;
        check(served, grpc(&message[..end.index(message.len())]))?;
        check(served, v2::read(served, &body, Some(json)).map(|read| read.0))?;
        check(served, v2::read(served, &body, Some(length.index(body.len()))).map(|read| read.0))?;
    }
}
