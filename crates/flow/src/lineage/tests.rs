use std::process::Command;

use super::*;
use crate::TaskStatus;

const START: i64 = 1_748_772_000_000_000;

fn run() -> Lineage {
    let day = 86_400_000_000;
    Lineage::new("laptop", "churn", "0198a2").scheduled(START, Some(START + day))
}

fn customers() -> LineageDataset {
    LineageDataset {
        columns: vec![("age".into(), "Float64".into()), ("plan".into(), "Utf8".into())],
        version: Some("af1349b9".into()),
        rows: Some(7043),
        bytes: Some(977_501),
        ..LineageDataset::at("/data/customers.csv")
    }
}

/// All that a run with a mishap has to tell.
fn events() -> Vec<LineageEvent> {
    let run = run();
    let output = LineageDataset { rows: None, ..LineageDataset::at("s3://lake/churn/table.arrow") };
    vec![
        run.run(LineageState::Start, START),
        run.task("ingest", LineageState::Start, START + 1),
        run.task("ingest", LineageState::Running, START + 2).reading(&[customers()]),
        run.task("ingest", LineageState::Complete, START + 1_500_000)
            .reading(&[customers()])
            .writing(&[customers(), output]),
        run.task("train", LineageState::Start, START + 2_000_000),
        run.task("train", LineageState::Fail, START + 3_000_000)
            .because("column `age` is missing in 7043 of 7043 rows"),
        run.run(LineageState::from(TaskStatus::Cancelled), START + 3_000_001),
        Lineage::new("laptop", "churn", "0198a3").run(LineageState::Complete, START),
    ]
}

fn pretty(event: &LineageEvent) -> String {
    let json = serde_json::to_string_pretty(event).unwrap();
    json.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn a_run_begins() {
    insta::assert_snapshot!(pretty(&events()[0]), @r#"
    {
      "eventType": "START",
      "eventTime": "2025-06-01T10:00:00Z",
      "run": {
        "runId": "7a81e850-9fcc-87b0-bb68-95e79646fee1",
        "facets": {
          "nominalTime": {
            "_producer": "pkg:cargo/gristmill@VERSION",
            "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet",
            "nominalStartTime": "2025-06-01T10:00:00Z",
            "nominalEndTime": "2025-06-02T10:00:00Z"
          },
          "processing_engine": {
            "_producer": "pkg:cargo/gristmill@VERSION",
            "_schemaURL": "https://openlineage.io/spec/facets/1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet",
            "version": "VERSION",
            "name": "gristmill"
          }
        }
      },
      "job": {
        "namespace": "laptop",
        "name": "churn",
        "facets": {
          "jobType": {
            "_producer": "pkg:cargo/gristmill@VERSION",
            "_schemaURL": "https://openlineage.io/spec/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
            "processingType": "BATCH",
            "integration": "GRISTMILL",
            "jobType": "PIPELINE"
          }
        }
      },
      "inputs": [],
      "outputs": [],
      "producer": "pkg:cargo/gristmill@VERSION",
      "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    }
    "#);
}

#[test]
fn a_task_tells_what_it_read_and_wrote() {
    insta::assert_snapshot!(pretty(&events()[3]), @r#"
    {
      "eventType": "COMPLETE",
      "eventTime": "2025-06-01T10:00:01.5Z",
      "run": {
        "runId": "6c0d6b47-929d-899d-8ea6-1e195edb6c34",
        "facets": {
          "parent": {
            "_producer": "pkg:cargo/gristmill@VERSION",
            "_schemaURL": "https://openlineage.io/spec/facets/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet",
            "run": {
              "runId": "7a81e850-9fcc-87b0-bb68-95e79646fee1"
            },
            "job": {
              "namespace": "laptop",
              "name": "churn"
            },
            "root": {
              "run": {
                "runId": "7a81e850-9fcc-87b0-bb68-95e79646fee1"
              },
              "job": {
                "namespace": "laptop",
                "name": "churn"
              }
            }
          },
          "nominalTime": {
            "_producer": "pkg:cargo/gristmill@VERSION",
            "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet",
            "nominalStartTime": "2025-06-01T10:00:00Z",
            "nominalEndTime": "2025-06-02T10:00:00Z"
          },
          "processing_engine": {
            "_producer": "pkg:cargo/gristmill@VERSION",
            "_schemaURL": "https://openlineage.io/spec/facets/1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet",
            "version": "VERSION",
            "name": "gristmill"
          }
        }
      },
      "job": {
        "namespace": "laptop",
        "name": "churn.ingest",
        "facets": {
          "jobType": {
            "_producer": "pkg:cargo/gristmill@VERSION",
            "_schemaURL": "https://openlineage.io/spec/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
            "processingType": "BATCH",
            "integration": "GRISTMILL",
            "jobType": "TASK"
          }
        }
      },
      "inputs": [
        {
          "namespace": "file",
          "name": "/data/customers.csv",
          "facets": {
            "schema": {
              "_producer": "pkg:cargo/gristmill@VERSION",
              "_schemaURL": "https://openlineage.io/spec/facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet",
              "fields": [
                {
                  "name": "age",
                  "type": "Float64"
                },
                {
                  "name": "plan",
                  "type": "Utf8"
                }
              ]
            },
            "version": {
              "_producer": "pkg:cargo/gristmill@VERSION",
              "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
              "datasetVersion": "af1349b9"
            }
          },
          "inputFacets": {
            "inputStatistics": {
              "_producer": "pkg:cargo/gristmill@VERSION",
              "_schemaURL": "https://openlineage.io/spec/facets/1-0-0/InputStatisticsInputDatasetFacet.json#/$defs/InputStatisticsInputDatasetFacet",
              "rowCount": 7043,
              "size": 977501
            }
          }
        }
      ],
      "outputs": [
        {
          "namespace": "file",
          "name": "/data/customers.csv",
          "facets": {
            "schema": {
              "_producer": "pkg:cargo/gristmill@VERSION",
              "_schemaURL": "https://openlineage.io/spec/facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet",
              "fields": [
                {
                  "name": "age",
                  "type": "Float64"
                },
                {
                  "name": "plan",
                  "type": "Utf8"
                }
              ]
            },
            "version": {
              "_producer": "pkg:cargo/gristmill@VERSION",
              "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
              "datasetVersion": "af1349b9"
            }
          },
          "outputFacets": {
            "outputStatistics": {
              "_producer": "pkg:cargo/gristmill@VERSION",
              "_schemaURL": "https://openlineage.io/spec/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet",
              "rowCount": 7043,
              "size": 977501
            }
          }
        },
        {
          "namespace": "s3://lake",
          "name": "churn/table.arrow",
          "facets": {}
        }
      ],
      "producer": "pkg:cargo/gristmill@VERSION",
      "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    }
    "#);
}

#[test]
fn a_task_tells_why_it_failed() {
    insta::assert_snapshot!(pretty(&events()[5]), @r#"
    {
      "eventType": "FAIL",
      "eventTime": "2025-06-01T10:00:03Z",
      "run": {
        "runId": "d03b8b5f-b8a1-83d8-80a9-d7123f6c4e7e",
        "facets": {
          "parent": {
            "_producer": "pkg:cargo/gristmill@VERSION",
            "_schemaURL": "https://openlineage.io/spec/facets/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet",
            "run": {
              "runId": "7a81e850-9fcc-87b0-bb68-95e79646fee1"
            },
            "job": {
              "namespace": "laptop",
              "name": "churn"
            },
            "root": {
              "run": {
                "runId": "7a81e850-9fcc-87b0-bb68-95e79646fee1"
              },
              "job": {
                "namespace": "laptop",
                "name": "churn"
              }
            }
          },
          "nominalTime": {
            "_producer": "pkg:cargo/gristmill@VERSION",
            "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet",
            "nominalStartTime": "2025-06-01T10:00:00Z",
            "nominalEndTime": "2025-06-02T10:00:00Z"
          },
          "errorMessage": {
            "_producer": "pkg:cargo/gristmill@VERSION",
            "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet",
            "message": "column `age` is missing in 7043 of 7043 rows",
            "programmingLanguage": "RUST"
          },
          "processing_engine": {
            "_producer": "pkg:cargo/gristmill@VERSION",
            "_schemaURL": "https://openlineage.io/spec/facets/1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet",
            "version": "VERSION",
            "name": "gristmill"
          }
        }
      },
      "job": {
        "namespace": "laptop",
        "name": "churn.train",
        "facets": {
          "jobType": {
            "_producer": "pkg:cargo/gristmill@VERSION",
            "_schemaURL": "https://openlineage.io/spec/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
            "processingType": "BATCH",
            "integration": "GRISTMILL",
            "jobType": "TASK"
          }
        }
      },
      "inputs": [],
      "outputs": [],
      "producer": "pkg:cargo/gristmill@VERSION",
      "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    }
    "#);
}

#[test]
fn ids_are_uuids_that_names_alone_decide() {
    let (one, other) = (run().id(Some("train")), Lineage::new("laptop", "churn", "0198a2"));
    assert_eq!(one, other.id(Some("train")));
    assert_eq!((one.len(), &one[14..15]), (36, "8"));
    assert!("89ab".contains(&one[19..20]), "{one}");
    let all =
        [one, run().id(None), run().id(Some("")), Lineage::new("laptop", "churn", "b").id(None)];
    let unique: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(unique.len(), all.len());
}

#[test]
fn datasets_are_named_as_others_name_them() {
    let named = |location| {
        let dataset = LineageDataset::at(location);
        format!("{} {}", dataset.namespace, dataset.name)
    };
    assert_eq!(named("file:///data/a.csv"), "file /data/a.csv");
    assert_eq!(named("gs://bucket"), "gs://bucket ");
    assert_eq!(
        named("https://me:secret@example.org/a/b.csv?token=1#x"),
        "https://example.org /a/b.csv"
    );
    assert_eq!(named("C:\\data\\a.csv"), "file C:\\data\\a.csv");
}

#[test]
fn no_moment_is_written_that_is_none() {
    assert_eq!(written(-1), "1969-12-31T23:59:59.999999Z");
    assert_eq!(written(i64::MIN), "0000-01-01T00:00:00Z");
    assert!(written(i64::MAX).starts_with("9999-12-30T"));
}

#[test]
fn a_file_takes_a_line_an_event_and_heals_one_that_was_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lineage.jsonl");
    fs_err::write(&path, "{\"cut").unwrap();
    for event in events() {
        LineageFile::open(&path).unwrap().emit(&event).unwrap();
    }
    let text = fs_err::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), text.ends_with('\n')), (events().len() + 1, true));
    for (line, event) in lines[1..].iter().zip(events()) {
        let read: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(read, serde_json::to_value(event).unwrap());
    }
}

#[test]
fn many_threads_share_a_file_without_mixing_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lineage.jsonl");
    let file = LineageFile::open(&path).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| events().iter().for_each(|event| file.emit(event).unwrap()));
        }
    });
    let text = fs_err::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 8 * events().len());
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

#[test]
fn a_file_that_cannot_be_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = LineageFile::open(&folder.path().join("none/lineage.jsonl")).unwrap_err();
    assert!(error.to_string().contains("none/lineage.jsonl"), "{error}");
}

/// What is said of each event, a line each, where a Python has what it takes. Both packages stay
/// where they are: `pip install openlineage-python 'jsonschema[format-nongpl]'`.
fn verdicts(events: &[String]) -> Option<Vec<String>> {
    let python = std::env::var("GRISTMILL_LINEAGE_PYTHON").unwrap_or_else(|_| "python3".into());
    let run = |arguments: &[&str]| Command::new(&python).args(arguments).output();
    let needs = "import jsonschema, rfc3339_validator, openlineage.client.generated.base";
    if !run(&["-c", needs]).is_ok_and(|output| output.status.success()) {
        eprintln!(
            "skipped: {python} has no openlineage-python or no jsonschema[format-nongpl]; name one \
             that has in GRISTMILL_LINEAGE_PYTHON"
        );
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lineage.jsonl");
    fs_err::write(&path, events.join("\n")).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lineage/check.py");
    let output = run(&[script, &path.to_string_lossy()]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    Some(said.lines().map(String::from).collect())
}

#[test]
fn the_schema_and_the_client_of_openlineage_take_every_event() {
    let sent = events().into_iter().map(|event| serde_json::to_string(&event).unwrap());
    let Some(said) = verdicts(&sent.collect::<Vec<_>>()) else { return };
    assert_eq!(said, ["ok"; 8]);
}

#[test]
fn an_event_that_is_not_as_the_schema_says_is_refused() {
    let sound = serde_json::to_string(&events()[3]).unwrap();
    let broken = [
        ("2025-06-01T10:00:01.5Z", "2025-06-01 at ten"),
        ("COMPLETE", "DONE"),
        ("6c0d6b47-929d-", "6c0d6b47929d-"),
        ("\"producer\":\"pkg:", "\"producer\":\"p k g "),
        ("\"rowCount\":7043", "\"rowCount\":\"7043\""),
        ("facets/1-2-0/Parent", "facets/1-0-0/Parent"),
        ("\"outputs\":", "\"output\":"),
        ("\"programmingLanguage\"", "\"language\""),
    ];
    let failed = serde_json::to_string(&events()[5]).unwrap();
    let broken = broken.map(|(from, to)| {
        let whole = if sound.contains(from) { &sound } else { &failed };
        assert!(whole.contains(from), "{from}");
        whole.replacen(from, to, 1)
    });
    let Some(said) = verdicts(&broken) else { return };
    assert_eq!(said.len(), broken.len());
    assert!(said.iter().all(|said| said.starts_with("schema: ")), "{said:#?}");
}
