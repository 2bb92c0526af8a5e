"""Tiny tokenizers in the two ways that hub models have: byte-level BPE, and sentencepiece as BPE.

Beside `tokenizer.json` and `tokenizer_config.json` goes `tokens.json`: what transformers makes of
some texts and of a conversation.
"""

import json
from pathlib import Path

import transformers
from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

CORPUS = [
    "The price of a token is the price of an hour divided by the tokens of that hour.",
    "A machine that answers one person reads all of its weights for each word.",
    "It costs 12.50 dollars; 1234567 tokens cost 0.04. Don't ask where the rest of it goes!",
]
TEXTS = [
    "",
    "the price of the tokens",
    " two  spaces and\n\nlines\t12345",
    "naïve café, 東京 🙂",
    "<|im_start|>user\nhello<|im_end|>",
    "a</s>b <s> c",
    "end <keep> of it",
]
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% endif %}"
)
INST = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}"
    "{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)
CONVERSATION = [
    {"role": "user", "content": "the price of a token?"},
    {"role": "assistant", "content": "It costs 0.04."},
    {"role": "user", "content": "</s> and <|im_end|>"},
]


def byte_level(size: int) -> tuple[Tokenizer, dict]:
    """As SmolLM2 has it."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    controls = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = BpeTrainer(
        vocab_size=size,
        special_tokens=controls,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    config = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "chat_template": CHATML}
    return tokenizer, config | {"tokenizer_class": "PreTrainedTokenizerFast"}


def sentencepiece(size: int) -> tuple[Tokenizer, dict]:
    """As Mistral has it: byte tokens, spaces as marks, a beginning token."""
    tokenizer = Tokenizer(BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    marks = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    tokenizer.normalizer = normalizers.Sequence(marks)
    controls = ["<unk>", "<s>", "</s>"]
    trainer = BpeTrainer(
        vocab_size=size - 1,
        special_tokens=controls + [f"<0x{byte:02X}>" for byte in range(256)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    # The trainer takes the byte tokens for control tokens, which they are not.
    text = json.loads(tokenizer.to_str())
    text["added_tokens"] = [one for one in text["added_tokens"] if one["content"] in controls]
    tokenizer = Tokenizer.from_str(json.dumps(text))
    tokenizer.add_tokens([AddedToken("<keep>", normalized=False, special=False, rstrip=True)])
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    config = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "chat_template": INST}
    return tokenizer, config | {"tokenizer_class": "PreTrainedTokenizerFast"}


def record(kind: str, size: int, folder: Path) -> None:
    """Writes the tokenizer, and what it does."""
    tokenizer, config = {"byte_level": byte_level, "sentencepiece": sentencepiece}[kind](size)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    # Mistral's template is in the config; newer models have it in a file of its own.
    if kind == "byte_level":
        (folder / "chat_template.jinja").write_text(config.pop("chat_template"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
    loaded = transformers.AutoTokenizer.from_pretrained(folder)
    texts = [
        {
            "text": text,
            "ids": loaded(text, add_special_tokens=False).input_ids,
            "prompt": loaded(text).input_ids,
            "literal": loaded(text, add_special_tokens=False, split_special_tokens=True).input_ids,
        }
        for text in TEXTS
    ]
    chat = loaded.apply_chat_template(CONVERSATION, tokenize=False, add_generation_prompt=True)
    told = {
        "tokens": len(loaded),
        "bos": loaded.bos_token_id,
        "eos": loaded.eos_token_id,
        "texts": texts,
        "conversation": CONVERSATION,
        "chat": chat,
        "chat_ids": loaded(chat, add_special_tokens=False).input_ids,
    }
    text = json.dumps(told, ensure_ascii=False, indent=1)
    (folder / "tokens.json").write_text(text + "\n")
