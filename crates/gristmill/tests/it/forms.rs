//! The forms in which rows are sent to a model, each with the rows before them.

use gristmill_serve::v2::grpc;
use gristmill_serve::{Question, Recall, Refusal, Served, mlflow, tensorflow, v2};
use serde_json::{Map, Value, json};

pub type Row = Map<String, Value>;

/// What is sent.
pub struct Sent<'a> {
    /// Rows that are only the history of the others.
    pub history: &'a [&'a Row],
    pub rows: &'a [&'a Row],
    /// The names of the columns, in any order.
    pub columns: &'a [String],
}

impl Sent<'_> {
    /// All rows in one, and how many of them are history.
    fn all(&self) -> (Vec<&Row>, usize) {
        (self.history.iter().chain(self.rows).copied().collect(), self.history.len())
    }

    fn recall(&self) -> Recall {
        Recall { from: None, rows: Some(self.history.len()).filter(|rows| *rows > 0) }
    }
}

/// A form: its body, and what comes of reading it.
pub type Form = fn(&Served, &Sent<'_>) -> Result<Question, Refusal>;

pub const FORMS: [(&str, Form); 11] = [
    ("records", |served, sent| {
        let object = |row: &&Row| {
            Value::Object(sent.columns.iter().map(|c| (c.clone(), value(row, c))).collect())
        };
        let rows: Vec<Value> = sent.rows.iter().map(object).collect();
        let history = Value::Array(sent.history.iter().map(object).collect());
        read(served, sent, json!({"dataframe_records": rows}), history)
    }),
    ("records without what is missing", |served, sent| {
        let (rows, history) = sent.all();
        let params = json!({"probabilities": true, "history_rows": history});
        let params = if history > 0 { params } else { json!({"probabilities": true}) };
        let body = json!({"dataframe_records": rows, "params": params});
        Ok(mlflow::read(served, body.to_string().as_bytes(), Recall::default())?.rows)
    }),
    ("a split table", |served, sent| {
        let split = |rows| json!({"dataframe_split": {"columns": sent.columns, "data": lists(rows, sent.columns)}});
        read(served, sent, split(sent.rows), split(sent.history))
    }),
    ("a split table, its data first", |served, sent| {
        let (rows, _) = sent.all();
        let (columns, data) = (json!(sent.columns), json!(lists(&rows, sent.columns)));
        let body = format!("{{\"dataframe_split\": {{\"data\": {data}, \"columns\": {columns}}}}}");
        Ok(mlflow::read(served, body.as_bytes(), sent.recall())?.rows)
    }),
    ("lists in the order of the model", |served, sent| {
        let names = served.schema().names();
        let history = json!({"instances": lists(sent.history, &names)});
        read(served, sent, json!({"instances": lists(sent.rows, &names)}), history)
    }),
    ("columns", |served, sent| {
        let columns = |rows| json!({"inputs": by_column(rows, sent.columns)});
        read(served, sent, columns(sent.rows), columns(sent.history))
    }),
    ("CSV", |served, sent| {
        let mut text = sent.columns.join(",") + "\n";
        for row in sent.all().0 {
            let cell = |c: &String| match value(row, c) {
                Value::Null => String::new(),
                Value::String(word) => word,
                other => other.to_string(),
            };
            text += &(sent.columns.iter().map(cell).collect::<Vec<_>>().join(",") + "\n");
        }
        Ok(mlflow::read_csv(served, text.as_bytes(), sent.recall())?.rows)
    }),
    ("TensorFlow's columns", |served, sent| {
        let mut body = json!({"inputs": by_column(sent.rows, sent.columns)});
        if !sent.history.is_empty() {
            body["history"] = json!(sent.history);
        }
        Ok(tensorflow::read(served, body.to_string().as_bytes(), Recall::default())?.rows)
    }),
    ("tensors", |served, sent| {
        let (rows, history) = sent.all();
        let tensors: Vec<Value> = sent.columns.iter().map(|c| tensor(&rows, c)).collect();
        let body = json!({"id": "7", "parameters": parameters(history), "inputs": tensors});
        Ok(v2::read(served, body.to_string().as_bytes(), None)?.0)
    }),
    ("tensors as bytes", |served, sent| {
        let (body, length) = binary(sent);
        Ok(v2::read(served, &body, Some(length))?.0)
    }),
    ("gRPC", |served, sent| Ok(grpc::Request::read(message(sent).into())?.rows(served)?.0)),
];

/// Tensors behind the JSON, and how long that is.
pub fn binary(sent: &Sent<'_>) -> (Vec<u8>, usize) {
    let (mut behind, (rows, history)) = (Vec::new(), sent.all());
    let columns = sent.columns.iter();
    let tensors: Vec<Value> = columns.map(|c| bytes(&rows, c, &mut behind)).collect();
    let body = json!({"parameters": parameters(history), "inputs": tensors});
    let mut body = body.to_string().into_bytes();
    let length = body.len();
    body.append(&mut behind);
    (body, length)
}

/// The message of a call.
pub fn message(sent: &Sent<'_>) -> Vec<u8> {
    let (rows, history) = sent.all();
    let mut message = Vec::new();
    if history > 0 {
        let mut number = Vec::new();
        whole(&mut number, 2, history as u64);
        let mut entry = Vec::new();
        part(&mut entry, 1, b"history_rows");
        part(&mut entry, 2, &number);
        part(&mut message, 4, &entry);
    }
    sent.columns.iter().for_each(|c| part(&mut message, 5, &input(&rows, c)));
    message
}

/// A body of MLflow's with its history beside the rows.
fn read(
    served: &Served,
    sent: &Sent<'_>,
    mut body: Value,
    history: Value,
) -> Result<Question, Refusal> {
    if !sent.history.is_empty() {
        body["history"] = history;
    }
    Ok(mlflow::read(served, body.to_string().as_bytes(), Recall::default())?.rows)
}

fn parameters(history: usize) -> Value {
    if history > 0 { json!({"history_rows": history}) } else { json!({}) }
}

/// A value of a row; nothing where the data has none.
fn value(row: &Row, column: &str) -> Value {
    row.get(column).cloned().unwrap_or(Value::Null)
}

pub fn lists(rows: &[&Row], columns: &[String]) -> Vec<Vec<Value>> {
    rows.iter().map(|row| columns.iter().map(|c| value(row, c)).collect()).collect()
}

pub fn by_column(rows: &[&Row], columns: &[String]) -> Value {
    let column = |c: &String| (c.clone(), rows.iter().map(|row| value(row, c)).collect());
    Value::Object(columns.iter().map(column).collect())
}

fn datatype(rows: &[&Row], column: &str) -> &'static str {
    let is = |kind: fn(&Value) -> bool| rows.iter().all(|row| kind(&value(row, column)));
    match () {
        () if is(|v| v.is_i64() || v.is_null()) => "INT64",
        () if is(|v| v.is_number() || v.is_null()) => "FP64",
        () => "BYTES",
    }
}

pub fn tensor(rows: &[&Row], column: &str) -> Value {
    let data: Vec<Value> = rows.iter().map(|row| value(row, column)).collect();
    let datatype = datatype(rows, column);
    json!({"name": column, "shape": [rows.len(), 1], "datatype": datatype, "data": data})
}

/// The same behind the JSON; what is missing has no bytes and stays in it, unless it is a number.
fn bytes(rows: &[&Row], column: &str, behind: &mut Vec<u8>) -> Value {
    let before = behind.len();
    let kind = datatype(rows, column);
    for row in rows {
        match (kind, value(row, column)) {
            ("INT64", Value::Number(whole)) => behind.extend(whole.as_i64().unwrap().to_le_bytes()),
            ("FP64", number) => behind.extend(number.as_f64().unwrap_or(f64::NAN).to_le_bytes()),
            ("BYTES", Value::String(word)) => {
                behind.extend((word.len() as u32).to_le_bytes());
                behind.extend(word.as_bytes());
            }
            _ => {
                behind.truncate(before);
                return tensor(rows, column);
            }
        }
    }
    let size = behind.len() - before;
    let parameters = json!({"binary_data_size": size});
    json!({"name": column, "shape": [rows.len()], "datatype": kind, "parameters": parameters})
}

/// A tensor as a message; a number that is missing is NaN.
fn input(rows: &[&Row], column: &str) -> Vec<u8> {
    let values: Vec<Value> = rows.iter().map(|row| value(row, column)).collect();
    let kind = match datatype(rows, column) {
        "INT64" if values.iter().any(Value::is_null) => "FP64",
        kind => kind,
    };
    let mut contents = Vec::new();
    for value in values {
        match kind {
            "INT64" => whole(&mut contents, 3, value.as_i64().unwrap() as u64),
            "FP64" => {
                contents.push(7 << 3 | 1);
                contents.extend(value.as_f64().unwrap_or(f64::NAN).to_le_bytes());
            }
            _ => part(&mut contents, 8, value.as_str().unwrap().as_bytes()),
        }
    }
    let mut message = Vec::new();
    part(&mut message, 1, column.as_bytes());
    part(&mut message, 2, kind.as_bytes());
    whole(&mut message, 3, rows.len() as u64);
    part(&mut message, 5, &contents);
    message
}

/// A field of a message that is bytes, as Protocol Buffers encode it.
fn part(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(message, field << 3 | 2);
    varint(message, bytes.len() as u64);
    message.extend(bytes);
}

/// A field of a message that is a whole number.
fn whole(message: &mut Vec<u8>, field: u64, number: u64) {
    varint(message, field << 3);
    varint(message, number);
}

fn varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}
