//! Exports, read back by other readers than wrote them.

use super::*;
use crate::cost::{Assumptions, Books, Judgement, MachinePrice};
use crate::record::builder::{RunBuilder, ms, request};
use crate::record::{Failure, FailureKind, Finish, Turn};
use crate::units::{Seconds, Tokens, UsdPerHour};
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use bytes::Bytes;

/// One that ended well, one that waited for a place, one that failed, one that never ended.
fn run() -> Run {
    let refused = Failure {
        kind: FailureKind::RateLimited,
        status: Some(429),
        retry_after: Some(Seconds(1.5)),
        reason: "slow down, \"please\"".to_owned(),
    };
    let mut run = RunBuilder::measured(100.0, 900.0)
        .request(request(50.0).token(20.0).tokens(2, 10.0).counted(Finish::Length, 5))
        .request(request(200.0).slip(40.0).token(90.0).tokens(3, 10.0).done(Finish::Stop))
        .request(request(300.0).done(Finish::Failed(refused)))
        .request(request(400.0).token(50.0))
        .build();
    run.requests[0].counts = vec![2, 2, 1];
    run.requests[1].held = Some(ms(239.0));
    run.requests[1].turn = Some(Turn { conversation: 7, index: 2, of: 3 });
    if let Some(done) = &mut run.requests[1].done {
        done.usage.cached = Some(Tokens(0));
    }
    run
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> Result<(), ExportError>) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    out
}

/// The head, by hand; the second line, by hand.
#[test]
fn csv_has_a_request_a_line_and_nothing_where_nothing_is() {
    let text = String::from_utf8(written(|out| csv(&run(), out))).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(
        lines[0],
        "id,measured,conversation,turn,due_s,held_until_s,sent_s,done_s,slip_s,ttft_s,tpot_s,e2e_s,\
         prompt_tok,planned_tok,output_tok,cached_tok,reasoning_tok,recounted_tok,chunks,finish,failure,\
         http_status,retry_after_s,reason",
    );
    assert_eq!(
        lines[2],
        "1,true,7,2,0.2,0.239,0.24,0.32,0.001,0.05,0.01,0.08,10,4,4,0,,,4,stop,,,,",
    );
    assert_eq!(
        lines[3],
        "2,true,,,0.3,,0.3,0.3,0.0,,,0.0,10,0,0,,,,0,failed,rate limited,429,1.5,\"slow down, \"\"please\"\"\"",
    );
    assert!(lines[4].starts_with("3,true,,,0.4,,0.4,,0.0,0.05,,,10,0,1,,,,1,,"), "{}", lines[4]);
}

#[test]
fn jsonl_has_the_chunks_too() {
    let text = String::from_utf8(written(|out| jsonl(&run(), out))).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows[0]["chunk_s"], serde_json::json!([0.07, 0.08, 0.09]));
    assert_eq!(rows[0]["chunk_tok"], serde_json::json!([2, 2, 1]));
    assert_eq!(rows[0]["output_tok"], 5);
    assert_eq!(
        (&rows[0]["measured"], &rows[1]["measured"]),
        (&Value::Bool(false), &Value::Bool(true))
    );
    assert_eq!((&rows[0]["cached_tok"], &rows[1]["cached_tok"]), (&Value::Null, &Value::from(0)));
    assert_eq!(rows[3]["done_s"], Value::Null);
}

#[test]
fn the_document_has_all_of_it_and_no_price() {
    let text = String::from_utf8(written(|out| json(&run(), out))).unwrap();
    let whole: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(whole["schema"], "mtok.export/1");
    assert_eq!(whole["run"]["id"], run().header.id);
    assert_eq!(whole["summary"]["requests"]["due"], 3);
    assert_eq!(whole["requests"].as_array().unwrap().len(), 4);
    assert!(!text.contains("usd"));
}

/// A cell as the reader gives it.
fn value(cell: &Field) -> Value {
    match cell {
        Field::Null => Value::Null,
        Field::Bool(flag) => (*flag).into(),
        Field::Long(number) => (*number).into(),
        Field::Double(number) => (*number).into(),
        Field::Str(text) => text.clone().into(),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => panic!("a cell of a kind that we don't write: {other:?}"),
    }
}

/// Parquet and JSONL agree in every cell, read by the crate's own reader.
#[test]
fn parquet_reads_back_as_it_was() {
    let file = written(|out| parquet(&run(), out));
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    let about = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let head = about.iter().find(|pair| pair.key == "mtok.run").unwrap().value.as_deref().unwrap();
    assert_eq!(crate::record::parse_header(head).unwrap(), run().header);
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    let text = String::from_utf8(written(|out| jsonl(&run(), out))).unwrap();
    assert_eq!(rows.len(), 4);
    for (row, line) in rows.iter().zip(text.lines()) {
        let want: Value = serde_json::from_str(line).unwrap();
        let cells = row.get_column_iter();
        let got: Map<_, _> = cells.map(|(name, cell)| (name.clone(), value(cell))).collect();
        assert_eq!(Value::Object(got), want);
    }
}

#[test]
fn a_run_without_requests_is_a_file_too() {
    let run = RunBuilder::new().build();
    let file = written(|out| parquet(&run, out));
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    assert_eq!(written(|out| jsonl(&run, out)), b"");
}

fn judged(run: &Run) -> Judgement {
    let books = Books {
        gpus: crate::hardware::Catalogue::embedded().unwrap(),
        rentals: crate::hardware::Rentals::embedded().unwrap(),
        prices: crate::prices::Book::embedded().unwrap(),
    };
    let today = jiff::civil::date(2026, 11, 22);
    let price = Some(MachinePrice::given(UsdPerHour(3.6)));
    let assumptions = Assumptions { price, ..Assumptions::on(today) };
    Judgement::of(run, &books, &assumptions)
}

/// The figures are worked by hand: 2 of 3 due ended... see the builder.
#[test]
fn the_report_of_llm_d_keeps_to_their_schema() {
    let schema: Value = serde_json::from_str(include_str!(
        "../../../tests/fixtures/llm-d/br_v0_2_1_json_schema.json"
    ))
    .unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let mut with_gpu = run();
    with_gpu.header.host.gpu = Some("NVIDIA H100 80GB HBM3".to_owned());
    with_gpu.header.telemetry.gpus = vec![crate::record::reading::GpuInfo::default()];
    let mut elsewhere = run();
    elsewhere.header.server = Some(crate::record::Server {
        url: "http://a.example".to_owned(),
        endpoint: "/v1/completions".to_owned(),
        local: false,
    });
    for run in [run(), with_gpu, elsewhere, RunBuilder::new().build()] {
        let text = written(|out| llm_d(&judged(&run), &run, out));
        let report: Value = serde_json::from_slice(&text).unwrap();
        let found: Vec<_> = validator
            .iter_errors(&report)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(report["version"], schema["properties"]["version"]["default"]);
        let mut broken = report.clone();
        broken["results"]["request_performance"]["aggregate"]["requests"]["due"] = 1.into();
        assert!(!validator.is_valid(&broken), "their schema holds nothing");
    }
}

/// Due in the measured time: the second, which ended well, the third, which failed, the fourth.
#[test]
fn the_report_of_llm_d_by_hand() {
    let text = written(|out| llm_d(&judged(&run()), &run(), out));
    let report: Value = serde_json::from_slice(&text).unwrap();
    let performance = &report["results"]["request_performance"]["aggregate"];
    assert_eq!(
        performance["requests"],
        serde_json::json!({ "total": 3, "failures": 1, "incomplete": 1 })
    );
    assert_eq!(
        performance["latency"]["request_latency"],
        serde_json::json!({ "units": "s", "mean": 0.08 })
    );
    // Two first tokens, each 50 ms after it was sent; in a closed loop its slip is no latency.
    assert_eq!(performance["latency"]["time_to_first_token"]["mean"], 0.05);
    assert_eq!(report["scenario"]["load"]["standardized"]["concurrency"], 1);
    assert_eq!(report["run"]["time"]["duration"], "PT0.900S");
}
