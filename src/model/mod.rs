//! Models: manifests, weights, validation, tokenizer, chat template.
