//! Templates that mean well, and templates that don't.

use super::*;

fn now() -> jiff::civil::DateTime {
    jiff::civil::date(2026, 11, 22).at(9, 5, 0, 0)
}

fn render(source: &str, messages: &[(&str, &str)]) -> Result<String, ChatError> {
    let messages: Vec<_> = messages
        .iter()
        .map(|&(role, content)| Message { role: role.into(), content: content.into() })
        .collect();
    let rendering = Rendering { add_generation_prompt: true, now: now() };
    ChatTemplate::new(source, "<s>", "</s>", Path::new("m.gguf"))?.render(&messages, rendering)
}

#[track_caller]
fn check(source: &str, want: &str) {
    assert_eq!(render(source, &[("user", "a<b & \"ü\"")]).unwrap(), want);
}

#[track_caller]
fn check_error(source: &str, line: usize, words: &str) {
    let error = render(source, &[("user", "hi")]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("line {line}")), "{text}");
    assert!(text.contains(words), "{text}");
    assert_eq!(error.fault(), Fault::Input);
}

#[test]
fn a_template_sees_the_conversation_and_the_models_tokens() {
    check(
        "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m['content'] }}{% endfor %}{{ eos_token }}",
        "<s>[user]a<b & \"ü\"</s>",
    );
    check("{% if add_generation_prompt %}>{% endif %}{% if tools %}no{% endif %}", ">");
}

/// Hugging Face compiles with `trim_blocks` and `lstrip_blocks`.
#[test]
fn blocks_leave_no_blank_lines() {
    check("a\n  {% if true %}\nb\n  {% endif %}\nc", "a\nb\nc");
}

#[test]
fn python_methods_work() {
    check(
        "{{ ' x '.strip() }}{{ 'a-b'.split('-')[1] }}{{ 'Ab'.lower() }}{{ {'k': 1}.items()|length }}",
        "xbab1",
    );
}

#[test]
fn json_is_written_as_python_writes_it() {
    check("{{ {'k': [1, 'ü<', none]}|tojson }}", "{\"k\": [1, \"ü<\", null]}");
    check("{{ {'k': [1]}|tojson(indent=2) }}", "{\n  \"k\": [\n    1\n  ]\n}");
}

#[test]
fn the_time_is_the_one_that_is_passed_in() {
    check("{{ strftime_now('%d %b %Y %H:%M') }}", "22 Nov 2026 09:05");
    check_error("{{ strftime_now('%!') }}", 1, "");
}

#[test]
fn a_template_may_refuse() {
    let error = render("x\n{{ raise_exception('roles must alternate') }}", &[]).unwrap_err();
    assert!(
        matches!(&error, ChatError::Refused { line: 2, reason, .. } if reason == "roles must alternate"),
        "{error}"
    );
}

#[test]
fn an_error_names_the_line() {
    check_error("a\nb\n{{ 1 // 0 }}", 3, "");
    check_error("a\n{% if %}", 2, "syntax error");
    check_error("{{ nothing.at.all }}", 1, "undefined");
    check_error("{% include 'other' %}", 1, "other");
}

#[test]
fn hostile_templates_end_in_an_error() {
    let long_loop = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}";
    check_error(long_loop, 1, "fuel");
    check_error("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", 1, "recursion");
    let long_prompt = "{% for a in range(9999) %}{{ 'x' * 100000 }}{% endfor %}";
    check_error(long_prompt, 0, "the prompt is longer than any context");
    check_error("{{ 'x' * 10000000000 }}", 1, "too large");
    check_error("{{ range(10000000000) }}", 1, "");
    let parentheses = format!("{{{{ {}1{} }}}}", "(".repeat(9_999), ")".repeat(9_999));
    check_error(&parentheses, 1, "recursion");
    check_error(&"x".repeat(TEMPLATE_BYTES_MAX + 1), 0, "bytes");
}

/// Each step wraps the value once more; dropping it takes as many stack frames.
#[test]
fn values_nested_as_deep_as_the_fuel_allows_can_be_dropped() {
    let source = "{% set ns = namespace(x=[]) %}{% for a in range(99999) %}{% set ns.x = [ns.x] %}{% endfor %}";
    let messages = vec![Message { role: "user".into(), content: String::new() }; 1_000];
    let template = ChatTemplate::new(source, "", "", Path::new("m.gguf")).unwrap();
    let rendering = Rendering { add_generation_prompt: false, now: now() };
    let error = template.render(&messages, rendering).unwrap_err();
    assert!(error.to_string().contains("fuel"), "{error}");
}
