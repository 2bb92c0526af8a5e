//! `mtok bench` from outside, where it is refused before anything is fetched or measured.

use super::mtok;
use insta_cmd::assert_cmd_snapshot;

#[test]
fn a_bench_that_can_t_be_is_refused_before_anything_is_fetched() {
    assert_cmd_snapshot!(mtok(&["bench", "smolm2"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: no model `smolm2`

    hint: did you mean `smollm2`?
    ");
    assert_cmd_snapshot!(mtok(&["bench", "no/such.gguf"]), @"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: `no/such.gguf` is not a file

    hint: pass the path of a GGUF file, or of a folder with a model's safetensors
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--output-tokens", "0"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--output-tokens`: `0`: a length of 0 tokens can't be measured

    hint: write it like `128`, `100..200` or `lognormal:800,0.7,4096` (median, sigma, most)
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--concurrency", "4,0"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--concurrency`: `0` is not from 1 to 4096
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--engine", "reference", "--concurrency", "1,4"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--concurrency`: `4` is more than the reference engine runs at once

    hint: it runs one request at a time: `--concurrency 1`, or leave `--engine` out
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--engine", "reference", "--threads", "1"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--threads` says nothing to the reference engine

    hint: its library looks at the environment: `RAYON_NUM_THREADS`
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--slo", "itl=50ms"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--slo`: `itl` is not a latency that objectives can be set for

    hint: there are `ttft`, `tpot` and `e2e`
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--slo", "ttft.p95=500"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--slo`: `500` is not a length of time: a bare number is ambiguous here, it needs a unit

    hint: write it like `500ms`
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--duration", "40"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--duration`: `40` is not a length of time: a bare number is ambiguous here, it needs a unit

    hint: write it like `500ms`
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--temperature", "-1"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `temperature` is `-1`

    hint: `temperature` must be a number from 0
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--price", "cheap"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--price`: `cheap` is not a rental price: it does not start with a number

    hint: write it like `2.50/h`
    ");
}

#[test]
fn a_file_that_is_no_model_is_input_gone_wrong() {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/no-model.gguf");
    fs_err::write(path, b"This is no model.").unwrap();
    let output = mtok(&["bench", path]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: ") && said.contains("no-model.gguf"), "{said}");
}
