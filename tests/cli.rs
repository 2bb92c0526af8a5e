//! The program from outside, where nothing is measured: whole outputs, exit codes.

#[path = "cli/bench.rs"]
mod bench;
#[path = "cli/cost.rs"]
mod cost;

use insta_cmd::{assert_cmd_snapshot, get_cargo_bin};
use std::process::Command;

/// The program with a home of its own, and nothing of this user's environment that it would read.
fn mtok(arguments: &[&str]) -> Command {
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.args(arguments);
    for name in ["MTOK_PRICE", "MTOK_CUDA_LIB", "MTOK_NVML_LIB", "HF_ENDPOINT"] {
        command.env_remove(name);
    }
    command.env("MTOK_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/no-home"));
    command
}

/// Snapshots hold no folder of this machine.
fn without_folders() -> impl Drop {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(env!("CARGO_TARGET_TMPDIR"), "[TMP]");
    settings.bind_to_scope()
}

#[test]
fn models_are_listed_and_shown() {
    let _folders = without_folders();
    assert_cmd_snapshot!(mtok(&["models", "list"]), @"
    success: true
    exit_code: 0
    ----- stdout -----
    ┌────────────────────┬─────────────────────────────┬─────────┬───────────┬──────┬─────────────────────────────┬────────────────────────────────────────────────────────────────────┐
    │ name               ┆ model                       ┆ weights ┆      size ┆ here ┆ licence                     ┆ runs                                                               │
    ╞════════════════════╪═════════════════════════════╪═════════╪═══════════╪══════╪═════════════════════════════╪════════════════════════════════════════════════════════════════════╡
    │ smollm2-135m       ┆ SmolLM2 135M Instruct       ┆ Q4_1    ┆  92.1 MiB ┆      ┆ Apache-2.0                  ┆ yes                                                                │
    │ qwen2.5-coder-0.5b ┆ Qwen2.5 Coder 0.5B Instruct ┆ Q4_K_M  ┆ 463.0 MiB ┆      ┆ Apache-2.0                  ┆ yes                                                                │
    │ gemma-3-270m       ┆ Gemma 3 270M (base)         ┆ Q4_K_M  ┆ 235.2 MiB ┆      ┆ Gemma Terms of Use          ┆ yes                                                                │
    │ llama-3.1-8b       ┆ Llama 3.1 8B Instruct       ┆ Q4_K_M  ┆   4.6 GiB ┆      ┆ Llama 3.1 Community License ┆ yes                                                                │
    │ mistral-7b         ┆ Mistral 7B Instruct v0.3    ┆ Q4_K_M  ┆   4.1 GiB ┆      ┆ Apache-2.0                  ┆ yes                                                                │
    │ llama-3.3-70b      ┆ Llama 3.3 70B Instruct      ┆ Q4_K_M  ┆  40.2 GiB ┆      ┆ Llama 3.3 Community License ┆ yes                                                                │
    │ qwen3-8b           ┆ Qwen3 8B                    ┆ Q4_K_M  ┆   4.7 GiB ┆      ┆ Apache-2.0                  ┆ yes                                                                │
    │ qwen3-32b          ┆ Qwen3 32B                   ┆ Q4_K_M  ┆  18.7 GiB ┆      ┆ Apache-2.0                  ┆ yes                                                                │
    │ gemma-3-27b        ┆ Gemma 3 27B IT              ┆ Q4_K_M  ┆  15.4 GiB ┆      ┆ Gemma Terms of Use          ┆ yes                                                                │
    │ gpt-oss-20b        ┆ gpt-oss 20B                 ┆ MXFP4   ┆  12.8 GiB ┆      ┆ Apache-2.0                  ┆ not yet: the engine has no code for the architecture `gpt-oss` yet │
    └────────────────────┴─────────────────────────────┴─────────┴───────────┴──────┴─────────────────────────────┴────────────────────────────────────────────────────────────────────┘

    ----- stderr -----
    ");
    assert_cmd_snapshot!(mtok(&["models", "show", "llama-3.1-8b"]), @"
    success: true
    exit_code: 0
    ----- stdout -----
    llama-3.1-8b
    ┌───────────────────┬──────────────────────────────────────────────────────────────────────┐
    │                   ┆                                                                      │
    ╞═══════════════════╪══════════════════════════════════════════════════════════════════════╡
    │ model             ┆ Llama 3.1 8B Instruct                                                │
    │ licence           ┆ Llama 3.1 Community License, https://www.llama.com/llama3_1/license/ │
    │ sha256            ┆ —                                                                    │
    │ architecture      ┆ llama                                                                │
    │ parameters        ┆ 8,030,261,248, of which 7,504,924,672 work on a token                │
    │ weights           ┆ Q4_K_M, 4.6 GiB                                                      │
    │ read at each step ┆ 4.3 GiB                                                              │
    │ shape             ┆ 32 layers, width 4096, 32 heads of 128, 8 for keys and values        │
    │ vocabulary        ┆ 128,256                                                              │
    │ context           ┆ 131,072                                                              │
    │ chat template     ┆ —                                                                    │
    │ runs              ┆ yes                                                                  │
    └───────────────────┴──────────────────────────────────────────────────────────────────────┘

    the engine leaves out Llama 3.1's scaling of rotary positions: speed is the same, text may differ from other engines'

    (from the manifest: the file is not here)

    ----- stderr -----
    ");
    assert_cmd_snapshot!(mtok(&["models", "verify", "smollm2"]), @"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: `smollm2` is not here: no `[TMP]/no-home/models/smollm2-135m-instruct-q4_1.gguf`

    hint: `mtok models fetch smollm2`
    ");
}

#[test]
fn no_runs_yet() {
    let _folders = without_folders();
    assert_cmd_snapshot!(mtok(&["runs", "list"]), @"
    success: true
    exit_code: 0
    ----- stdout -----
    no runs yet: `mtok bench` makes one

    ----- stderr -----
    ");
    assert_cmd_snapshot!(mtok(&["runs", "show", "last"]), @"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: no run in `[TMP]/no-home/runs`

    hint: `mtok bench` makes one
    ");
}
