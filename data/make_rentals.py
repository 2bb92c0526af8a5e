#!/usr/bin/env python3
"""Derive data/rentals.csv from a survey of single-GPU rental offers. Not needed to build or run mtok.

    python3 data/make_rentals.py gpu_prices_2026-05.csv > data/rentals.csv

Every offer of a GPU that data/gpus.toml holds is kept, one line an offer, in the survey's order; the
last column is the survey's own name for the GPU. What is dropped, and counted on stderr:

- GPUs that the catalogue lacks, and altered cards ("48 GB mod");
- offers that don't tell which of several forms (SXM, PCIe, NVL) they rent: "NVIDIA H100" with no
  interconnect is a 989 or a 756 TFLOP/s chip. "NVLink" alone tells nothing either for an A100 or
  H100, where PCIe cards are bridged too;
- spot offers dearer than the dearest on-demand offer of the same GPU by the same provider: no spot
  price, a mistake in the collection (RunPod's).

`kind` is `spot` where the survey says so (which takes in marketplaces), else `on-demand`; `tier` is
the provider's own word. The output is a pure function of the survey.
"""

import csv
import sys
from decimal import Decimal

# Names that have one form only, by name and memory (GB).
ONE_FORM = {
    ("a10", 24): "a10",
    ("a40", 48): "a40",
    ("a6000", 48): "rtx-a6000",
    ("rtx a6000", 48): "rtx-a6000",
    ("b200", 180): "b200",
    ("b200", 192): "b200",
    ("b200 sxm", 180): "b200",
    ("b200 sxm6", 180): "b200",
    ("l4", 24): "l4",
    ("l40s", 48): "l40s",
    ("amd mi300x", 192): "mi300x",
    ("rtx 3090", 24): "rtx-3090",
    ("rtx 4090", 24): "rtx-4090",
    ("rtx 4090 (high freq.)", 24): "rtx-4090",
    ("geforce rtx 4090", 24): "rtx-4090",
    ("rtx 5090", 32): "rtx-5090",
    ("rtx 5090 (high freq.)", 32): "rtx-5090",
    ("geforce rtx 5090", 32): "rtx-5090",
    ("t4", 16): "t4",
    ("tesla t4", 16): "t4",
    # Only the SXM2 form of a V100 has NVLink.
    ("tesla v100 nvlink", 16): "v100-sxm-16gb",
    ("tesla v100 sxm2", 16): "v100-sxm-16gb",
}
# Chips in several forms: the form must be told by the name or by the interconnect column.
FORMS = {
    ("a100", 40): {"sxm": "a100-sxm-40gb", "pcie": "a100-pcie-40gb"},
    ("a100", 80): {"sxm": "a100-sxm-80gb", "pcie": "a100-pcie-80gb"},
    ("h100", 80): {"sxm": "h100-sxm", "pcie": "h100-pcie"},
    ("h100", 94): {"nvl": "h100-nvl"},
    ("h200", 141): {"sxm": "h200-sxm"},
}


def gpu_of(row):
    """The catalogue's id of the GPU, or why there is none."""
    name = row["gpu"].lower().removeprefix("nvidia ")
    memory = int(row["vram_gb"])
    if (name, memory) in ONE_FORM:
        return ONE_FORM[name, memory], None
    for (chip, chip_memory), forms in FORMS.items():
        words = name.split()
        if chip in words and memory == chip_memory:
            # The name first: an "H100 SXM5" whose interconnect reads NVLink is an SXM.
            for text in (name, row["interconnect"].lower()):
                told = [gpu for form, gpu in forms.items() if form in text]
                if len(told) == 1:
                    return told[0], None
            return None, "form not told"
    return None, "not in the catalogue"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], newline="") as file:
        rows = list(csv.DictReader(file))
    dropped = {}
    offers = []
    for row in rows:
        gpu, why = gpu_of(row)
        if gpu is None:
            dropped.setdefault(why, []).append(row)
            continue
        offers.append((gpu, "spot" if row["spot"] == "True" else "on-demand", row))

    dearest = {}
    for gpu, kind, row in offers:
        if kind == "on-demand":
            key = (gpu, row["provider"])
            dearest[key] = max(dearest.get(key, Decimal(0)), Decimal(row["usd_hour"]))

    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["gpu", "kind", "tier", "provider", "usd_hour", "collected", "source_url", "listed_as"])
    for gpu, kind, row in offers:
        limit = dearest.get((gpu, row["provider"]))
        if kind == "spot" and limit is not None and Decimal(row["usd_hour"]) > limit:
            dropped.setdefault("spot above on demand", []).append(row)
            continue
        fields = [gpu, kind] + [row[f] for f in ("tier", "provider", "usd_hour", "collected_at", "source_url", "gpu")]
        out.writerow(fields)
    for why, gone in dropped.items():
        names = sorted({f'{row["provider"]} {row["gpu"]}' for row in gone})
        listed = "" if why == "not in the catalogue" else ": " + ", ".join(names)
        print(f"dropped {len(gone)}, {why}{listed}", file=sys.stderr)


main()
