//! Model cards: what is known of a version, and that nothing in one is more than text.

use std::process::Stdio;

use serde_json::json;

use crate::daemon::Up;
use crate::sandbox::Sandbox;

/// The card with words in the place of what differs from run to run: hashes, moments, sizes.
fn steady(card: &str, sandbox: &Sandbox) -> String {
    let folder = sandbox.path("").display().to_string();
    let card = card.replace(folder.trim_end_matches('/'), "FOLDER");
    let steady = |word: &str| {
        let core = word.trim_matches(['`', ',', '\'', '\\', '(', ')', ':']);
        let digits_of = core.strip_prefix("m-").unwrap_or(core);
        let hex = digits_of.len() >= 32 && digits_of.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = core.bytes().filter(u8::is_ascii_digit).count();
        let date = core.len() == 10 && digits == 8 && core.matches('-').count() == 2;
        let time = core.len() == 8 && digits == 6 && core.matches(':').count() == 2;
        match (hex, date, time) {
            (true, ..) => word.replace(core, "HASH"),
            (_, true, _) => word.replace(core, "DATE"),
            (_, _, true) => word.replace(core, "TIME"),
            _ => word.to_string(),
        }
    };
    let line = |line: &str| line.split(' ').map(steady).collect::<Vec<_>>().join(" ");
    card.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_card_of_a_pipelines_model() {
    let sandbox = Sandbox::churn();
    let set = "evaluate.slices=[contract]";
    sandbox.json(&["run", "pipeline.yaml", "--set", set]);
    let said = sandbox.run(&["models", "card", "churn"]);
    assert_eq!(said.code, 0, "{}", said.err);
    insta::assert_snapshot!(steady(&said.out, &sandbox), @r#"
    # churn, version 1

    |  |  |
    |---|---|
    | what | `logistic_regression`, which predicts churn, one of No, Yes |
    | aliases | champion |
    | stage | None |
    | status | ready |
    | registered | DATE TIME by run HASH |
    | gate | passed |
    | logged model | HASH |
    | run | HASH of the pipeline churn, begun DATE TIME |
    | package | `HASH` |
    | size | 92.6 KiB |
    | made by | gristmill 0.1.0 |

    ## Data

    |  |  |
    |---|---|
    | source | customers.csv |
    | rows | 7,043 |
    | columns | 20 |
    | parts | 5,634 to learn, 1,409 held out |
    | hash | `HASH` |
    | target | churn |
    | seed | 42 |

    | dataset | used for | rows | digest | source |
    |---|---|---|---|---|
    | customers.csv | training | 7,043 | HASH | \{"uri":"FOLDER/customers.csv"\} |

    ## Columns and steps

    | column | meaning |  |
    |---|---|---|
    | female | numeric |  |
    | senior\_citizen | categorical |  |
    | partner | numeric |  |
    | dependents | numeric |  |
    | tenure | numeric |  |
    | phone\_service | numeric |  |
    | multiple\_lines | categorical |  |
    | internet\_service | categorical |  |
    | online\_security | categorical |  |
    | online\_backup | categorical |  |
    | device\_protection | categorical |  |
    | tech\_support | categorical |  |
    | streaming\_tv | categorical |  |
    | streaming\_movies | categorical |  |
    | contract | categorical |  |
    | paperless\_billing | numeric |  |
    | payment\_method | categorical |  |
    | monthly\_charges | numeric |  |
    | total\_charges | numeric | may be missing |

    - `impute`, of 19 columns
    - `derive`, of 19 columns
    - `standardize`, of 20 columns
    - `one_hot`, of 20 columns
    - `logistic_regression`, of 41 columns

    ## Settings

    | setting | value |
    |---|---|
    | features.0.impute.columns | numeric |
    | features.0.impute.strategy | median |
    | features.1.derive.monthly\_share | monthly\_charges / \(total\_charges + monthly\_charges\) |
    | features.2.standardize.columns | numeric |
    | features.3.one\_hot.columns | categorical |
    | features.3.one\_hot.drop | if\_binary |
    | model.logistic\_regression.c | 1.0 |

    ## Scores

    On 1,409 rows that it did not learn from.

    | metric | test | train | cross-validated | required |
    |---|---|---|---|---|
    | accuracy | 0.8027 (95 %: 0.7782 to 0.8204) | 0.8103 | 0.8079 ± 0.01086 over 5 folds |  |
    | f1 | 0.5775 (95 %: 0.5368 to 0.6265) | 0.6025 | 0.5961 ± 0.02856 over 5 folds |  |
    | recall | 0.5080 (95 %: 0.4560 to 0.5629) | 0.5418 | 0.5350 ± 0.03410 over 5 folds |  |
    | roc\_auc | 0.8499 (95 %: 0.8270 to 0.8688) | 0.8541 | 0.8510 ± 0.007331 over 5 folds | 0.8 |

    ## Slices

    accuracy by contract; over all rows 0.8027:

    | rows where it is | how many | score |
    |---|---|---|
    | Month-to-month | 782 | 0.6982 (95 %: 0.6676 to 0.7274) |
    | Two year | 344 | 0.9738 (95 %: 0.9564 to 0.9855) |
    | One year | 283 | 0.8834 (95 %: 0.8490 to 0.9136) |

    ## Warnings

    - warning: 15 of 1409 test rows \(1.1 %\) have the same features as a training row, 10 of them the same answer too; remove repeated rows with \`sql: SELECT DISTINCT ...\`, or keep rows that belong together in one part with \`split: \{group: COLUMN\}\`

    ## History

    - DATE TIME: version 1 registered by run HASH
    - DATE TIME: version 1 alias set \`champion\` by run HASH: no version held it
    "#);
    let same = sandbox.json(&["models", "card", "churn/1"]);
    assert_eq!(same["markdown"].as_str().unwrap().trim_end(), said.out.trim_end());
    assert_eq!((&same["model"], &same["version"]), (&json!("churn"), &json!(1)));
    let alias = sandbox.run(&["models", "card", "churn@champion"]);
    assert_eq!(alias.out, said.out);
    let nobody = sandbox.run(&["models", "card", "chorn"]);
    assert!(nobody.code == 1 && nobody.err.contains("did you mean `churn`"), "{}", nobody.err);
}

#[test]
fn the_card_of_a_clients_model_and_nothing_in_it_runs() {
    let sandbox = Sandbox::new();
    let up = Up::of(sandbox.command(&["up", "--port", "0"]).stderr(Stdio::null()));
    let ask = |path: &str, body: serde_json::Value| {
        let (status, answer) = up.post(&format!("/api/2.0/mlflow{path}"), &body.to_string());
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    };
    let run = json!({"experiment_id": "0", "run_name": "by hand", "user_id": "ada"});
    let made = ask("/runs/create", run);
    let run = made["run"]["info"]["run_id"].as_str().unwrap().to_string();
    ask(
        "/runs/log-metric",
        json!({"run_id": run, "key": "auc", "value": 0.75, "timestamp": 1, "step": 3}),
    );
    ask(
        "/runs/log-parameter",
        json!({"run_id": run, "key": "depth", "value": "<img src=x onerror=alert(1)>"}),
    );
    let dataset = json!({
        "name": "rows", "digest": "0a1b", "source_type": "local", "source": "rows.csv",
        "profile": "{\"num_rows\": 1200, \"num_elements\": 4800}",
    });
    let tags = json!([{"key": "mlflow.data.context", "value": "training"}]);
    ask(
        "/runs/log-inputs",
        json!({"run_id": run, "datasets": [{"dataset": dataset, "tags": tags}]}),
    );
    let tags = json!([{"key": "license", "value": "MIT"}, {"key": "team", "value": "a|b"}]);
    let about = "<script>alert(1)</script> [a](javascript:alert(1))";
    ask(
        "/registered-models/create",
        json!({"name": "by-hand", "description": about, "tags": tags}),
    );
    let version = json!({"name": "by-hand", "source": "s3://bucket/model", "run_id": run});
    ask("/model-versions/create", version);
    ask(
        "/registered-models/alias",
        json!({"name": "by-hand", "alias": "champion", "version": "1"}),
    );

    let said = sandbox.run(&["models", "card", "by-hand"]);
    assert_eq!(said.code, 0, "{}", said.err);
    insta::assert_snapshot!(steady(&said.out, &sandbox), @r#"
    # by-hand, version 1

    &lt;script&gt;alert\(1\)&lt;/script&gt; \[a\]\(javascript:alert\(1\)\)

    |  |  |
    |---|---|
    | aliases | champion |
    | stage | None |
    | status | ready |
    | registered | DATE TIME by somebody unknown |
    | gate | nothing was required |
    | from | s3://bucket/model |
    | run | HASH by hand, begun DATE TIME by ada, running |
    | licence | MIT |

    Tags:

    - team: a\|b

    ## Data

    | dataset | used for | rows | digest | source |
    |---|---|---|---|---|
    | rows | training | 1,200 | 0a1b | rows.csv |

    ## Settings

    | setting | value |
    |---|---|
    | depth | &lt;img src=x onerror=alert\(1\)&gt; |

    ## Scores

    As they were logged; on which rows, whoever logged them knows.

    | metric | value | step |
    |---|---|---|
    | auc | 0.7500 | 3 |

    ## History

    - DATE TIME: version 1 registered
    - DATE TIME: version 1 alias set \`champion\`
    "#);
    let path = "/api/v1/models/by-hand/versions/1/card";
    let (status, card) = up.call(&format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    assert_eq!((status, card.as_str().unwrap().trim_end()), (200, said.out.trim_end()));
    assert!(!said.out.contains("<script") && !said.out.contains("](javascript"), "{}", said.out);
    let gone = path.replace("/1/", "/7/");
    assert_eq!(up.call(&format!("GET {gone} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")).0, 404);
}

#[test]
fn a_card_says_less_when_its_run_is_gone_or_its_files_are_lost() {
    let sandbox = Sandbox::churn();
    let run = sandbox.json(&["run", "pipeline.yaml"]);
    let whole = sandbox.run(&["models", "card", "churn"]).out;
    let artifacts = sandbox.path(".gristmill/artifacts");
    for shard in fs_err::read_dir(&artifacts).unwrap() {
        for entry in fs_err::read_dir(shard.unwrap().path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs_err::remove_file(path).unwrap();
            }
        }
    }
    let lost = sandbox.run(&["models", "card", "churn"]);
    assert!(lost.code == 0 && lost.out.contains("its evaluation cannot be read"), "{}", lost.out);
    sandbox.json(&["runs", "delete", run["run_id"].as_str().unwrap()]);
    let gone = sandbox.run(&["models", "card", "churn"]);
    assert!(gone.code == 0 && gone.out.contains("which is gone"), "{}{}", gone.out, gone.err);
    assert!(gone.out.contains("roc\\_auc") && gone.out.len() < whole.len());
}
