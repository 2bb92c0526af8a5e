//! What fits, by hand.

use super::{near, traffic, with};
use crate::estimate::{Cache, Deployment, Proposal, Weights, memory};

/// Llama 3.1 70B in 16 bits: 70.55 G parameters are 141.1 GB. On one H100 an engine may take 0.9 of
/// 80 GiB, 77.3 GB. On two, 70.6 GB of weights leave 6.7 GB each.
#[test]
fn seventy_billion_on_one_gpu() {
    with(("llama-3.1-70b", Weights::Bf16), ("h100-sxm", 1), |deployment| {
        let got = memory(deployment, traffic(500, 500), 8).unwrap();
        near(got.weights.get(), 141.1e9, 1e-3);
        near(got.usable.get(), 77.3e9, 1e-3);
        assert_eq!(got.largest_batch, 0);
        let misfit = got.misfit.unwrap();
        assert_eq!(misfit.proposals, [Proposal::Gpus(2), Proposal::Weights(Weights::Fp8)]);
        // 141.1 of weights; 8,192 × (4 × 8,192 + 2 × 28,672) × 2 of activations; 8 sequences of 800
        // tokens × 327,680 of cache and of 8 × 128,256 of logits: 144.7 GB.
        let want = "does not fit: 145 GB needed, 77 GB there; 2 GPUs or fp8 weights";
        assert_eq!(misfit.to_string(), want);
        // In 8 bits, but for tables and head, it takes 72.7 + 1.5 + 2.1 GB.
        let eight = Deployment { weights: Weights::Fp8, ..deployment.clone() };
        assert!(memory(&eight, traffic(500, 500), 8).unwrap().misfit.is_none());
    });
}

/// 16 bits of Llama 3.1 8B leave 77.31 - 16.06 - 8,192 × (4 × 4,096 + 2 × 14,336) × 2 = 60.51 GB:
/// sequences of 100 + 0.6 × 1,000 tokens take 700 × 131,072 + 8 × 128,256 bytes.
#[test]
fn the_largest_batch() {
    with(("llama-3.1-8b", Weights::Bf16), ("h100-sxm", 1), |deployment| {
        let traffic = traffic(100, 1_000);
        let got = memory(deployment, traffic, 1).unwrap();
        let left = 0.9 * 85_899_345_920.0 - 2.0 * 8_029_995_008.0 - 8_192.0 * 45_056.0 * 2.0;
        near(f64::from(got.largest_batch), left / (700.0 * 131_072.0 + 1_026_048.0), 2e-3);
        let most = got.largest_batch;
        assert!(memory(deployment, traffic, most).unwrap().misfit.is_none());
        let misfit = memory(deployment, traffic, most + 1).unwrap().misfit.unwrap();
        let want = [
            Proposal::Gpus(2),
            Proposal::Weights(Weights::Fp8),
            Proposal::SmallCache,
            Proposal::Batch(most),
        ];
        assert_eq!(misfit.proposals, want);
        let small = Deployment { cache: Cache::Fp8, ..deployment.clone() };
        let more = memory(&small, traffic, 1).unwrap().largest_batch;
        assert!(f64::from(more) > 1.95 * f64::from(most));
    });
}

/// Each proposal is true.
#[test]
fn proposals_fit() {
    with(("deepseek-v3", Weights::Fp8), ("h100-sxm", 8), |deployment| {
        let misfit = memory(deployment, traffic(1_000, 1_000), 16).unwrap().misfit.unwrap();
        assert_eq!(misfit.proposals, [Proposal::Weights(Weights::Int4)]);
        let int4 = Deployment { weights: Weights::Int4, ..deployment.clone() };
        assert!(memory(&int4, traffic(1_000, 1_000), 16).unwrap().misfit.is_none());
    });
}
